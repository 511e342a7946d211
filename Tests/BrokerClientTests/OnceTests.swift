import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Broker client: publishing once", .timeLimit(.minutes(5)))
struct OnceTests {
    private let topic: Topic

    init() throws { self.topic = try Topic("orders") }

    @Test func aPublishThatWasNotAnsweredIsSentAgainUnderItsName() async throws {
        let broker = try await FakeBroker.start()
        let (client, first) = try await broker.connect()
        let publish = Task { try await client.publish("1".bytes, to: self.topic, once: #"order "7""#) }
        let fields = #""once":"order \"7\"","topic":"orders","data":1}"#
        #expect(try await first.receive().hasSuffix(fields))
        first.drop()
        let second = try await broker.accept()
        try await second.welcome()
        #expect(try await second.answer(with: #""op":"ack","offset":3,"data":9,"dup":true"#).hasSuffix(fields))
        let acknowledgement = try await publish.value
        #expect(acknowledgement.offset == 3 && acknowledgement.isDuplicate)
        await client.shutdownNow(second)
    }

    @Test func whatTheBrokerWantsLaterIsSentLater() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let publish = Task { try await client.publish("1".bytes, to: self.topic, once: "a") }
        let full = #""op":"err","code":4203,"name":"storage_full","reason":"","retry":"later","afterMs":1"#
        try await connection.answer(with: full)
        try await connection.answer(with: #""op":"ack","offset":1"#)
        #expect(try await publish.value.offset == 1)
        await client.shutdownNow(connection)
    }

    @Test func aRefusalIsThrown() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let publish = Task { try await client.publish("1".bytes, to: self.topic, once: "a") }
        try await connection.answer(with: #""op":"err","code":4009,"name":"once_conflict","reason":"","retry":"no""#)
        let error = await #expect(throws: ClientError.self) { try await publish.value }
        #expect(error?.brokerCode == 4009)
        await client.shutdownNow(connection)
    }

    @Test(arguments: [(0, false), (1, true), (64, true), (65, false)])
    func aNameHasOneToSixtyFourBytes(count: Int, isTaken: Bool) async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let name = String(repeating: "n", count: count)
        let publish = Task { try await client.publish("1".bytes, to: self.topic, once: name) }
        if isTaken {
            try await connection.answer(with: #""op":"ack","offset":1"#)
            _ = try await publish.value
        } else {
            let error = await #expect(throws: ClientError.self) { try await publish.value }
            #expect(error?.code == .invalidArgument)
        }
        await client.shutdownNow(connection)
    }
}
