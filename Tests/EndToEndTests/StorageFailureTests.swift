import BrokerTestKit
import BrokerWire
import Foundation
import Synchronization
import Testing

/// Storage that fails under a running broker, or is not what it has to be at its start.
@Suite("Storage failures", .timeLimit(.minutes(5)))
struct StorageFailureTests {
    private static func publish(_ client: WireClient) async throws -> String {
        try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
    }

    /// What a broker does whose store has failed: refuses what would be stored, goes on reading, and ends with 74.
    private func expectFailStop(
        _ broker: (process: ChildProcess, port: Int),
        counted: Int,
        becauseOf reason: String,
        afterwards: @escaping @Sendable () async throws -> Void = {}
    ) async throws {
        try await WireClient.run(port: broker.port) { client async throws in
            for _ in 1...counted { _ = try await Self.publish(client) }
        }
        try await afterwards()
        try await WireClient.run(port: broker.port) { client async throws in
            for _ in 1...2 {
                let refusal = try await Self.publish(client)
                #expect(JSONField.integer("code", in: refusal) == 4204, "\(refusal)")
                #expect(JSONField.string("name", in: refusal) == "storage_unknown")
            }
            let read = try await client.ask(#"{"op":"get","id":3,"topic":"clicks"}"#)
            #expect(JSONField.integer("data", in: read) == counted, "reading goes on: \(read)")
        }
        let end = await broker.process.wait()
        #expect(end.status == 74)
        #expect(end.errors.contains(reason), "\(end.errors)")
    }

    @Test(arguments: ["store.db", "store.db-wal"])
    func aFileThatIsMovedAwayIsNotWrittenAnyMore(name: String) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder)
        let file = folder.appendingPathComponent(name)
        try await self.expectFailStop(broker, counted: 3, becauseOf: "\(name) was deleted or moved away") {
            try FileManager.default.moveItem(at: file, to: file.appendingPathExtension("moved"))
        }
        // What was acknowledged is in what was moved: with it in its place the broker has it again.
        try FileManager.default.moveItem(at: file.appendingPathExtension("moved"), to: file)
        let again = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: again.port) { client async throws in
            let read = try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
            #expect((3...4).contains(JSONField.integer("data", in: read) ?? 0), "\(read)")
        }
        again.process.signal(SIGTERM)
        #expect(await again.process.wait().status == 0)
    }

    /// `strace` makes the system calls of the running broker fail, as a dying disk would.
    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace"), "strace is not installed"),
        arguments: ["fsync,fdatasync", "pwrite64"]
    )
    func aDiskThatFailsMakesTheOutcomeUnknown(calls: String) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder)
        let id = broker.process.id
        let tracer = Mutex<Tracer?>(nil)
        try await self.expectFailStop(broker, counted: 3, becauseOf: "disk I/O error") {
            let begun = try await Tracer(failing: calls, of: id)
            tracer.withLock { $0 = begun }
        }
        let again = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: again.port) { client async throws in
            let read = try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
            #expect((3...4).contains(JSONField.integer("data", in: read) ?? 0), "\(read)")
        }
        again.process.signal(SIGTERM)
        #expect(await again.process.wait().status == 0)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "only root may mount a small disk"))
    func aReadOnlyFileSystemAtStartIsNamed() async throws {
        let disk = try SmallDisk(megabytes: 4)
        try disk.makeReadOnly()
        let broker = try ChildProcess(
            "wsbroker",
            ["--port", "0", "--set", "admin.port=0", "--store", "store.db"],
            in: disk.folder
        )
        let end = await broker.wait()
        #expect(end.status == 77)
        #expect(end.errors.contains("is mounted read-only"), "\(end.errors)")
    }

    @Test(
        .enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "only root can be somebody else"),
        arguments: ["store.db", "."]
    )
    func somebodyElsesStoreSaysWhoseItIsAndWhatToDo(place: String) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        first.process.signal(SIGTERM)
        _ = await first.process.wait()
        // Everything is the other's but the place in question.
        let setUp = try ChildProcess(
            "/bin/sh",
            ["-c", "chmod 755 . && chown -R 65534:65534 . && chown 0:0 \(place) && chmod go-w \(place)"],
            in: folder
        )
        #expect(await setUp.wait().status == 0)
        let wsbroker = ChildProcess.productsFolder.appendingPathComponent("wsbroker").path
        let broker = try ChildProcess(
            "/usr/bin/setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", wsbroker, "--port", "0", "--set", "admin.port=0"]
                + ["--store", "\(folder.path)/store.db"],
            in: folder
        )
        let end = await broker.wait()
        #expect(end.status == 77)
        #expect(end.errors.contains("belongs to 0:0 with mode 0"), "\(end.errors)")
        #expect(end.errors.contains("this process is 65534:65534: chown -R 65534:65534"), "\(end.errors)")
    }
}

/// Makes system calls of another process fail.
private final class Tracer: Sendable {
    // Kept, so that it ends with the test.
    private let process: ChildProcess

    /// Returns once they do.
    init(failing calls: String, of id: Int32) async throws {
        let inject = ["-e", "trace=\(calls)", "-e", "inject=\(calls):error=EIO"]
        self.process = try ChildProcess("/usr/bin/strace", ["-f", "-o", "/dev/null", "-p", "\(id)"] + inject)
        // It says so when it holds all threads.
        while let line = await self.process.readErrorLine(), !line.contains("attached") {}
    }

    deinit { self.process.signal(SIGTERM) }
}
