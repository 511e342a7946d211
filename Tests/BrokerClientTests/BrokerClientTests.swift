import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Broker client: life cycle", .timeLimit(.minutes(5)))
struct BrokerClientTests {
    @Test func itSaysHelloAndStartsWithTheWelcome() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let started = Task { try await client.start() }
        let connection = try await broker.accept()
        #expect(connection.request.hasPrefix("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(broker.port)\r\n"))
        #expect(connection.request.contains("\r\nSec-WebSocket-Protocol: wsbroker.v1.json\r\n"))
        #expect(try await connection.receive() == #"{"op":"hello","v":1,"client":"BrokerClient/1.0"}"#)
        connection.send(#"{"op":"welcome","v":1,"messageBytesMax":65536}"#)
        try await started.value
        await client.shutdownNow(connection)
    }

    @Test func shutdownClosesWith1000AndWaitsForTheAnswer() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let closed = Task { await client.shutdown() }
        #expect(try await connection.next() == .close(1000))
        connection.sendClose(.normal)
        await closed.value
        #expect(try await connection.next() == .ended)
        await #expect(throws: ClientError.self) { try await client.ping() }
    }

    @Test func aFailedFirstAttemptEndsIt() async throws {
        let port = try ClosedPort()
        let client = BrokerClient(ClientConfiguration(address: BrokerAddress(host: "127.0.0.1", port: port.number)))
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        #expect(error?.code == .cannotConnect)
        #expect(error?.message == "cannot connect to 127.0.0.1:\(port.number): Connection refused")
    }

    @Test(arguments: [(400, "Bad Request"), (401, "Unauthorized"), (404, "Not Found")])
    func aRefusedHandshakeEndsIt(status: Int, reason: String) async throws {
        let answer = "HTTP/1.1 \(status) \(reason)\r\nContent-Length: 4\r\n\r\nwhy!"
        let broker = try await FakeBroker.start(answers: [.text(answer)])
        var configuration = broker.configuration
        configuration.retriesFirstConnection = true
        let client = BrokerClient(configuration)
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        #expect(error?.code == .handshakeRefused)
        #expect(error?.message == "the handshake was answered with HTTP \(status) \(reason): why!")
        #expect(error?.brokerCode == UInt16(status))
        #expect(error?.isAboutIdentity == (status == 401))
    }

    @Test func anOverloadedServerIsAskedAgain() async throws {
        let broker = try await FakeBroker.start(answers: [.text("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")])
        var configuration = broker.configuration
        configuration.retriesFirstConnection = true
        let client = BrokerClient(configuration)
        let started = Task { try await client.start() }
        _ = try await broker.accept()
        try await broker.accept().welcome()
        try await started.value
    }

    @Test func aRefusedHelloEndsIt() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let started = Task { try await client.start() }
        let connection = try await broker.accept()
        _ = try await connection.receive()
        connection.send(#"{"op":"err","code":4102,"name":"token_invalid","reason":"it is old","retry":"no"}"#)
        let error = await #expect(throws: ClientError.self) { try await started.value }
        #expect(error?.message == "4102 token_invalid: it is old")
        #expect(error?.isAboutIdentity == true)
    }

    @Test(arguments: [4100, 4103, 4105] as [UInt16])
    func itDoesNotComeBackAfterItsIdentityWasRefused(code: UInt16) async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        connection.sendClose(CloseCode(rawValue: code))
        let error = try #require(await #expect(throws: ClientError.self) { for try await _ in subscription {} })
        #expect(error.code == .closedByBroker)
        #expect(error.brokerCode == code)
        await #expect(throws: error) { try await client.ping() }
    }

    @Test(arguments: [1001, 1012, 4301, 4302] as [UInt16])
    func itComesBackAfterAnyOtherClose(code: UInt16) async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        connection.sendClose(CloseCode(rawValue: code))
        #expect(try await connection.next() == .close(code))
        let second = try await broker.accept()
        try await second.welcome()
        let pinged = Task { try await client.ping() }
        try await second.answer(with: #""op":"pong""#)
        try await pinged.value
    }

    @Test func aPingIsAnswered() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        connection.send(.ping("x"))
        #expect(try await connection.next() == .pong([]))
        await client.shutdownNow(connection)
    }

    @Test func somethingThatIsNotTheProtocolClosesTheConnection() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        connection.send("hello?")
        #expect(try await connection.next() == .close(1008))
        let second = try await broker.accept()
        try await second.welcome()
        await client.shutdownNow(second)
    }

    @Test func unknownOperationsAndFieldsArePassedOver() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        connection.send(#"{"op":"news","x":[1,{"y":2}]}"#, #"{"op":"ack","id":"of nobody","future":{}}"#)
        let pinged = Task { try await client.ping() }
        try await connection.answer(with: #""op":"pong","later":true"#)
        try await pinged.value
        await client.shutdownNow(connection)
    }

    @Test func aSilentHandshakeTimesOut() async throws {
        let broker = try await FakeBroker.start(answers: [.text("")])
        var configuration = broker.configuration
        configuration.connectTimeout = .milliseconds(20)
        let client = BrokerClient(configuration)
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        // On a busy machine even the connect may be what takes too long.
        #expect(error?.message.hasSuffix("in time") == true)
    }

    @Test func aSilentBrokerIsGivenUp() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.idleTimeout = .milliseconds(20)
        configuration.closeTimeout = .milliseconds(20)
        let (client, connection) = try await broker.connect(configuration)
        #expect(try await connection.next() == .ended)
        try await broker.accept().welcome()
        await client.shutdown()
    }

    @Test func aQuestionIsAnsweredOnTheNextConnection() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let lost = Task { try await client.ping() }
        _ = try await connection.receive()
        connection.drop()
        let error = await #expect(throws: ClientError.self) { try await lost.value }
        #expect(error?.code == .connectionLost)
        let value = Task { try await client.get(Topic("a/b")) }
        let second = try await broker.accept()
        try await second.welcome()
        let request = try await second.receive()
        #expect(request.hasPrefix(#"{"op":"get","id":"r"#) && request.hasSuffix(#","topic":"a/b"}"#))
        second.send(#"{"op":"ack","id":\#(request.id),"topic":"a/b","epoch":"k","offset":3,"ts":5,"data":[1]}"#)
        let expected = Message(
            topic: try Topic("a/b"),
            epoch: "k",
            offset: 3,
            timestampMilliseconds: 5,
            data: Array("[1]".utf8)
        )
        #expect(try await value.value == expected)
    }

    @Test func aTopicWithoutValueIsNil() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let value = Task { try await client.get(Topic("a")) }
        try await connection.answer(with: #""op":"err","code":4404,"name":"no_value","reason":"","retry":"no""#)
        #expect(try await value.value == nil)
    }

    @Test func aCancelledQuestionThrows() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let task = Task { try await client.ping() }
        _ = try await connection.receive()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func aBrokerThatSaysByeGetsNothingMore() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        connection.send(#"{"op":"bye","code":4300,"name":"restarting","afterMs":1}"#)
        connection.send(.ping("in between"))
        #expect(try await connection.next() == .pong([]))
        let pinged = Task { try await client.ping() }
        connection.sendClose(.serviceRestart)
        #expect(try await connection.next() == .close(1012))
        let second = try await broker.accept()
        try await second.welcome()
        try await second.answer(with: #""op":"pong""#)
        try await pinged.value
    }
}
