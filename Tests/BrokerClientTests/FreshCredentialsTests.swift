import BrokerWire
import Synchronization
import Testing

@testable import BrokerClient

@Suite("Broker client: fresh credentials", .timeLimit(.minutes(5)))
struct FreshCredentialsTests {
    private static let notice = #"{"op":"notice","code":4101,"name":"token_expired","afterMs":30000}"#
    private static let welcome = #"{"op":"welcome","v":1,"messageBytesMax":65536}"#
    private static let unauthorized = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwhy!"

    /// What a program gives when it is asked, in order; the last one again and again.
    private final class Source: Sendable {
        struct Empty: Error, CustomStringConvertible {
            var description: String { "the safe is empty" }
        }

        private let answers: Mutex<[ClientCredentials?]>
        private let questions = Mutex(0)

        /// - `answers`: Throws where there are none.
        init(_ answers: ClientCredentials?...) {
            self.answers = Mutex(answers)
        }

        var wasAsked: Bool { self.questions.withLock { $0 > 0 } }

        func next() throws -> ClientCredentials {
            self.questions.withLock { $0 += 1 }
            let answer = self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? nil }
            guard let answer else { throw Empty() }
            return answer
        }
    }

    private typealias Events = AsyncStream<ClientEvent>.Iterator

    private func configuration(_ broker: FakeBroker, _ source: Source) -> (ClientConfiguration, Events) {
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        var configuration = broker.configuration
        configuration.credentials = .token("never")
        configuration.freshCredentials = { try source.next() }
        configuration.onEvent = { continuation.yield($0) }
        return (configuration, events.makeAsyncIterator())
    }

    // MARK: Before a connection

    @Test func eachAttemptIsMadeWithWhatThereIsThen() async throws {
        let broker = try await FakeBroker.start()
        let (configuration, _) = self.configuration(broker, Source(.token("t1"), .user("me", password: "t2")))
        let (client, first) = try await broker.connect(configuration)
        #expect(first.request.contains("\r\nAuthorization: Bearer t1\r\n"))
        first.drop()
        let second = try await broker.accept()
        #expect(second.request.contains("\r\nAuthorization: Basic bWU6dDI=\r\n"))
        try await second.welcome()
        await client.shutdownNow(second)
    }

    @Test func withoutThemTheFirstAttemptFails() async throws {
        let broker = try await FakeBroker.start()
        let (configuration, _) = self.configuration(broker, Source(nil))
        let error = await #expect(throws: ClientError.self) { try await BrokerClient(configuration).start() }
        #expect(error == ClientError(.noCredentials, "there are no fresh credentials: the safe is empty"))
    }

    @Test func withoutThemAnAttemptIsMadeAgain() async throws {
        let broker = try await FakeBroker.start()
        let source = Source(nil, .token("of two words"), .token("t"), nil, .token("t"))
        var (configuration, events) = self.configuration(broker, source)
        configuration.retriesFirstConnection = true
        let (client, first) = try await broker.connect(configuration)
        for reason in ["the safe is empty", "the token is empty, or holds something else than visible ASCII"] {
            let event = await events.next()
            guard case .disconnected(let error, _) = event else { throw FakeBrokerError.unexpected("\(event as Any)") }
            #expect(error == ClientError(.noCredentials, "there are no fresh credentials: \(reason)"))
        }
        #expect(await events.next() == .connected)
        first.drop()
        let second = try await broker.accept()
        #expect(second.request.contains("Bearer t\r\n"))
        try await second.welcome()
        await client.shutdownNow(second)
    }

    /// Waits until nobody waits for it any more.
    private static func never() async -> ClientCredentials {
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in never {}
        return withExtendedLifetime(continuation) { .none }
    }

    @Test func whoNeverAnswersIsCancelledAndTheAttemptHasFailed() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.connectTimeout = .milliseconds(10)
        let (ends, continuation) = AsyncStream.makeStream(of: Bool.self)
        configuration.freshCredentials = {
            let credentials = await Self.never()
            continuation.yield(Task.isCancelled)
            return credentials
        }
        let client = BrokerClient(configuration)
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        #expect(error?.code == .noCredentials)
        #expect(await ends.first { _ in true } == true)
    }

    @Test func shutdownDoesNotWaitForThem() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        let (questions, asked) = AsyncStream.makeStream(of: Void.self)
        let (ends, ended) = AsyncStream.makeStream(of: Bool.self)
        configuration.freshCredentials = {
            asked.yield()
            let credentials = await Self.never()
            ended.yield(Task.isCancelled)
            return credentials
        }
        let client = BrokerClient(configuration)
        let started = Task { try await client.start() }
        _ = await questions.first { _ in true }
        await client.shutdown()
        let error = await #expect(throws: ClientError.self) { try await started.value }
        #expect(error?.code == .closed)
        #expect(await ends.first { _ in true } == true)
    }

    @Test func aFieldOfItsOwnForTheSameIsRefusedAtOnce() async throws {
        let broker = try await FakeBroker.start()
        let source = Source(.token("t"))
        var (configuration, _) = self.configuration(broker, source)
        configuration.headers = [try HeaderField(name: "Authorization", value: "Digest x")]
        configuration.retriesFirstConnection = true
        let client = BrokerClient(configuration)
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        #expect(error?.code == .invalidArgument)
        #expect(!source.wasAsked)
    }

    // MARK: While a connection goes on

    /// Nothing is said again that the broker knows, and what is under way has its outcome.
    @Test func aFreshTokenIsSentAndTheConnectionGoesOn() async throws {
        let broker = try await FakeBroker.start()
        var (configuration, events) = self.configuration(broker, Source(.token("t1"), .token("t\"2")))
        configuration.producer = .named("m")
        let producer = #","producer":{"name":"m","epoch":7,"next":1}"#
        let (client, connection) = try await broker.connect(configuration, producer)
        let subscription = try await connection.subscribe(client, "clicks")
        let publish = Task { try await client.publish("1", to: "clicks") }
        #expect(try await connection.receive().hasPrefix(#"{"op":"pub","seq":1"#))
        connection.send(Self.notice)
        #expect(try await connection.receive() == #"{"op":"hello","token":"t\"2"}"#)
        connection.send(Self.welcome)
        connection.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":1,"data":1,"dups":0}"#)
        #expect(try await publish.value.text == "1")
        let second = Task { try await client.publish("2", to: "clicks") }
        #expect(try await connection.receive().hasPrefix(#"{"op":"pub","seq":2"#))
        connection.send(#"{"op":"ack","seq":2,"topic":"clicks","offset":2,"data":3,"dups":0}"#)
        #expect(try await second.value.text == "3")
        #expect(await events.next() == .connected)
        #expect(await events.next() == .credentialsRenewed)
        await client.shutdownNow(connection)
        for try await _ in subscription {}
    }

    /// The welcome waits for the disk where there is a producer, and the notice does not.
    @Test func aNoticeBeforeTheWelcomeIsHeardToo() async throws {
        let broker = try await FakeBroker.start()
        var (configuration, events) = self.configuration(broker, Source(.token("t1"), .token("t2")))
        let client = BrokerClient(configuration)
        async let started: Void = client.start()
        let connection = try await broker.accept()
        _ = try await connection.receive()
        connection.send(Self.notice)
        #expect(try await connection.receive() == #"{"op":"hello","token":"t2"}"#)
        connection.send(Self.welcome, Self.welcome)
        try await started
        #expect(await events.next() == .connected)
        #expect(await events.next() == .credentialsRenewed)
        await client.shutdownNow(connection)
    }

    @Test func onlyATokenThatIsAnotherOneIsSent() async throws {
        let broker = try await FakeBroker.start()
        let same = ClientCredentials.user("me", password: "t1")
        let source = Source(.token("t1"), same, ClientCredentials.none, .user("me", password: "t2"))
        var (configuration, events) = self.configuration(broker, source)
        let (client, connection) = try await broker.connect(configuration)
        #expect(await events.next() == .connected)
        let error = ClientError(.noCredentials, "there are no other credentials than those that end")
        for _ in 1...2 {
            connection.send(Self.notice)
            #expect(await events.next() == .renewalFailed(error))
        }
        connection.send(Self.notice)
        #expect(try await connection.receive() == #"{"op":"hello","token":"t2"}"#)
        await client.shutdownNow(connection)
    }

    @Test func aRefusedTokenIsToldAndTheConnectionGoesOn() async throws {
        let broker = try await FakeBroker.start()
        var (configuration, events) = self.configuration(broker, Source(.token("t1"), .token("other"), .token("t2")))
        let (client, connection) = try await broker.connect(configuration)
        connection.send(Self.notice)
        #expect(try await connection.receive() == #"{"op":"hello","token":"other"}"#)
        // It is of a publish that nobody waits for, and not about the token.
        connection.send(#"{"op":"err","topic":"a","code":4103,"name":"forbidden","reason":"no","retry":"no"}"#)
        connection.send(#"{"op":"err","code":4103,"name":"forbidden","reason":"of another","retry":"no"}"#)
        let refusal = BrokerRefusal(number: 4103, name: "forbidden", reason: "of another")
        #expect(await events.next() == .connected)
        guard case .refused(_, topic: "a") = await events.next() else { throw FakeBrokerError.ended }
        #expect(await events.next() == .renewalFailed(ClientError(refusal)))
        connection.send(Self.notice)
        #expect(try await connection.receive() == #"{"op":"hello","token":"t2"}"#)
        connection.send(Self.welcome)
        #expect(await events.next() == .credentialsRenewed)
        await client.shutdownNow(connection)
    }

    @Test func whoHasNoneAtTheNoticeGoesOnAsWell() async throws {
        let broker = try await FakeBroker.start()
        var (configuration, events) = self.configuration(broker, Source(.token("t1"), nil))
        let (client, connection) = try await broker.connect(configuration)
        connection.send(Self.notice)
        #expect(await events.next() == .connected)
        let error = ClientError(.noCredentials, "there are no fresh credentials: the safe is empty")
        #expect(await events.next() == .renewalFailed(error))
        let pinged = Task { try await client.ping() }
        try await connection.answer(with: #""op":"pong""#)
        try await pinged.value
        await client.shutdownNow(connection)
    }

    @Test func withoutASourceANoticeChangesNothing() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.credentials = .token("t")
        let (client, connection) = try await broker.connect(configuration)
        connection.send(Self.notice)
        let pinged = Task { try await client.ping() }
        try await connection.answer(with: #""op":"pong""#)
        try await pinged.value
        await client.shutdownNow(connection)
    }

    // MARK: When they have ended

    @Test(arguments: [ErrorCode.tokenExpired, .tokenInvalid])
    func whoseCredentialsHaveEndedComesAgainWithFreshOnes(code: ErrorCode) async throws {
        let broker = try await FakeBroker.start(answers: [.accept, .text(Self.unauthorized)])
        var (configuration, events) = self.configuration(broker, Source(.token("t1"), .token("t2"), .token("t3")))
        let (client, first) = try await broker.connect(configuration)
        first.send(#"{"op":"err","code":\#(code.rawValue),"name":"n","reason":"r","retry":"no"}"#)
        first.sendClose(CloseCode(code))
        #expect(try await broker.accept().request.contains("Bearer t2\r\n"))
        let third = try await broker.accept()
        #expect(third.request.contains("Bearer t3\r\n"))
        try await third.welcome()
        #expect(await events.next() == .connected)
        _ = await events.next()
        for expected in [code.rawValue, 401] {
            guard case .disconnected(let error, _) = await events.next() else { throw FakeBrokerError.ended }
            #expect(error.brokerCode == expected)
        }
        #expect(await events.next() == .connected)
        await client.shutdownNow(third)
    }

    @Test func theFirstHandshakeThatIsRefusedIsTheLast() async throws {
        let broker = try await FakeBroker.start(answers: [.text(Self.unauthorized)])
        let (configuration, _) = self.configuration(broker, Source(.token("t1")))
        let error = await #expect(throws: ClientError.self) { try await BrokerClient(configuration).start() }
        #expect(error?.brokerCode == 401 && error?.isAboutIdentity == true)
    }
}
