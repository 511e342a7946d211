import BrokerClient
import BrokerTestKit
import BrokerWire
import Foundation
import Synchronization
import Testing

/// Clients of the library and the tools whose tokens end, over real sockets.
@Suite("Credentials that are renewed", .timeLimit(.minutes(5)))
struct RenewalTests {
    /// A program that has always one token, which the test replaces, and notes what happens to its client.
    private final class Program: Sendable {
        let token = Mutex(ChangingTokens.first)
        let events = Mutex<[ClientEvent]>([])
        private let changes: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (self.changes, self.continuation) = AsyncStream.makeStream(of: Void.self) }

        func client(of broker: TestBroker) -> BrokerClient {
            var configuration = broker.clientConfiguration
            configuration.freshCredentials = { .token(self.token.withLock { $0 }) }
            configuration.onEvent = { event in
                self.events.withLock { $0.append(event) }
                self.continuation.yield()
            }
            return BrokerClient(configuration)
        }

        func has(_ event: ClientEvent) -> Bool { self.events.withLock { $0.contains(event) } }

        func waitFor(_ event: ClientEvent) async { await self.wait { $0.contains(event) } }

        func wait(until isOver: ([ClientEvent]) -> Bool) async {
            if isOver(self.events.withLock { $0 }) { return }
            for await _ in self.changes where isOver(self.events.withLock { $0 }) { return }
        }

        /// The broker's numbers of the connections' ends.
        var ends: [UInt16?] { Self.ends(in: self.events.withLock { $0 }) }

        static func ends(in events: [ClientEvent]) -> [UInt16?] {
            events.compactMap { event in
                guard case .disconnected(let error, _) = event else { return nil }
                return error.brokerCode
            }
        }
    }

    // MARK: The library

    @Test func aSubscriptionLivesAcrossARenewalWithoutAGapOrASecondSnapshot() async throws {
        try await ChangingTokens.run { broker async throws in
            try await broker.click()
            let program = Program()
            let client = program.client(of: broker)
            try await client.start()
            var messages = try await client.subscribe(to: "clicks", options: .init(mode: .all)).makeAsyncIterator()
            let snapshot = try await messages.next()
            #expect(snapshot?.offset == 1 && snapshot?.isRetained == true)

            program.token.withLock { $0 = ChangingTokens.second }
            try await broker.change(tokens: [ChangingTokens.first: .soon, ChangingTokens.second: .never])
            try await broker.click()
            await program.waitFor(.credentialsRenewed)
            // Whoever speaks for the first token is closed by this.
            try await broker.change(tokens: [ChangingTokens.second: .never])
            try await broker.click()
            for offset: UInt64 in [2, 3] {
                let message = try await messages.next()
                #expect(message?.offset == offset && message?.isRetained == false)
            }
            #expect(program.events.withLock { $0 } == [.connected, .credentialsRenewed])
            await client.shutdown()
        }
    }

    @Test func numberedPublishesCountOnceAcrossARenewalAndAnEnd() async throws {
        try await ChangingTokens.run { broker async throws in
            let program = Program()
            let client = program.client(of: broker)
            try await client.start()
            let acknowledged = Mutex(0)
            let pipeline = try client.pipeline(to: "clicks") { _, outcome in
                if case .acknowledged = outcome { acknowledged.withLock { $0 += 1 } }
            }
            var published = 0
            func publish(until isOver: () -> Bool) async throws {
                while !isOver() {
                    try await pipeline.enqueue(Array("1".utf8))
                    published += 1
                }
            }

            program.token.withLock { $0 = ChangingTokens.second }
            async let renewal: Void = broker.change(tokens: [
                ChangingTokens.first: .soon, ChangingTokens.second: .never,
            ])
            try await publish { program.has(.credentialsRenewed) }
            try await renewal
            #expect(program.events.withLock { $0 } == [.connected, .credentialsRenewed])

            program.token.withLock { $0 = ChangingTokens.third }
            async let end: Void = broker.change(tokens: [ChangingTokens.second: .over, ChangingTokens.third: .never])
            try await publish { !program.ends.isEmpty }
            try await end
            let later = published + 100
            try await publish { published == later }
            try await pipeline.waitForOutcomes()

            #expect(program.ends == [ErrorCode.tokenExpired.rawValue])
            #expect(client.producer?.next ?? 0 > 1)
            #expect(acknowledged.withLock { $0 } == published)
            #expect(try await broker.click() == published + 1)
            await client.shutdown()
        }
    }

    /// Its token has ended, and there is none that counts yet.
    @Test func whoIsRefusedMeanwhileComesAgainUntilItIsLetIn() async throws {
        try await ChangingTokens.run { broker async throws in
            let program = Program()
            let client = program.client(of: broker)
            try await client.start()
            program.token.withLock { $0 = ChangingTokens.second }
            try await broker.change(tokens: [ChangingTokens.first: .over])
            await program.wait { Program.ends(in: $0).contains(401) }
            try await broker.change(tokens: [ChangingTokens.second: .never])
            #expect(try await client.publish("1", to: "clicks").text == "1")
            #expect(program.ends.first == ErrorCode.tokenExpired.rawValue)
            await client.shutdown()
        }
    }

    @Test func aTokenOfSomebodyElseRenewsNothing() async throws {
        try await ChangingTokens.run { broker async throws in
            let program = Program()
            let client = program.client(of: broker)
            try await client.start()
            program.token.withLock { $0 = AccessFixture.viewer }
            try await broker.change(tokens: [ChangingTokens.first: .soon])
            await program.wait { $0.count == 2 }
            let events = program.events.withLock { $0 }
            guard case .renewalFailed(let error) = try #require(events.last) else {
                Issue.record("\(events)")
                return
            }
            #expect(error.brokerCode == ErrorCode.forbidden.rawValue)
            #expect(try await client.publish("1", to: "clicks").text == "1")
            #expect(program.events.withLock { $0.count } == 2)
            await client.shutdown()
        }
    }

    // MARK: The tools

    private func write(_ token: String, _ broker: TestBroker) throws -> String {
        let file = broker.folder.appendingPathComponent("token")
        try Data("\(token)\n".utf8).write(to: file, options: .atomic)
        return file.path
    }

    private func wssub(_ arguments: String..., of broker: TestBroker) throws -> ChildProcess {
        try ChildProcess("wssub", ["-p", "\(broker.port)", "-t", "clicks"] + arguments)
    }

    private func readErrors(of tool: ChildProcess, until text: String) async -> String {
        var lines = ""
        while let line = await tool.readErrorLine() {
            lines += line + "\n"
            if line.contains(text) { break }
        }
        return lines
    }

    @Test func wssubReadsItsTokenFileAgainBeforeTheTokenEnds() async throws {
        try await ChangingTokens.run { broker async throws in
            try await broker.click()
            let tool = try self.wssub("-d", "--token-file", try self.write(ChangingTokens.first, broker), of: broker)
            #expect(await tool.readLine() == "1")
            _ = try self.write(ChangingTokens.second, broker)
            try await broker.change(tokens: [ChangingTokens.first: .soon, ChangingTokens.second: .never])
            let before = await self.readErrors(of: tool, until: "the credentials are renewed")
            #expect(before.contains("wssub: info: the credentials end soon\n"))
            try await broker.change(tokens: [ChangingTokens.second: .never])
            try await broker.click()
            #expect(await tool.readLine() == "2")
            tool.signal(SIGTERM)
            let end = await tool.wait()
            #expect(end.status == 0)
            #expect(!end.errors.contains("trying again") && !(before + end.errors).contains("token-"))
        }
    }

    @Test func wssubComesAgainWithTheTokenThatIsInTheFileThen() async throws {
        try await ChangingTokens.run { broker async throws in
            try await broker.click()
            let tool = try self.wssub("--token-file", try self.write(ChangingTokens.first, broker), of: broker)
            #expect(await tool.readLine() == "1")
            _ = try self.write(ChangingTokens.second, broker)
            try await broker.change(tokens: [ChangingTokens.first: .over, ChangingTokens.second: .never])
            let errors = await self.readErrors(of: tool, until: "connected again")
            #expect(errors.contains("4101 token_expired") && errors.contains("; trying again\n"), "\(errors)")
            try await broker.click()
            #expect(await tool.readLine() == "2")
            tool.signal(SIGTERM)
            #expect(await tool.wait().status == 0)
        }
    }

    /// Half a minute before it matters.
    @Test func wssubSaysThatTheNextTokenIsLate() async throws {
        try await ChangingTokens.run { broker async throws in
            try await broker.click()
            let tool = try self.wssub("--token-file", try self.write(ChangingTokens.first, broker), of: broker)
            #expect(await tool.readLine() == "1")
            try await broker.change(tokens: [ChangingTokens.first: .soon])
            let reason = "there are no other credentials than those that end"
            #expect(await tool.readErrorLine() == "wssub: the credentials are not renewed: \(reason)")
            try await broker.click()
            #expect(await tool.readLine() == "2")
            tool.signal(SIGTERM)
            #expect(await tool.wait().status == 0)
        }
    }

    @Test func aTokenOnTheCommandLineIsTheLast() async throws {
        try await ChangingTokens.run { broker async throws in
            try await broker.click()
            let tool = try self.wssub("--token", ChangingTokens.first, of: broker)
            #expect(await tool.readLine() == "1")
            try await broker.change(tokens: [ChangingTokens.first: .over, ChangingTokens.second: .never])
            let end = await tool.wait()
            #expect(end.status == 5 && end.errors.contains("4101 token_expired"), "\(end)")
        }
    }

    @Test func eachLineOfWspubCountsOnceAcrossAnEnd() async throws {
        try await ChangingTokens.run { broker async throws in
            let file = try self.write(ChangingTokens.first, broker)
            let tool = try ChildProcess(
                "wspub",
                ["-p", "\(broker.port)", "-t", "clicks", "-l", "--token-file", file]
            )
            try tool.write("1\n1\n")
            #expect(await tool.readLine() == "1")
            #expect(await tool.readLine() == "2")
            _ = try self.write(ChangingTokens.second, broker)
            try await broker.change(tokens: [ChangingTokens.first: .over, ChangingTokens.second: .never])
            try tool.write(String(repeating: "1\n", count: 500))
            try tool.closeInput()
            let end = await tool.wait()
            #expect(end.status == 0 && end.errors.contains("4101 token_expired"), "\(end)")
            #expect(try await broker.click() == 503)
        }
    }
}
