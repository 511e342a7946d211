import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Section 5.9: rates, silence and limits over a real socket.
///
/// L2 and L3 are ``SlowSubscriberTests``, L4 is ``HealthTests``, L5 ``DescriptorTests``, L9 ``StopTests``; L8 comes
/// with the storage's failures. L12 is no limit of this broker: each of its buffers has a bound of its own.
@Suite("Catalogue: flow and limits", .timeLimit(.minutes(5)))
struct FlowCatalogueTests {
    private static func publish(_ id: Int) -> String { #"{"op":"pub","id":\#(id),"topic":"total","data":1}"# }

    /// L1: as many as the burst, and one more.
    @Test func thePublishPastTheRateIsRefusedAndNotCounted() async throws {
        let settings = ["limits.publishesPerSecond=1", "limits.publishBurst=5"]
        try await TestBroker.run(settings: settings) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                try await client.send((1...6).map(Self.publish))
                for count in 1...5 { #expect(JSONField.integer("data", in: try await client.receive()) == count) }
                let refusal = try await client.receive()
                #expect(JSONField.integer("code", in: refusal) == 4202)
                #expect(JSONField.integer("id", in: refusal) == 6)
                #expect(JSONField.string("retry", in: refusal) == "later")
                #expect((1...1000).contains(JSONField.integer("afterMs", in: refusal) ?? 0))
                let total = try await client.ask(#"{"op":"get","id":7,"topic":"total"}"#)
                #expect(JSONField.integer("data", in: total) == 5)
            }
        }
    }

    /// L1 of bare numbers.
    @Test func theBareNumberPastTheRateIsRefusedAndNotCounted() async throws {
        let settings = ["limits.publishesPerSecond=1", "limits.publishBurst=3"]
        try await TestBroker.run(settings: settings) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                try await client.send(["1", "1", "1", "1"])
                for total in 1...3 { #expect(try await client.receive() == "\(total)") }
                #expect(JSONField.integer("code", in: try await client.receive()) == 4202)
                let read = try await HTTPExchange.send("GET /topics/total", port: broker.port)
                #expect(JSONField.integer("data", in: read.body) == 3)
            }
        }
    }

    /// L1 over HTTP: by address, on however many connections.
    @Test func thePublishPastTheRateIsRefusedOverHTTPToo() async throws {
        let settings = ["limits.publishesPerSecond=1", "limits.publishBurst=3"]
        try await TestBroker.run(settings: settings) { broker async throws in
            var counts: [Int: Int] = [:]
            // Far more than there are seconds in which they are made.
            for _ in 1...100 {
                let answer = try await HTTPExchange.send("POST /topics/total", body: "1", port: broker.port)
                counts[answer.status, default: 0] += 1
                if answer.status == 429 { #expect(answer.headers["retry-after"] == "1") }
            }
            #expect(counts[200] ?? 0 >= 3 && counts[429] ?? 0 > 0 && counts.count == 2)
            let read = try await HTTPExchange.send("GET /topics/total", port: broker.port)
            #expect(JSONField.integer("data", in: read.body) == counts[200])
        }
    }

    /// Whoever has shown who it is is counted by that, and nobody else at its address with it.
    @Test func overHTTPEachPrincipalHasARateOfItsOwn() async throws {
        let settings = ["limits.publishesPerSecond=1", "limits.publishBurst=3"]
        let rules = #"[{"allow":["publish"]}]"#
        try await AccessFixture.run(settings: settings, rules: rules) { broker async throws in
            func publish(_ token: String) async throws -> Int {
                let headers = ["Authorization": "Bearer \(token)"]
                return try await HTTPExchange.send("POST /topics/total", headers, body: "1", port: broker.port).status
            }
            var statuses: Set<Int> = []
            for _ in 1...100 { statuses.insert(try await publish(AccessFixture.meter)) }
            #expect(statuses == [200, 429])
            #expect(try await publish(AccessFixture.viewer) == 200)
        }
    }

    @Test func theSubscriptionPastTheRateIsRefused() async throws {
        let settings = ["limits.subscriptionsPerSecond=1", "limits.subscriptionsPerConnection=3"]
        try await TestBroker.run(settings: settings) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                try await client.send((1...4).map { #"{"op":"sub","id":\#($0),"topic":"t"}"# })
                for id in 1...3 {
                    let answer = try await client.receive()
                    #expect(answer.contains("ack") && JSONField.integer("id", in: answer) == id)
                }
                let refusal = try await client.receive()
                #expect(JSONField.integer("code", in: refusal) == 4202)
                #expect(JSONField.integer("id", in: refusal) == 4)
            }
        }
    }

    /// L6: silence is asked about, and then not waited for.
    @Test func aClientThatDoesNotAnswerAPingIsClosed() async throws {
        let settings = ["limits.pingInterval=1s", "limits.pongTimeout=1s"]
        try await TestBroker.run(settings: settings) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.closeCode() == CloseCode(.idle))
            }
        }
    }

    /// F15: a frame that is begun and not finished.
    @Test func aFrameThatIsNotFinishedIsClosed() async throws {
        try await TestBroker.run(settings: ["limits.frameTimeout=1s"]) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                try await client.send(raw: [0x81, 0xFF, 0, 0, 0, 0, 0])
                #expect(try await client.closeCode() == .policy)
            }
        }
    }

    /// The twentieth frame within ten seconds that is no request ends the connection; refusals of numbered ones do not.
    @Test func nonsenseIsTakenSoOftenAndNotOnceMore() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                for id in 1...50 {
                    let refusal = try await client.ask(#"{"op":"get","id":\#(id),"topic":"nothing"}"#)
                    #expect(JSONField.integer("code", in: refusal) == 4404)
                    _ = try await client.ask(#"{"op":"pub","id":\#(id),"topic":"a b","data":1}"#)
                }
                for _ in 1...19 { #expect(JSONField.integer("code", in: try await client.ask("nonsense")) == 4000) }
                #expect(JSONField.integer("code", in: try await client.ask("nonsense")) == 4000)
                #expect(try await client.closeCode() == CloseCode(.tooManyErrors))
            }
        }
    }

    /// L11: who takes no answers is not read from either; once it takes them, each of its publishes has one.
    @Test func aPublisherThatDoesNotReadItsAnswersIsHeldAndLosesNothing() async throws {
        // Each answer is some kilobytes: a few thousand are more than the kernel has room for.
        let rule = #"{"topic":"top","aggregate":{"topk":{"k":16}},"durability":"memory"}"#
        let labels = (0..<16).map { String(repeating: "\($0 % 10)", count: 200 + $0) }
        let publishes = 4000
        try await TestBroker.run(topics: "[\(rule)]") { broker async throws in
            try await WireClient.run(port: broker.port, receiveBuffer: 65_536) { client async throws in
                async let sent: Void = {
                    for id in 1...publishes {
                        let label = labels[id % labels.count]
                        try await client.send(#"{"op":"pub","id":\#(id),"topic":"top","data":"\#(label)"}"#)
                    }
                }()
                // In each turn of the broker's event loop it is read from, or it is held.
                var (published, unchanged) = (0, 0)
                while unchanged < 200, published < publishes {
                    let now = try await Self.connection(of: broker).published
                    unchanged = now == published && now > 0 ? unchanged + 1 : 0
                    published = now
                }
                #expect(published < publishes, "it was read from as if it took its answers")
                for id in 1...publishes { #expect(JSONField.integer("id", in: try await client.receive()) == id) }
                try await sent
            }
        }
    }

    private struct Connection: Decodable {
        var published: Int
    }

    /// How the administration describes a broker's only connection.
    private static func connection(of broker: TestBroker) async throws -> Connection {
        let answer = try await HTTPExchange.send("GET /connections", port: broker.adminPort).body
        return try #require(try JSONDecoder().decode([Connection].self, from: Data(answer.utf8)).first)
    }
}
