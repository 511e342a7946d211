import BrokerTestKit
import Foundation
import Testing

/// What a broker does with the process that it is.
@Suite("Process", .timeLimit(.minutes(5)))
struct ProcessTests {
    /// Runs a broker with its store in a folder of its own while `body` runs; returns what it wrote to standard error.
    private func run(_ arguments: [String] = [], body: (ChildProcess) throws -> Void = { _ in }) async throws -> String
    {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (broker, _) = try await ChildProcess.broker(in: folder, ["--store", "data/store.db"] + arguments)
        try body(broker)
        broker.signal(SIGTERM)
        let end = await broker.wait()
        #expect(end.status == 0)
        return end.errors
    }

    private static func line(_ name: String, in file: String, of broker: ChildProcess) throws -> String {
        let text = try String(contentsOfFile: "/proc/\(broker.id)/\(file)", encoding: .utf8)
        return text.split(separator: "\n").first { $0.hasPrefix(name) }.map(String.init) ?? ""
    }

    #if os(Linux)
    @Test func nothingOfItsMemoryIsDumped() async throws {
        _ = try await self.run { broker in
            let limit = try Self.line("Max core file size", in: "limits", of: broker)
            #expect(limit.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(limit)")
        }
    }

    @Test func aCoreIsDumpedWhereThatIsWanted() async throws {
        let inherited = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        _ = try await self.run(["--set", "process.coreDumps=true"]) { broker in
            let limit = try Self.line("Max core file size", in: "limits", of: broker)
            #expect(inherited.contains(limit), "as it was inherited: \(limit)")
        }
    }

    /// Of a process that may not be dumped, whatever its limits are, the files below /proc are root's.
    @Test(.enabled(if: Self.canBeAnotherUser), arguments: [(false, 0), (true, Self.anotherUser)])
    func aDumpByWayOfAPipeIsPreventedToo(isWanted: Bool, owner: Int) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.setAttributes([.ownerAccountID: Self.anotherUser], ofItemAtPath: folder.path)
        let options = ["--port", "0", "--set", "admin.port=0", "--set", "process.coreDumps=\(isWanted)"]
        let broker = try ChildProcess("/usr/bin/setpriv", Self.asAnotherUser + options, in: folder)
        _ = try #require(await broker.listeningPort())
        let attributes = try FileManager.default.attributesOfItem(atPath: "/proc/\(broker.id)/environ")
        #expect((attributes[.ownerAccountID] as? NSNumber)?.intValue == owner)
        broker.signal(SIGTERM)
        #expect(await broker.wait().status == 0)
    }

    /// `nobody`.
    private static let anotherUser = 65_534

    private static var asAnotherUser: [String] {
        let wsbroker = ChildProcess.productsFolder.appendingPathComponent("wsbroker").path
        return ["--reuid=\(Self.anotherUser)", "--regid=\(Self.anotherUser)", "--clear-groups", wsbroker]
    }

    /// Whether this is root, with a program that others can run.
    private static let canBeAnotherUser =
        (try? ChildProcess.status(of: "/usr/bin/setpriv", Self.asAnotherUser + ["--version"])) == 0
    #endif

    @Test func aStoreThatOthersCanGetAtIsAWarning() async throws {
        #expect(try await !self.run().contains("others can get at the store"))
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        let store = folder.appendingPathComponent("store.db").path
        let errors = try await self.run(["--store", store])
        #expect(errors.contains("warning others can get at the store"), "\(errors)")
        #expect(errors.contains("chmod 0700 \(folder.path)"), "\(errors)")
    }
}
