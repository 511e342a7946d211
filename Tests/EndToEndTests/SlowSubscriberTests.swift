import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Somebody who does not read costs little and gets the newest total.
@Suite("Slow subscribers", .timeLimit(.minutes(5)))
struct SlowSubscriberTests {
    private static let publishes = 1_000_000

    /// Resident memory of a process, in bytes.
    private func residentBytes(of process: ChildProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.id)/statm", encoding: .utf8)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }

    @Test func aMillionPublishesPastASubscriberThatDoesNotReadCostNoMemory() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("config.json")
        let configuration = #"{"topics":[{"topic":"total","aggregate":"sum","durability":"memory"}]}"#
        try Data(configuration.utf8).write(to: file)
        // A process of its own: other tests take memory in this one.
        let (process, port) = try await ChildProcess.broker(in: folder, ["--config", file.path])
        defer { process.signal(SIGKILL) }
        try await WireClient.run(port: port, receiveBuffer: 4096) { slow async throws in
            _ = try await slow.ask(#"{"op":"sub","id":1,"topic":"total"}"#)
            // From here on `slow` does not read until everything is published.
            let before = try self.residentBytes(of: process)
            try await Self.publishAll(port: port)
            let grown = try self.residentBytes(of: process) - before
            #expect(grown < 64 << 20, "the broker kept something for each publish")
            // What the kernel had taken comes first; it is little, and it ends with the newest total.
            var frames = 0
            var value = 0
            while value < Self.publishes {
                value = try #require(JSONField.integer("data", in: try await slow.receive()))
                frames += 1
            }
            #expect(value == Self.publishes)
            #expect(frames < Self.publishes / 100, "totals were queued instead of conflated")
        }
    }

    private static func publishAll(port: Int) async throws {
        try await WireClient.run(port: port) { client async throws in
            let batch = (1...500).map { _ in #"{"op":"pub","topic":"total","data":1}"# }
            for _ in 0..<(Self.publishes / batch.count) { try await client.send(batch) }
            // Answers come in order, so this one comes after everything is counted.
            let last = try await client.ask(#"{"op":"get","id":1,"topic":"total"}"#)
            #expect(JSONField.integer("data", in: last) == Self.publishes)
        }
    }

    @Test func aSubscriberToAllMessagesThatDoesNotReadIsClosedAndOthersGoOn() async throws {
        // It reads again only when everything is published, which may take longer than it would have for the Close.
        let settings = ["limits.outboxBytes=128KiB", "limits.closeTimeout=5m"]
        try await TestBroker.run(settings: settings, topics: "[]") { broker async throws in
            try await WireClient.run(port: broker.port, receiveBuffer: 4096) { slow async throws in
                _ = try await slow.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                try await WireClient.run(port: broker.port) { quick async throws in
                    _ = try await quick.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                    let text = String(repeating: "x", count: 60_000)
                    for _ in 0..<150 {
                        try await quick.send(#"{"op":"pub","topic":"news","data":"\#(text)"}"#)
                        #expect(try await quick.receive().contains(text))
                    }
                }
                #expect(try await slow.closeCode() == CloseCode(.slowConsumer))
            }
        }
    }
}
