import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// How a broker starts and ends, as a process.
@Suite("Start and stop", .timeLimit(.minutes(5)))
struct StopTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func aStoppingBrokerSaysGoodbyeAndEndsWithZero(signal: Int32) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: broker.port) { client async throws in
            _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
            broker.process.signal(signal)
            #expect(try await client.receive() == #"{"op":"bye","code":4300,"name":"restarting","afterMs":250}"#)
            #expect(try await client.closeCode() == .serviceRestart)
        }
        let end = await broker.process.wait()
        #expect(end.status == 0)
        let complaints = end.errors.split(separator: "\n").filter { !$0.contains(" notice ") }
        #expect(complaints.isEmpty, "a clean stop has nothing to complain about: \(complaints)")
        // The log was written back: the store is one file, beside the lock and the room for bad times.
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(files == ["store.db", "store.db-lock", "store.db-spare"])
    }

    @Test func whatIsAcceptedBeforeTheStopIsStored() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: first.port) { client async throws in
            // Fire and forget: nothing tells the client when these are stored.
            try await client.send((0..<1000).map { _ in #"{"op":"pub","topic":"clicks","data":1}"# })
            _ = try await client.ask(#"{"op":"ping","id":1}"#)
            first.process.signal(SIGTERM)
        }
        #expect(await first.process.wait().status == 0)
        let second = try await ChildProcess.broker(in: folder)
        try await WireClient.run(port: second.port) { client async throws in
            let value = try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)
            #expect(JSONField.integer("data", in: value) == 1000)
            #expect(JSONField.integer("offset", in: value) == 1000)
        }
        second.process.signal(SIGTERM)
        _ = await second.process.wait()
    }

    @Test func aSecondBrokerOnTheSameStoreIsRefusedWithTheHoldersProcess() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        let second = try ChildProcess(
            "wsbroker",
            ["--port", "0", "--set", "admin.port=0", "--store", "store.db"],
            in: folder
        )
        let end = await second.wait()
        #expect(end.status == 75)
        #expect(end.errors.contains("in use by process \(first.process.id)"))
        first.process.signal(SIGTERM)
        #expect(await first.process.wait().status == 0)
    }

    @Test func aPortInUseIsNamed() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        let second = try ChildProcess(
            "wsbroker",
            ["--port", "\(first.port)", "--set", "admin.port=0", "--store", "other.db"],
            in: folder
        )
        let end = await second.wait()
        #expect(end.status == 69)
        #expect(end.errors.contains("127.0.0.1:\(first.port) is in use"))
        #expect(end.errors.contains("listen.port"))
        first.process.signal(SIGTERM)
        _ = await first.process.wait()
    }

    @Test func everythingThatIsWrongWithAConfigurationIsSaidAtOnce() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("config.json")
        let text = """
            {"limits": {"mesageBytes": "64KiB", "frameTimeout": "10", "outboxBytes": "32KiB"},
             "topics": [{"topic": "a/#/b", "aggregate": "summ"}, {"topic": "x", "numbr": "int"}]}
            """
        try Data(text.utf8).write(to: file)
        for arguments in [["config", "check", file.path], ["--config", file.path]] {
            let end = await (try ChildProcess("wsbroker", arguments, in: folder)).wait()
            #expect(end.status == 78)
            for problem in [
                "limits.mesageBytes: unknown key; did you mean 'limits.messageBytes'?",
                "limits.frameTimeout: has to be a duration with a unit",
                "limits.outboxBytes: must not be less than limits.messageBytes",
                "topics[0].topic: 'a/#/b' has a misplaced wildcard",
                "topics[0].aggregate: there is no aggregator 'summ'",
                "did you mean 'sum'?",
                "topics[1].numbr: unknown key; did you mean 'topics[1].number'?",
            ] {
                #expect(end.errors.contains(problem), "missing '\(problem)' in: \(end.errors)")
            }
        }
    }
}
