import BrokerTestKit
import Foundation
import Testing

/// `wsbench` as its users run it. What it counts is asserted; how fast it was is not.
@Suite("wsbench", .timeLimit(.minutes(5)))
struct BenchTests {
    private static let topics = """
        [{"topic": "sum/#", "aggregate": "sum"}, {"topic": "fast/#", "aggregate": "sum", "durability": "memory"}]
        """

    private func bench(_ arguments: String, port: Int) async throws -> (status: Int32, output: String, errors: String) {
        let tool = try ChildProcess("wsbench", ["-p", "\(port)"] + arguments.split(separator: " ").map(String.init))
        return await tool.wait()
    }

    @Test func everyEventIsDeliveredToEverySubscriber() async throws {
        try await TestBroker.run { broker async throws in
            let end = try await self.bench(
                "--messages 301 --publishers 3 --subscribers 2 --topics 2 --window 8 --json",
                port: broker.port
            )
            #expect(end.status == 0)
            #expect(end.errors == "")
            #expect(end.output.contains(#""published":{"count":301,"#))
            #expect(end.output.contains(#""acknowledged":{"count":301,"#))
            #expect(end.output.contains(#""delivered":{"count":602,"#))
            #expect(end.output.contains(#""expected":602,"unmatched":0,"latencyMicroseconds":{"count":602,"#))
            #expect(end.output.contains(#""errors":[]"#))
        }
    }

    @Test(arguments: ["sum/bench", "fast/bench"], ["", " --durable"])
    func everyNumberIsInTheTotal(topic: String, durable: String) async throws {
        try await TestBroker.run(topics: Self.topics) { broker async throws in
            let end = try await self.bench(
                "-t \(topic) --number --messages 500 --publishers 2 --subscribers 2 --json" + durable,
                port: broker.port
            )
            #expect(end.status == 0)
            #expect(end.output.contains(#""acknowledged":{"count":500,"#))
            // Values may be skipped, and the last one is waited for.
            #expect(end.output.contains(#""expected":null"#))
            let total = try await WireClient.run(port: broker.port) { client in
                JSONField.integer("data", in: try await client.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#))
            }
            #expect(total == 500)
        }
    }

    /// In mode `all` nothing is skipped, and the age of every value is found by its offset.
    @Test func eachValueHasItsAge() async throws {
        try await TestBroker.run(topics: Self.topics) { broker async throws in
            let end = try await self.bench(
                "-t sum/bench --number --messages 200 --publishers 2 --subscribers 3 --all --json",
                port: broker.port
            )
            #expect(end.status == 0)
            #expect(end.output.contains(#""delivered":{"count":600,"#))
            #expect(end.output.contains(#""unmatched":0,"latencyMicroseconds":{"count":600,"#))
        }
    }

    @Test func aRateIsSentInFullAndReportedAsText() async throws {
        try await TestBroker.run { broker async throws in
            let end = try await self.bench(
                "--messages 100 --rate 2000 --publishers 3 --subscribers 1",
                port: broker.port
            )
            #expect(end.status == 0)
            #expect(end.errors == "")
            let lines = end.output.split(separator: "\n")
            #expect(lines.first == "3 publishers, 1 subscriber: events of 128 bytes to bench, 2,000 a second in all")
            for name in ["published", "acknowledged", "delivered"] {
                #expect(lines.contains { $0.split(separator: " ").starts(with: [name[...], "100"]) })
            }
            #expect(lines.contains { $0.hasPrefix("sent late") })
            #expect(lines.contains("no errors"))
        }
    }

    @Test func refusalsAreCountedByTheirCodeAndTheStatusIsFour() async throws {
        try await TestBroker.run(topics: Self.topics) { broker async throws in
            let end = try await self.bench("-t sum/bench --messages 50 --json", port: broker.port)
            #expect(end.status == 4)
            #expect(end.output.contains(#""errors":[{"code":4004,"name":"bad_value","count":50,"#))
        }
    }

    @Test func aBrokerThatIsNotThereIsThreeAndWrongUsageIsTwo() async throws {
        let nobody = try await self.bench("--messages 1", port: 1)
        #expect(nobody.status == 3)
        #expect(nobody.errors.contains("127.0.0.1:1"))
        #expect(try await self.bench("--nonsense", port: 1).status == 2)
    }

    /// What was measured before the interruption is reported.
    @Test func anInterruptedRunIsReported() async throws {
        try await TestBroker.run { broker async throws in
            let tool = try ChildProcess("wsbench", ["-p", "\(broker.port)", "--duration", "1000", "--json"])
            // It is under way as soon as its publishes arrive.
            try await WireClient.run(port: broker.port) { client in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"bench"}"#)
                _ = try await client.receive()
            }
            tool.signal(SIGINT)
            let end = await tool.wait()
            #expect(end.status == 0)
            #expect(end.output.contains(#""interrupted":true"#))
        }
    }
}
