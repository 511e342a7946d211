import BrokerTestKit
import BrokerWire
import Testing

/// Totals are right to the last count, over real sockets.
@Suite("Exact totals", .timeLimit(.minutes(5)))
struct ExactTotalsTests {
    private static let connections = 50
    private static let publishesEach = 2000

    private func publish(_ index: Int, port: Int) async throws -> Int {
        try await WireClient.run(port: port) { client async throws in
            var sum = 0
            var last = 0
            var id = 0
            while id < Self.publishesEach {
                // A hundred at a time in flight.
                let batch = (0..<100).map { step -> String in
                    let number = 1 + (index + id + step) % 8
                    sum += number
                    return "{\"op\":\"pub\",\"id\":\(id + step),\"topic\":\"clicks\",\"data\":\(number)}"
                }
                try await client.send(batch)
                for step in 0..<batch.count {
                    let ack = try await client.receive()
                    #expect(ack.hasPrefix("{\"op\":\"ack\",\"id\":\(id + step),"), "answers come in order: \(ack)")
                    let value = try #require(JSONField.integer("data", in: ack))
                    #expect(value > last, "running values rise")
                    last = value
                }
                id += batch.count
            }
            return sum
        }
    }

    @Test(arguments: [1, 2])
    func aHundredThousandPublishesFromFiftyConnectionsAddUpExactly(eventLoops: Int) async throws {
        try await TestBroker.run(settings: ["eventLoops=\(eventLoops)"]) { broker async throws in
            let early = Task { try await Self.watch(port: broker.port, until: nil) }
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<Self.connections { group.addTask { try await self.publish(index, port: broker.port) } }
                return try await group.reduce(0, +)
            }
            // One more publish tells the watchers when to stop.
            let late = Task { try await Self.watch(port: broker.port, until: sum + 1) }
            try await WireClient.run(port: broker.port) { client async throws in
                let ack = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
                #expect(JSONField.integer("data", in: ack) == sum + 1)
                #expect(JSONField.integer("offset", in: ack) == Self.connections * Self.publishesEach + 1)
            }
            #expect(try await late.value == sum + 1)
            early.cancel()
        }
    }

    /// The last value that a subscriber sees.
    private static func watch(port: Int, until end: Int?) async throws -> Int {
        try await WireClient.run(port: port) { client async throws in
            var last = 0
            var message = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
            while true {
                if let value = JSONField.integer("data", in: message) {
                    #expect(value >= last, "a subscriber never goes back")
                    last = value
                }
                if last == end { return last }
                message = try await client.receive()
            }
        }
    }

    @Test func twoSubscribersThatJoinAtDifferentTimesEndOnTheSameValue() async throws {
        try await TestBroker.run { broker async throws in
            let first = Task { try await Self.watch(port: broker.port, until: 5050) }
            try await WireClient.run(port: broker.port) { client async throws in
                for number in 1...50 {
                    _ = try await client.ask(#"{"op":"pub","id":\#(number),"topic":"clicks","data":\#(number)}"#)
                }
                let second = Task { try await Self.watch(port: broker.port, until: 5050) }
                for number in 51...100 {
                    _ = try await client.ask(#"{"op":"pub","id":\#(number),"topic":"clicks","data":\#(number)}"#)
                }
                #expect(try await second.value == 5050)
            }
            #expect(try await first.value == 5050)
        }
    }

    @Test func tenTimesATenthIsOne() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                var ack = ""
                for id in 1...10 { ack = try await client.ask(#"{"op":"pub","id":\#(id),"topic":"total","data":0.1}"#) }
                #expect(ack == #"{"op":"ack","id":10,"offset":10,"data":1}"#)
            }
        }
    }

    @Test func aTotalBeyondDoublesIsExactAndSaysSo() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"total","data":9223372036854775807}"#)
                let ack = try await client.ask(#"{"op":"pub","id":2,"topic":"total","data":1}"#)
                #expect(
                    ack == #"{"op":"ack","id":2,"offset":2,"data":9223372036854775808,"exact":"9223372036854775808"}"#
                )
            }
        }
    }

    @Test(arguments: [("\"6\"", "not_a_number"), ("1e999", "exponent_out_of_range"), ("null", "not_a_number")])
    func whatIsNoNumberIsRefusedTheTotalUnchangedAndTheConnectionKept(data: String, why: String) async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"total","data":5}"#)
                let refusal = try await client.ask(#"{"op":"pub","id":2,"topic":"total","data":\#(data)}"#)
                #expect(refusal.hasPrefix(#"{"op":"err","id":2,"code":4004,"name":"bad_value""#))
                #expect(refusal.contains(#""why":"\#(why)""#))
                #expect(try await client.ask(#"{"op":"pub","id":3,"topic":"total","data":1}"#).contains("\"data\":6"))
            }
        }
    }

    @Test func notANumberIsNotEvenJSON() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                let refusal = try await client.ask(#"{"op":"pub","id":2,"topic":"total","data":NaN}"#)
                #expect(refusal.hasPrefix(#"{"op":"err","id":2,"code":4000,"name":"bad_json""#))
                #expect(try await client.ask(#"{"op":"pub","id":3,"topic":"total","data":1}"#).contains("\"data\":1"))
            }
        }
    }
}
