import BrokerTestKit
import BrokerWire
import Testing

/// Clients on several event loops, of which one has the core.
@Suite("Event loops", .timeLimit(.minutes(5)))
struct EventLoopTests {
    /// Everybody is told at once, on whichever loop they are: nobody waits for the loop's next tick, which may be a
    /// second away. With that wait this would take minutes.
    @Test func whatOneLoopPublishesIsToldOnAllOthersAtOnce() async throws {
        try await TestBroker.run(settings: ["eventLoops=3"], topics: "[]") { broker async throws in
            try await WireClient.run(port: broker.port) { first async throws in
                try await WireClient.run(port: broker.port) { second async throws in
                    try await WireClient.run(port: broker.port) { third async throws in
                        let clients = [first, second, third]
                        for client in clients { _ = try await client.ask(#"{"op":"sub","id":1,"topic":"news"}"#) }
                        for number in 0..<150 {
                            try await clients[number % 3].send(#"{"op":"pub","topic":"news","data":\#(number)}"#)
                            for client in clients {
                                let message = ServerFrame(Array(try await client.receive().utf8))
                                #expect(message["data"] == "\(number)")
                            }
                        }
                    }
                }
            }
        }
    }

    /// What waits for a time that is far away does not keep others from theirs.
    @Test func aRateIsNotHeldUpByASlowerOne() async throws {
        let topics = ##"[{"topic":"#","aggregate":"sum","durability":"memory"}]"##
        try await TestBroker.run(topics: topics) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"slow","maxRate":0.005}"#)
                _ = try await client.ask(#"{"op":"sub","id":2,"topic":"quick","maxRate":20}"#)
                for topic in ["slow", "slow", "quick", "quick"] {
                    let answer = try await client.ask(#"{"op":"pub","id":3,"topic":"\#(topic)","data":1}"#)
                    #expect(answer.contains(#""op":"ack""#))
                    // The first one is told at once.
                    if answer.contains(#""data":1}"#) { _ = try await client.receive() }
                }
                // The second one of `slow` comes in some minutes.
                let message = ServerFrame(Array(try await client.receive().utf8))
                #expect(message.topic == "quick" && message["data"] == "2")
            }
        }
    }
}
