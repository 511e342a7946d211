import BrokerTestKit
import BrokerWire
import Foundation
import Synchronization
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `wsbroker store` as an operator runs it.
@Suite("Store commands", .timeLimit(.minutes(5)))
struct StoreCommandTests {
    private typealias End = (status: Int32, output: String, errors: String)

    private func store(_ arguments: [String], in folder: URL, adminPort: Int = 1) async throws -> End {
        let options = ["--store", "store.db", "--set", "admin.port=\(adminPort)"]
        let known = arguments.first == "recover" ? [] : options
        return await (try ChildProcess("wsbroker", ["store"] + arguments + known, in: folder)).wait()
    }

    /// A stopped broker's store with a total of `count`.
    private func makeStore(_ count: Int, in folder: URL) async throws {
        let broker = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: broker.port) { client async throws in
            for _ in 1...count { _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#) }
        }
        broker.process.signal(SIGTERM)
        #expect(await broker.process.wait().status == 0)
    }

    private func total(in folder: URL, store: String = "store.db") async throws -> Int? {
        let broker = try ChildProcess(
            "wsbroker",
            ["--port", "0", "--set", "admin.port=0", "--store", store],
            in: folder
        )
        let port = try #require(await broker.listeningPort())
        let value = try await WireClient.run(port: port) { client in
            try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
        }
        broker.signal(SIGTERM)
        #expect(await broker.wait().status == 0)
        return JSONField.integer("data", in: value)
    }

    @Test func aRunningBrokerMakesABackupWhilePublishingGoesOn() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await WireClient.run(port: broker.port) { client in
                try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
            }
            let isMade = Mutex(false)
            let publishing = Task {
                try await WireClient.run(port: broker.port) { client async throws in
                    var count = 0
                    while !isMade.withLock(\.self) {
                        let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
                        #expect(answer.contains(#""op":"ack""#), "\(answer)")
                        count += 1
                    }
                    return count
                }
            }
            let end = try await self.store(["backup", "copy.db"], in: broker.folder, adminPort: broker.adminPort)
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.contains("verified; made by the running broker"))
            isMade.withLock { $0 = true }
            let counted = try await publishing.value
            let saved = try #require(try await self.total(in: broker.folder, store: "copy.db"))
            #expect((1...counted + 1).contains(saved))
            let again = try await self.store(["backup", "copy.db"], in: broker.folder, adminPort: broker.adminPort)
            #expect(again.status == 74)
            #expect(again.errors.contains("nothing is ever overwritten"))
        }
    }

    /// Eight thousand topics take a while to copy and to verify.
    @Test func aStoppingBrokerDoesNotWaitForABackup() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder, ["--set", "admin.port=\(Self.adminPort)"])
        try await WireClient.run(port: broker.port) { client async throws in
            let message = String(repeating: "x", count: 1000)
            for round in 0..<80 {
                let topics = (0..<100).map { "news/\(round)/\($0)" }
                try await client.send(
                    topics.map { #"{"op":"pub","topic":"\#($0)","retain":true,"data":"\#(message)"}"# }
                )
            }
            _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
        }
        let backup = try ChildProcess(
            "wsbroker",
            ["store", "backup", "copy.db", "--store", "store.db", "--set", "admin.port=\(Self.adminPort)"],
            in: folder
        )
        let partial = folder.appendingPathComponent("copy.db.partial").path
        while !FileManager.default.fileExists(atPath: partial) { await Task.yield() }
        broker.process.signal(SIGTERM)
        #expect(await broker.process.wait().status == 0)
        // Given up, not finished.
        #expect(await backup.wait().status == 74)
        #expect(!FileManager.default.fileExists(atPath: partial), "nothing is left of it")
    }

    /// Nothing else listens there: below the ports that the system gives away.
    private static let adminPort = 28_399

    @Test func withoutABrokerTheCommandMakesTheBackup() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await self.makeStore(3, in: folder)
        let end = try await self.store(["backup", "copy.db"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.output.contains("verified; no broker is running"))
        #expect(try await self.total(in: folder, store: "copy.db") == 3)
    }

    @Test func aBrokerThatDoesNotAnswerIsNamed() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder)
        let end = try await self.store(["backup", "copy.db"], in: folder)
        #expect(end.status == 75)
        #expect(end.errors.contains("process \(broker.process.id), which does not answer at http://127.0.0.1:1"))
        broker.process.signal(SIGTERM)
        #expect(await broker.process.wait().status == 0)
    }

    @Test func anotherBrokersStoreIsNotTaken() async throws {
        try await TestBroker.run { broker async throws in
            let folder = try TestBroker.makeFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            try await self.makeStore(1, in: folder)
            let end = try await self.store(["backup", "copy.db"], in: folder, adminPort: broker.adminPort)
            #expect(end.status == 74)
            #expect(end.errors.contains("this broker's store is"))
            #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("copy.db").path))
        }
    }

    @Test(arguments: [
        (["Origin": "http://evil.example", "Content-Type": "application/json"], #"{"to":"x.db"}"#, 403),
        (["Content-Type": "text/plain"], #"{"to":"x.db"}"#, 415), (["Content-Type": "application/json"], "{}", 400),
        (["Content-Type": "application/json"], #"{"to":""}"#, 400),
        (["Content-Type": "application/json"], #"{"to":"no/folder/x.db"}"#, 409),
        (["Content-Type": "application/json"], #"{"to":"store.db-wal"}"#, 409),
        (["Content-Type": "application/json"], #"{"to":"x.db"}"#, 200),
    ])
    func whoMayAskForABackupAndWhere(headers: [String: String], body: String, status: Int) async throws {
        try await TestBroker.run { broker async throws in
            let url = try #require(URL(string: "http://127.0.0.1:\(broker.adminPort)/backup"))
            var request = URLRequest(url: url)
            request.httpMethod = "POST"
            for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
            request.httpBody = Data(body.utf8)
            let (_, response) = try await URLSession.shared.data(for: request)
            #expect((response as? HTTPURLResponse)?.statusCode == status)
            let made = FileManager.default.fileExists(atPath: broker.folder.appendingPathComponent("x.db").path)
            #expect(made == (status == 200))
        }
    }

    @Test func aRestoredStoreHasTheBackupsTotalsAndTheOldOneIsKept() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await self.makeStore(3, in: folder)
        #expect(try await self.store(["backup", "copy.db"], in: folder).status == 0)
        try await self.makeStore(4, in: folder)
        let end = try await self.store(["restore", "copy.db"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.output.contains("restoration number 1"))
        #expect(try await self.total(in: folder) == 3)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let former = try #require(files.first { $0.hasPrefix("store.db.before-restore-") })
        #expect(try await self.total(in: folder, store: former) == 7)
    }

    @Test func aCheckNamesEveryProblemAndRecoverWhatIsLost() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await self.makeStore(5, in: folder)
        let sound = try await self.store(["check"], in: folder)
        #expect(sound.status == 0)
        #expect(sound.output.contains("store.db is sound: 1 rows"))
        let other = try await self.store(["check", "--quick", "--set", "plain.topic=clicks"], in: folder)
        #expect(other.status == 0)
        // The state of 'clicks', with a bit flipped.
        let file = folder.appendingPathComponent("store.db")
        var bytes = try Data(contentsOf: file)
        let name = try #require(bytes.range(of: Data("clicks".utf8)))
        try #require(name.upperBound < bytes.count)
        bytes[name.upperBound] ^= 1
        try bytes.write(to: file)
        let check = try await self.store(["check"], in: folder)
        #expect(check.status == 65)
        #expect(check.output.contains("topic 'clicks': its checksum is wrong"), "\(check)")
        let recover = try await self.store(["recover", "--from", "store.db", "--to", "saved.db"], in: folder)
        #expect(recover.status == 65)
        #expect(recover.output.contains("lost: topic 'clicks': its checksum is wrong"), "\(recover)")
        #expect(try Data(contentsOf: file) == bytes)
    }

    @Test func aStateOfAnotherRuleIsNamedByTheCheck() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await self.makeStore(2, in: folder)
        let file = folder.appendingPathComponent("config.json")
        try Data(#"{"topics":[{"topic":"clicks","aggregate":"max"}]}"#.utf8).write(to: file)
        let end = try await self.store(["check", "--config", file.path], in: folder)
        #expect(end.status == 65)
        #expect(end.output.contains("topic 'clicks': it holds the state of 'sum', but its rule says 'max'"))
    }

    @Test func theStatisticsSayWhatIsThere() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await self.makeStore(2, in: folder)
        let table = try await self.store(["stats"], in: folder)
        #expect(table.status == 0, "\(table.errors)")
        #expect(table.output.contains("sum               1 topics"), "\(table.output)")
        let json = try await self.store(["stats", "--json"], in: folder)
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect((object?["rows"] as? [String: Int]) == ["topic": 1, "producer": 0, "once": 0])
        #expect(object?["logBytes"] as? Int == 0)
        #expect(object?["restoreGeneration"] as? Int == 0)
    }
}
