import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// `wspub` and `wssub` as their users run them.
@Suite("Command line", .timeLimit(.minutes(5)))
struct CommandLineTests {
    private func publish(_ arguments: [String], port: Int, input: String? = nil) async throws -> (Int32, String, String)
    {
        let tool = try ChildProcess("wspub", ["-p", "\(port)"] + arguments)
        if let input { try tool.write(input) }
        try tool.closeInput()
        let end = await tool.wait()
        return (end.status, end.output, end.errors)
    }

    @Test func everyAcknowledgementsRunningValueIsPrinted() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.publish(["-t", "clicks", "-m", "6"], port: broker.port) == (0, "6\n", ""))
            let lines = try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: "1\n2\n3")
            #expect(lines == (0, "7\n9\n12\n", ""))
            let quiet = try await self.publish(["-t", "clicks", "-m", "1", "--quiet"], port: broker.port)
            #expect(quiet == (0, "", ""))
        }
    }

    @Test func aSubscriberPrintsTheValueAndEndsAfterTheCount() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await self.publish(["-t", "clicks", "-m", "6"], port: broker.port)
            let tool = try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "clicks", "-v", "-C", "1"])
            let end = await tool.wait()
            #expect(end.status == 0)
            #expect(end.output == "clicks 6\n")
        }
    }

    @Test func refusedLinesAreNamedAndTheOthersCount() async throws {
        try await TestBroker.run { broker async throws in
            let end = try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: "1\n\"two\"\n3\n")
            #expect(end.0 == 4)
            #expect(end.1 == "1\n4\n")
            #expect(end.2.contains("line 2"))
            #expect(end.2.contains("bad_value"))
        }
    }

    @Test(arguments: [["wspub", "-t", "a", "-m", "1"], ["wssub", "-t", "a"]])
    func whereNobodyListensIsNamedAndTheStatusIsThree(command: [String]) async throws {
        // Port 1 needs no privilege to find closed.
        let tool = try ChildProcess(command[0], ["-p", "1"] + command.dropFirst())
        let end = await tool.wait()
        #expect(end.status == 3)
        #expect(end.errors.contains("127.0.0.1:1"))
    }

    @Test func wrongUsageIsTwoAndSilenceIsTwentySeven() async throws {
        #expect(await (try ChildProcess("wspub", ["-t", "a"])).wait().status == 2)
        #expect(await (try ChildProcess("wssub", ["--nonsense"])).wait().status == 2)
        try await TestBroker.run { broker async throws in
            let silent = try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "news", "-W", "1"])
            #expect(await silent.wait().status == 27)
        }
    }

    /// A refusal is no success, and who may not is not read on for.
    @Test func whoMayNotIsTold() async throws {
        try await TestBroker.run(rights: #"["publish"]"#) { broker async throws in
            let reader = await (try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "clicks", "-C", "1"])).wait()
            #expect(reader.status == 5)
            #expect(reader.output == "")
            #expect(reader.errors.contains("forbidden"))
        }
        try await TestBroker.run(rights: #"["subscribe"]"#) { broker async throws in
            let end = try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: "1\n2\n")
            #expect(end.0 == 5)
            #expect(end.2.split(separator: "\n").count == 2)
        }
    }

    /// Who is not let in is told once, and reads nothing on.
    @Test(arguments: [nil, "wrong"]) func whoIsNotLetInIsTold(token: String?) async throws {
        try await AccessFixture.run { broker async throws in
            let environment = token.map { ["WSBROKER_TOKEN": $0] } ?? [:]
            let address = ["-p", "\(broker.port)", "-t", "power/meter-1"]
            let reader = await (try ChildProcess("wssub", address + ["-C", "1"], environment: environment)).wait()
            #expect(reader.status == 5)
            #expect(reader.output == "" && reader.errors.split(separator: "\n").count == 1, "\(reader.errors)")
            let writer = try ChildProcess("wspub", address + ["-l"], environment: environment)
            // Its input has no end: it does not wait for one.
            let end = await writer.wait()
            #expect(end.status == 5)
            #expect(end.output == "" && end.errors.split(separator: "\n").count == 1, "\(end.errors)")
        }
    }

    /// What listens there is no broker: it is said, and it is no success.
    @Test func aStrangerIsNoBroker() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let script =
            "import http.server as h; s=h.HTTPServer(('127.0.0.1',0),h.SimpleHTTPRequestHandler);"
            + "print(s.server_port,flush=True); s.serve_forever()"
        let server = try ChildProcess("/usr/bin/env", ["python3", "-c", script], in: folder)
        let port = await server.readLine() ?? ""
        let end = await (try ChildProcess("wspub", ["-p", port, "-t", "a", "-m", "1"])).wait()
        server.signal(SIGKILL)
        _ = await server.wait()
        #expect(end.status == 3)
        #expect(end.errors.contains("HTTP 200"))
    }

    /// The broker dies under a running publisher and subscriber; both go on with the next one, and every line counts
    /// once.
    @Test func bothGoOnAfterARestartAndEveryLineCountsOnce() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        let subscriber = try ChildProcess("wssub", ["-p", "\(first.port)", "-t", "clicks"])
        let publisher = try ChildProcess("wspub", ["-p", "\(first.port)", "-t", "clicks", "-l"])
        for number in 1...10 {
            try publisher.write("1\n")
            #expect(await publisher.readLine() == "\(number)")
        }
        // A broker that is stopped takes bytes and answers nothing: the fate of these is open.
        await first.process.stop()
        for _ in 1...5 { try publisher.write("1\n") }
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        let second = try await ChildProcess.broker(in: folder, port: first.port)
        for _ in 1...10 { try publisher.write("1\n") }
        try publisher.closeInput()
        let end = await publisher.wait()
        #expect(end.status == 0, "\(end.errors)")
        #expect(!end.errors.contains("unknown"))
        let total = try await WireClient.run(port: second.port) { client in
            JSONField.integer("data", in: try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#)) ?? 0
        }
        #expect(total == 25)
        // The subscriber sees the last value on its new connection.
        var seen = ""
        while seen != "\(total)", let line = await subscriber.readLine() { seen = line }
        #expect(seen == "\(total)")
        subscriber.signal(SIGTERM)
        #expect(await subscriber.wait().status == 0)
        second.process.signal(SIGTERM)
        _ = await second.process.wait()
    }
}
