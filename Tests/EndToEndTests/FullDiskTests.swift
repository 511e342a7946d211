import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// A disk that fills up under a running broker, and gets room again.
@Suite("Full disk", .timeLimit(.minutes(5)), .enabled(if: SmallDisk.isPossible, "only root may mount a small disk"))
struct FullDiskTests {
    private static let rules = """
        {"topics": [
            {"topic": "clicks", "aggregate": "sum", "number": "int"},
            {"topic": "live", "aggregate": "sum", "durability": "memory"}]}
        """

    private func start(_ disk: SmallDisk, _ settings: [String]) async throws -> (process: ChildProcess, port: Int) {
        let file = disk.folder.appendingPathComponent("config.json")
        try Data(Self.rules.utf8).write(to: file)
        return try await ChildProcess.broker(
            in: disk.folder,
            ["--config", file.path] + settings.flatMap { ["--set", $0] }
        )
    }

    /// Publishes until the answer is what it has to be; returns how many were counted before.
    private static func publish(_ client: WireClient, until isDone: (String) -> Bool) async throws -> Int {
        var counted = 0
        while true {
            let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
            if answer.contains(#""op":"ack""#) { counted += 1 }
            if isDone(answer) { return counted }
        }
    }

    private static func isRefused(_ answer: String) -> Bool { answer.contains("storage_full") }

    private static func isCounted(_ answer: String) -> Bool { answer.contains(#""op":"ack""#) }

    /// A shortage and its end, with whatever makes the first refusal.
    private func goThrough(_ disk: SmallDisk, _ broker: (process: ChildProcess, port: Int)) async throws {
        let counted = try await WireClient.run(port: broker.port) { client async throws in
            var counted = try await Self.publish(client, until: Self.isCounted)
            let neighbour = try disk.fill(leaving: 0)
            counted += try await Self.publish(client, until: Self.isRefused)
            let refusal = try await client.ask(#"{"op":"pub","id":2,"topic":"clicks","data":1}"#)
            #expect(JSONField.integer("code", in: refusal) == 4203)
            #expect(JSONField.string("retry", in: refusal) == "later")
            let overHTTP = try await HTTPExchange.send("POST /topics/clicks", body: "1", port: broker.port)
            #expect(overHTTP.status == 503)
            #expect(overHTTP.headers["retry-after"] == "2")
            let read = try await client.ask(#"{"op":"get","id":3,"topic":"clicks"}"#)
            #expect(
                JSONField.integer("data", in: read) == counted,
                "reading goes on, and what was refused is not there"
            )
            let live = try await client.ask(#"{"op":"pub","id":4,"topic":"live","data":5}"#)
            #expect(JSONField.integer("data", in: live) == 5, "what is not stored goes on: \(live)")
            let event = try await client.ask(#"{"op":"pub","id":5,"topic":"news","data":"hello"}"#)
            #expect(Self.isCounted(event), "so do events: \(event)")
            try FileManager.default.removeItem(at: neighbour)
            counted += try await Self.publish(client, until: Self.isCounted)
            return counted
        }
        try await WireClient.run(port: broker.port) { client async throws in
            let value = try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
            #expect(JSONField.integer("data", in: value) == counted)
        }
        broker.process.signal(SIGTERM)
        #expect(await broker.process.wait().status == 0)
        let again = try await self.start(disk, [])
        try await WireClient.run(port: again.port) { client async throws in
            let value = try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
            #expect(JSONField.integer("data", in: value) == counted, "and after a restart it is the same")
        }
        again.process.signal(SIGTERM)
        #expect(await again.process.wait().status == 0)
    }

    @Test func publishesAreRefusedBeforeItIsFullAndGoOnWithRoom() async throws {
        let disk = try SmallDisk(megabytes: 24)
        let broker = try await self.start(disk, ["store.reservedBytes=4MiB", "store.spareBytes=2MiB"])
        try await self.goThrough(disk, broker)
    }

    /// Without a reserve the first commit that finds no room says so.
    @Test func aCommitThatFindsNoRoomIsRefusedAndTheNextOneTries() async throws {
        let disk = try SmallDisk(megabytes: 16)
        let broker = try await self.start(disk, ["store.reservedBytes=0B", "store.spareBytes=0B"])
        try await self.goThrough(disk, broker)
    }

    @Test func theSpareFileIsThereIsGivenUpAndComesBack() async throws {
        let disk = try SmallDisk(megabytes: 24)
        let broker = try await self.start(disk, ["store.reservedBytes=3MiB", "store.spareBytes=4MiB"])
        let spare = disk.folder.appendingPathComponent("store.db-spare").path
        try await WireClient.run(port: broker.port) { client async throws in
            while !FileManager.default.fileExists(atPath: spare) { _ = try await client.ask(#"{"op":"ping"}"#) }
            let size = try FileManager.default.attributesOfItem(atPath: spare)[.size] as? Int
            #expect(size == 4 << 20)
            let neighbour = try disk.fill(leaving: 0)
            while FileManager.default.fileExists(atPath: spare) { _ = try await client.ask(#"{"op":"ping"}"#) }
            // The kernel takes the name away before it gives the room back.
            while disk.freeBytes < 3 << 20 { _ = try await client.ask(#"{"op":"ping"}"#) }
            let refusal = try await client.ask(#"{"op":"pub","id":2,"topic":"clicks","data":1}"#)
            #expect(Self.isRefused(refusal), "and not for publishes")
            try FileManager.default.removeItem(at: neighbour)
            while !FileManager.default.fileExists(atPath: spare) { _ = try await client.ask(#"{"op":"ping"}"#) }
        }
        broker.process.signal(SIGTERM)
        #expect(await broker.process.wait().status == 0)
    }
}
