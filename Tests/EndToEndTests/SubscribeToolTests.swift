import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// `wssub` as its users run it.
@Suite("wssub", .timeLimit(.minutes(5)))
struct SubscribeToolTests {
    private func run(_ arguments: [String], port: Int, tool: String = "wssub") async throws -> (Int32, String, String) {
        let process = try ChildProcess(tool, ["-p", "\(port)"] + arguments)
        try process.closeInput()
        let end = await process.wait()
        return (end.status, end.output, end.errors)
    }

    private func publish(_ topic: String, _ data: String, _ more: String..., port: Int) async throws {
        let end = try await self.run(["-t", topic, "-m", data, "--quiet"] + more, port: port, tool: "wspub")
        #expect(end == (0, "", ""))
    }

    @Test func whatWasThereBeforeIsPrintedAndThatIsAll() async throws {
        try await TestBroker.run { broker async throws in
            let port = broker.port
            #expect(try await self.run(["-t", "#", "--retained-only", "-v"], port: port) == (0, "", ""))
            try await self.publish("news/a", "x", "-r", port: port)
            try await self.publish("news/b", "y", "-r", port: port)
            try await self.publish("clicks", "6", port: port)
            let all = try await self.run(["-t", "#", "--retained-only", "-v"], port: port)
            // Their order is nobody's promise.
            #expect(all.1.split(separator: "\n").sorted() == ["clicks 6", "news/a x", "news/b y"])
            #expect(all.0 == 0 && all.2.isEmpty)
            let some = try await self.run(["-t", "#", "-T", "news/+", "--retained-only", "-v"], port: port)
            #expect(some == (0, "clicks 6\n", ""))
            #expect(try await self.run(["-t", "news/a", "-t", "clicks", "-E", "-v"], port: port).0 == 0)
        }
    }

    /// More than a client keeps for a program that does not read: the answer to the subscription comes behind them.
    @Test func anyNumberOfRetainedMessagesIsPrinted() async throws {
        try await TestBroker.run { broker async throws in
            let count = 20_000
            let text = String(repeating: "x", count: 100)
            try await WireClient.run(port: broker.port) { client in
                try await client.send(
                    (0..<count).map { #"{"op":"pub","topic":"r/\#($0)","data":"\#(text)","retain":true}"# }
                )
                _ = try await client.ask(#"{"op":"ping","id":1}"#)
            }
            let end = try await self.run(["-t", "#", "--retained-only", "-F", "%t"], port: broker.port)
            #expect(end.0 == 0, "\(end.2)")
            #expect(Set(end.1.split(separator: "\n")).count == count)
        }
    }

    @Test func retainedMessagesAreRemovedAndTotalsAreNot() async throws {
        try await TestBroker.run { broker async throws in
            let port = broker.port
            try await self.publish("news/a", "x", "-r", port: port)
            try await self.publish("news/b", "y", "-r", port: port)
            #expect(try await self.run(["-t", "news/#", "--remove-retained"], port: port) == (0, "x\ny\n", ""))
            #expect(try await self.run(["-t", "#", "--retained-only"], port: port) == (0, "", ""))
            try await self.publish("clicks", "6", port: port)
            let total = try await self.run(["-t", "#", "--remove-retained"], port: port)
            #expect(total.0 == 4)
            #expect(total.2.hasPrefix("wssub: 'clicks' stays: "))
            #expect(try await self.run(["-t", "clicks", "--retained-only"], port: port) == (0, "6\n", ""))
        }
    }

    @Test func itEndsWhenNothingHasComeForLong() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("clicks", "6", port: broker.port)
            #expect(try await self.run(["-t", "clicks", "--idle", "0.2"], port: broker.port) == (0, "6\n", ""))
            // Whichever comes first.
            let both = try await self.run(["-t", "clicks", "--idle", "30", "-W", "0.2"], port: broker.port)
            #expect(both == (27, "6\n", "wssub: timed out\n"))
            let counted = try await self.run(["-t", "clicks", "-C", "2", "-W", "0.2"], port: broker.port)
            #expect(counted == (27, "6\n", "wssub: timed out\n"))
            let enough = try await self.run(["-t", "clicks", "-C", "1", "-W", "30"], port: broker.port)
            #expect(enough == (0, "6\n", ""))
        }
    }

    @Test func itEndsWithTheValueThatIsWaitedFor() async throws {
        try await TestBroker.run { broker async throws in
            let tool = try ChildProcess(
                "wssub",
                ["-p", "\(broker.port)", "-t", "clicks", "-t", "marker", "--until", "value>=10"]
            )
            // It is subscribed when it prints what is published, again and again, until then.
            try await self.publish("clicks", "1", port: broker.port)
            #expect(await tool.readLine() == "1")
            try await self.publish("clicks", "8", port: broker.port)
            #expect(await tool.readLine() == "9")
            try await self.publish("clicks", "1", port: broker.port)
            let end = await tool.wait()
            #expect(end.status == 0 && end.output == "10\n")
        }
    }

    @Test func messagesArePublishedAgainAsTheyArePrinted() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("clicks/a", "6", port: broker.port)
            try await self.publish("news", #"{"t":"é \"x\""}"#, "-r", port: broker.port)
            let printed = try await self.run(["-t", "#", "--retained-only", "--json"], port: broker.port)
            let lines = printed.1.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines[1].hasSuffix(#""retained":true,"data":{"t":"é \"x\""}}"#))
            try await TestBroker.run { other async throws in
                let tool = try ChildProcess("wspub", ["-p", "\(other.port)", "--json-lines", "--quiet"])
                try tool.write(printed.1)
                try tool.closeInput()
                #expect(await tool.wait().status == 0)
                #expect(try await self.run(["-t", "clicks/a", "-C", "1"], port: other.port).1 == "6\n")
            }
        }
    }

    @Test func aCommandIsRunForEachMessage() async throws {
        try await TestBroker.run { broker async throws in
            let port = broker.port
            try await self.publish("news/a", "it's \"x\"", "-r", port: port)
            try await self.publish("news/b", "2", "-r", port: port)
            let command = #"read line; echo "$WSSUB_TOPIC $WSSUB_OFFSET $line $WSSUB_VALUE""#
            let end = try await self.run(["-t", "news/#", "--retained-only", "--exec", command], port: port)
            #expect(end == (0, "news/a 1 it's \"x\" it's \"x\"\nnews/b 1 2 2\n", ""))
            // One that reads nothing, and one that fails.
            #expect(
                try await self.run(["-t", "news/a", "--retained-only", "--exec", "true"], port: port) == (0, "", "")
            )
            let failed = try await self.run(["-t", "news/a", "--retained-only", "--exec", "exit 3"], port: port)
            #expect(failed == (1, "", "wssub: the command ended with 3\n"))
        }
    }

    @Test(.disabled(if: TestTLS.isOn, "started by a shell or on a terminal, it is told no authority"))
    func aReaderThatGoesAwayIsAQuietEnd() async throws {
        try await TestBroker.run { broker async throws in
            let wssub = ChildProcess.productsFolder.appendingPathComponent("wssub").path
            let shell = try ChildProcess(
                "/bin/bash",
                ["-c", "'\(wssub)' -p \(broker.port) -t clicks | head -1; echo ${PIPESTATUS[0]}"]
            )
            try await self.publish("clicks", "1", port: broker.port)
            #expect(await shell.readLine() == "1")
            // The next message finds nobody.
            var end: Task<(status: Int32, output: String, errors: String), Never>?
            for _ in 1...3 {
                try await self.publish("clicks", "1", port: broker.port)
                if end == nil { end = Task { await shell.wait() } }
            }
            let last = await end?.value
            #expect(last?.output == "0\n" && last?.errors == "")
        }
    }

    @Test func aFormatIsThatOfMosquitto() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("clicks", "6", port: broker.port)
            let end = try await self.run(
                ["-t", "clicks", "-C", "1", "-N", "-F", #"%t|%-4p|%l|%r|%x|@s\n"#],
                port: broker.port
            )
            #expect(end.0 == 0)
            #expect(end.1.hasPrefix("clicks|6   |1|1|36|1"))
        }
    }

    // MARK: A terminal

    @Test(.disabled(if: TestTLS.isOn, "started by a shell or on a terminal, it is told no authority"))
    func aLiveScreenShowsEachTopicAndGivesTheTerminalBack() async throws {
        try await TestBroker.run { broker async throws in
            let tool = try TerminalProcess(
                "wssub",
                ["-p", "\(broker.port)", "-t", "#", "-w"],
                columns: 72,
                rows: 5
            )
            let empty = await tool.screen { $0.lines.contains("  waiting for the first message") }
            #expect(empty.isOther && !empty.showsCursor)
            #expect(empty.lines[0] == " 127.0.0.1:\(broker.port) · 0 topics · q ends")
            try await self.publish("clicks/a", "6", port: broker.port)
            try await self.publish("clicks/b", "7", port: broker.port)
            try await self.publish("clicks/a", "6", port: broker.port)
            let full = await tool.screen { $0.lines[2].contains(" 12 ") && $0.lines[3].contains(" 7 ") }
            #expect(full.lines[1] == " TOPIC                  VALUE  CHANGES/S    AGE")
            #expect(full.lines[2].hasPrefix(" clicks/a                  12 "))
            try tool.type("q")
            let end = await tool.wait()
            #expect(end.status == 0)
            #expect(!end.screen.isOther && end.screen.showsCursor)
            #expect(end.screen.lines.allSatisfy { $0.isEmpty })
        }
    }

    @Test func aLiveScreenNeedsATerminal() async throws {
        let end = try await self.run(["-t", "a", "-w"], port: 1)
        #expect(end == (2, "", "wssub: -w needs a terminal; use -v to print the messages\n"))
    }

    @Test func aLiveScreenSaysThatTheBrokerIsGoneAndGoesOnWithTheNext() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        let tool = try TerminalProcess("wssub", ["-p", "\(first.port)", "-t", "clicks", "-w"], columns: 120, rows: 5)
        try await self.publish("clicks", "1", port: first.port)
        _ = await tool.screen { $0.lines[2].contains(" 1 ") }
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        let lost = await tool.screen { $0.lines[0].contains("trying again") }
        #expect(lost.lines[2].hasPrefix(" clicks"))
        let second = try await ChildProcess.broker(in: folder, port: first.port)
        _ = await tool.screen { $0.lines[0].contains("connected again") }
        try await self.publish("clicks", "1", port: second.port)
        let back = await tool.screen { $0.lines[2].contains(" 2 ") }
        #expect(back.lines[2].contains(" 2 "))
        tool.signal(SIGINT)
        #expect(await tool.wait().status == 0)
        second.process.signal(SIGTERM)
        _ = await second.process.wait()
    }
}
