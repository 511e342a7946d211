import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// `wspub` as its users run it: sources, answers, and what users of such tools have reported as bugs.
@Suite("wspub", .timeLimit(.minutes(5)))
struct PublishToolTests {
    private func publish(
        _ arguments: [String],
        port: Int,
        input: String = "",
        environment: [String: String] = [:]
    ) async throws -> (Int32, String, String) {
        let tool = try ChildProcess("wspub", ["-p", "\(port)"] + arguments, environment: environment)
        try tool.write(input)
        try tool.closeInput()
        let end = await tool.wait()
        return (end.status, end.output, end.errors)
    }

    private func value(_ topic: String, port: Int) async throws -> String {
        try await WireClient.run(port: port) { client in
            let answer = try await client.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#)
            return JSONField.integer("data", in: answer).map { "\($0)" } ?? answer
        }
    }

    @Test func messagesComeFromAnywhere() async throws {
        try await TestBroker.run { broker async throws in
            let file = broker.folder.appendingPathComponent("n.json")
            try Data("4".utf8).write(to: file)
            #expect(try await self.publish(["-t", "clicks", "-f", file.path], port: broker.port) == (0, "4\n", ""))
            #expect(
                try await self.publish(["-t", "clicks", "-s"], port: broker.port, input: "\n6\n") == (0, "10\n", "")
            )
            let pieces = try await self.publish(["-t", "clicks", "-0"], port: broker.port, input: "1\0 2\n\0\0" + "3")
            #expect(pieces == (0, "11\n13\n16\n", ""))
            let missing = try await self.publish(["-t", "clicks", "-f", "/nonexistent/x"], port: broker.port)
            #expect(missing == (1, "", "wspub: cannot read /nonexistent/x: No such file or directory\n"))
        }
    }

    @Test func linesOfJSONGoWhereTheySay() async throws {
        try await TestBroker.run { broker async throws in
            let input = """
                {"topic":"clicks/a","data":1}
                {"topic":"clicks/b","data":2}
                {"data":4}
                {"topic":"clicks/a","data":8}
                """
            let with = try await self.publish(
                ["--json-lines", "-t", "clicks/c", "-v"],
                port: broker.port,
                input: input
            )
            #expect(with == (0, "clicks/a 1\nclicks/b 2\nclicks/c 4\nclicks/a 9\n", ""))
            let without = try await self.publish(["--json-lines", "--quiet"], port: broker.port, input: input)
            #expect(without == (4, "", "line 3: refused: there is no 'topic' in it, and no -t\n"))
            #expect(try await self.value("clicks/a", port: broker.port) == "18")
        }
    }

    @Test func linesOfJSONAreNumberedToo() async throws {
        try await TestBroker.run { broker async throws in
            let file = broker.folder.appendingPathComponent("lines")
            try Data((#"{"topic":"clicks/a","data":1}"# + "\nnonsense\n").utf8).write(to: file)
            let arguments = ["--json-lines", "--producer", "p", "--resume", "--quiet", file.path]
            let first = try await self.publish(arguments, port: broker.port)
            #expect(first.0 == 4)
            #expect(first.2 == "\(file.path):2: not_sent: it is not JSON at byte 1\n")
            let handle = try FileHandle(forWritingTo: file)
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(#"{"topic":"clicks/a","data":5}"#.utf8))
            try handle.close()
            #expect(try await self.publish(arguments, port: broker.port).0 == 4)
            #expect(try await self.value("clicks/a", port: broker.port) == "6")
        }
    }

    @Test func oneMessageManyTimesAndManyTimesOnce() async throws {
        try await TestBroker.run { broker async throws in
            let many = try await self.publish(["-t", "clicks", "-m", "2", "--repeat", "3"], port: broker.port)
            #expect(many == (0, "2\n4\n6\n", ""))
            for _ in 1...3 {
                let once = try await self.publish(["-t", "clicks", "-m", "10", "--once", "order-7"], port: broker.port)
                #expect(once == (0, "16\n", ""))
            }
            let conflict = try await self.publish(["-t", "clicks", "-m", "11", "--once", "order-7"], port: broker.port)
            #expect(conflict.0 == 4)
            #expect(conflict.2.contains("once_conflict"))
        }
    }

    @Test func anAnswerIsPrintedAsAsked() async throws {
        try await TestBroker.run { broker async throws in
            let arguments = ["-t", "clicks", "-m", "2", "-F", "%t:%o:%5p|"]
            #expect(try await self.publish(arguments, port: broker.port) == (0, "clicks:1:    2|\n", ""))
            // A topic without an aggregator has no running value.
            let event = ["-t", "news", "-m", "x"]
            #expect(try await self.publish(event, port: broker.port) == (0, "", ""))
            #expect(try await self.publish(event + ["-F", "%t %o %p"], port: broker.port) == (0, "news 2 \n", ""))
        }
    }

    @Test func optionsComeFromAFileToo() async throws {
        try await TestBroker.run { broker async throws in
            let file = broker.folder.appendingPathComponent("wspub")
            try Data("# mine\n-t clicks\n-v\n".utf8).write(to: file)
            let environment = ["XDG_CONFIG_HOME": broker.folder.path]
            let plain = try await self.publish(["-m", "1"], port: broker.port, environment: environment)
            #expect(plain == (0, "clicks 1\n", ""))
            // The command line wins.
            let other = try await self.publish(
                ["-m", "1", "-t", "clicks/other"],
                port: broker.port,
                environment: environment
            )
            #expect(other == (0, "clicks/other 1\n", ""))
            try Data("clicks\n".utf8).write(to: file)
            let wrong = try await self.publish(["-m", "1"], port: broker.port, environment: environment)
            #expect(wrong.0 == 2)
            #expect(wrong.2 == "wspub: cannot read \(file.path): line 1 does not begin with an option\n")
        }
    }

    // MARK: What users of such tools have reported

    @Test func anEmptyInputEndsAtOnceWithSuccess() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.publish(["-t", "clicks", "-l"], port: broker.port) == (0, "", ""))
            #expect(try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: "\n\n") == (0, "", ""))
            #expect(try await self.publish(["-t", "clicks", "-0"], port: broker.port) == (0, "", ""))
            #expect(try await self.value("clicks", port: broker.port).contains("no_value"))
        }
    }

    @Test func emptyLinesAreNoMessagesAndTheLastNeedsNoNewline() async throws {
        try await TestBroker.run { broker async throws in
            let subscriber = try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "news", "-C", "2", "-E"])
            _ = await subscriber.wait()
            let lines = try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: "1\n\n\r\n2")
            #expect(lines == (0, "1\n3\n", ""))
        }
    }

    /// The input ends before the first answer has come; none is lost.
    @Test func allAreAnsweredAfterTheEndOfTheInput() async throws {
        try await TestBroker.run { broker async throws in
            let input = String(repeating: "1\n", count: 20_000)
            let end = try await self.publish(["-t", "clicks", "-l"], port: broker.port, input: input)
            #expect(end.0 == 0)
            #expect(end.1.split(separator: "\n").last == "20000")
            #expect(end.1.split(separator: "\n").count == 20_000)
        }
    }

    /// 65,536 bytes are read at once; lines lie across that.
    @Test func aLineIsWholeWhereverTheBlocksAreCut() async throws {
        try await TestBroker.run(topics: "[]") { broker async throws in
            let line = String(repeating: "x", count: 60_000)
            let subscriber = try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "long", "-C", "3", "-v", "-E"])
            #expect(await subscriber.wait().status == 0)
            let input = (1...3).map { "\($0)" + line }.joined(separator: "\n")
            let retained = try await self.publish(["-t", "long", "-l", "-r"], port: broker.port, input: input)
            #expect(retained == (0, "", ""))
            let reader = try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "long", "-C", "1"])
            let end = await reader.wait()
            #expect(end.output == "3" + line + "\n")
        }
    }

    @Test(.disabled(if: TestTLS.isOn, "started by a shell or on a terminal, it is told no authority"))
    func whoIsInterruptedSaysWhatIsUnacknowledged() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try await ChildProcess.broker(in: folder)
        let input = ChildProcess.pipe()
        let arguments = ["-p", "\(broker.port)", "-t", "clicks", "-l", "--quiet", "--progress"]
        let tool = try TerminalProcess("wspub", arguments, input: input)
        try input.fileHandleForWriting.write(contentsOf: Data("1\n".utf8))
        _ = await tool.screen { $0.lines[0].hasPrefix("1 acknowledged") }
        await broker.process.stop()
        try input.fileHandleForWriting.write(contentsOf: Data("1\n1\n".utf8))
        let waiting = await tool.screen { $0.lines[0].contains("2 unacknowledged") }
        #expect(waiting.lines[0].hasPrefix("1 acknowledged, 0/s, 2 unacknowledged"), "\(waiting.lines)")
        tool.signal(SIGINT)
        let end = await tool.wait()
        broker.process.signal(SIGKILL)
        _ = await broker.process.wait()
        #expect(end.status == 6)
        #expect(end.screen.lines[0] == "wspub: interrupted: 2 publishes unacknowledged")
    }

    @Test(.disabled(if: TestTLS.isOn, "started by a shell or on a terminal, it is told no authority"))
    func progressIsShownOnATerminalAndTakenAwayAtTheEnd() async throws {
        try await TestBroker.run { broker async throws in
            let input = ChildProcess.pipe()
            let tool = try TerminalProcess(
                "wspub",
                ["-p", "\(broker.port)", "-t", "clicks", "-l", "--quiet"],
                input: input
            )
            try input.fileHandleForWriting.write(contentsOf: Data("5\n\"x\"\n6\n".utf8))
            let shown = await tool.screen { screen in screen.lines.contains { $0.contains("total 11") } }
            #expect(shown.lines[0].hasPrefix("line 2: refused: "))
            #expect(shown.lines[1] == "2 acknowledged, 0/s, 1 refused, total 11")
            try input.fileHandleForWriting.close()
            let end = await tool.wait()
            #expect(end.status == 4)
            #expect(end.screen.lines[1] == "")
        }
    }
}
