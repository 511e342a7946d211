import BrokerWire
import Synchronization
import Testing

@testable import BrokerClient

@Suite("Broker client: publishing", .timeLimit(.minutes(5)))
struct PublishingTests {
    private let topic: Topic

    init() throws {
        self.topic = try Topic("clicks")
    }

    @Test func anAcknowledgementCarriesTheRunningValue() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let acknowledgement = Task { try await client.publish("6", to: self.topic) }
        let request = try await connection.answer(with: #""op":"ack","offset":3,"data":16,"exact":"16""#)
        #expect(request == #"{"op":"pub","id":1,"topic":"clicks","data":6}"#)
        #expect(try await acknowledgement.value == PublishAcknowledgement(offset: 3, data: "16".bytes, exact: "16"))
    }

    @Test func duplicatesAndPublishesLeftOutAreToldApart() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let first = Task { try await client.publish("1", to: self.topic) }
        try await connection.answer(with: #""op":"ack","offset":3,"dup":true"#)
        #expect(try await first.value == PublishAcknowledgement(offset: 3, isDuplicate: true))
        let second = Task { try await client.publish("1", to: self.topic) }
        try await connection.answer(with: #""op":"ack","offset":3,"applied":false,"why":"late""#)
        #expect(try await second.value == PublishAcknowledgement(offset: 3, isApplied: false, why: "late"))
    }

    @Test func aRefusalCarriesTheBrokersWords() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let outcome = Task { try await client.publish("true", to: self.topic, retain: true) }
        let fields =
            #""op":"err","code":4203,"name":"storage_full","reason":"no\"","why":"w","retry":"later","afterMs":2000"#
        let request = try await connection.answer(with: fields)
        #expect(request == #"{"op":"pub","id":1,"topic":"clicks","data":true,"retain":true}"#)
        let error = await #expect(throws: ClientError.self) { try await outcome.value }
        let refusal = BrokerRefusal(
            number: 4203,
            name: "storage_full",
            reason: "no\"",
            why: "w",
            retry: .later,
            afterMilliseconds: 2000
        )
        #expect(error?.refusal == refusal)
        #expect(error?.code == .refused)
    }

    @Test(arguments: ["", "1,", "1 2", "{", #""a"#, #"1,"retain":true"#])
    func whatIsNotOneJSONValueNeverLeavesTheClient(data: String) async throws {
        let client = BrokerClient(ClientConfiguration(address: BrokerAddress()))
        let error = await #expect(throws: ClientError.self) { try await client.publish(data, to: self.topic) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func aPublishTheBrokerWouldCloseForIsRefusedHere() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let started = Task { try await client.start() }
        let connection = try await broker.accept()
        let text = #"{"op":"pub","id":1,"topic":"clicks","data":12345}"#
        try await connection.welcome(messageBytesMax: text.utf8.count)
        try await started.value
        let error = await #expect(throws: ClientError.self) { try await client.publish("123456", to: self.topic) }
        #expect(error?.code == .messageTooLarge)
        let acknowledgement = Task { try await client.publish("12345", to: self.topic) }
        #expect(try await connection.answer(with: #""op":"ack","offset":1"#) == text)
        #expect(try await acknowledgement.value.offset == 1)
    }

    @Test func aPublishThatWasSentAndNotAnsweredIsOfUnknownOutcomeAndNotSentAgain() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let lost = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        connection.drop()
        let error = await #expect(throws: ClientError.self) { try await lost.value }
        #expect(error?.code == .outcomeUnknown)
        // Asked for without a connection, so it goes out on the next one, and is the first thing there.
        let next = Task { try await client.publish("2", to: self.topic) }
        let second = try await broker.accept()
        try await second.welcome()
        let request = try await second.answer(with: #""op":"ack","offset":9"#)
        #expect(request == #"{"op":"pub","id":2,"topic":"clicks","data":2}"#)
        #expect(try await next.value.offset == 9)
    }

    @Test func outcomesAreReportedInOrderWithTheirTags() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let (outcomes, continuation) = AsyncStream.makeStream(of: (UInt64, PublishOutcome).self)
        let pipeline = client.pipeline(to: self.topic) { continuation.yield(($0, $1)) }
        for number in 1...3 { try await pipeline.enqueue("\(number)".bytes, tag: UInt64(10 * number)) }
        let texts = [try await connection.receive(), try await connection.receive(), try await connection.receive()]
        #expect(texts.map(\.id) == ["1", "2", "3"])
        connection.send(
            #"{"op":"ack","id":1,"offset":1,"data":1}"#,
            #"{"op":"err","id":2,"code":4004,"name":"bad_value","reason":"r","retry":"no"}"#
        )
        var iterator = outcomes.makeAsyncIterator()
        let first = await iterator.next()
        #expect(first?.0 == 10)
        #expect(first?.1 == .acknowledged(PublishAcknowledgement(offset: 1, data: "1".bytes)))
        let second = await iterator.next()
        #expect(second?.0 == 20)
        #expect(second?.1 == .refused(BrokerRefusal(number: 4004, name: "bad_value", reason: "r")))
        connection.drop()
        let third = await iterator.next()
        #expect(third?.0 == 30)
        #expect(third?.1 == .unknown)
        try await pipeline.waitForOutcomes()
        await client.shutdown()
    }

    @Test func noMoreThanTheLimitAreUnderWay() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.inFlightMax = 2
        let (client, connection) = try await broker.connect(configuration)
        let pipeline = client.pipeline(to: self.topic)
        #expect(try pipeline.enqueueIfRoom("1".bytes[...]))
        #expect(try pipeline.enqueueIfRoom("2".bytes[...]))
        #expect(try !pipeline.enqueueIfRoom("3".bytes[...]))
        let third = Task { try await pipeline.enqueue("3".bytes) }
        try await connection.answer(with: #""op":"ack","offset":1"#)
        try await third.value
        _ = try await connection.receive()
        #expect(try await connection.receive() == #"{"op":"pub","id":3,"topic":"clicks","data":3}"#)
        await client.shutdownNow(connection)
    }

    @Test func aTaskThatWaitsForRoomCanBeCancelled() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.inFlightMax = 1
        let (client, connection) = try await broker.connect(configuration)
        let pipeline = client.pipeline(to: self.topic)
        try await pipeline.enqueue("1".bytes)
        let task = Task { try await pipeline.enqueue("2".bytes) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await client.shutdownNow(connection)
    }

    @Test func withoutAcknowledgementNothingIsNumberedAndRefusalsAreEvents() async throws {
        let broker = try await FakeBroker.start()
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        var configuration = broker.configuration
        configuration.onEvent = { continuation.yield($0) }
        let (client, connection) = try await broker.connect(configuration)
        let pipeline = client.pipeline(to: self.topic, isAcknowledged: false)
        try await pipeline.enqueue("1".bytes)
        #expect(try await connection.receive() == #"{"op":"pub","topic":"clicks","data":1}"#)
        try await pipeline.waitForOutcomes()
        let error = #"{"op":"err","topic":"clicks","code":4103,"name":"forbidden","reason":"r","retry":"no"}"#
        connection.send(error)
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == .connected)
        let refusal = BrokerRefusal(number: 4103, name: "forbidden", reason: "r")
        #expect(await iterator.next() == .refused(refusal, topic: "clicks"))
        await client.shutdownNow(connection)
    }

    @Test func shutdownReportsWhatHasNoOutcome() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let outcomes = Mutex<[PublishOutcome]>([])
        let pipeline = client.pipeline(to: self.topic) { _, outcome in outcomes.withLock { $0.append(outcome) } }
        try await pipeline.enqueue("1".bytes)
        _ = try await connection.receive()
        connection.send(#"{"op":"bye","code":4300,"afterMs":1}"#)
        connection.send(.ping(""))
        #expect(try await connection.next() == .pong([]))
        try await pipeline.enqueue("2".bytes)
        await client.shutdownNow(connection)
        let closed = ClientError(.closed, "the client was shut down")
        #expect(outcomes.withLock { $0 } == [.unknown, .notSent(closed)])
        await #expect(throws: closed) { try await pipeline.enqueue("3".bytes) }
        try await pipeline.waitForOutcomes()
    }

    @Test func twentyThousandArePipelined() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let total = 20_000
        let answering = Task {
            for _ in 1...total {
                let request = try await connection.receive()
                connection.send(#"{"op":"ack","id":\#(request.id),"offset":1}"#)
            }
        }
        let expected = Mutex<UInt64>(1)
        let pipeline = client.pipeline(to: self.topic) { tag, _ in
            expected.withLock {
                if $0 == tag { $0 += 1 }
            }
        }
        for number in 1...total { try await pipeline.enqueue("1".bytes, tag: UInt64(number)) }
        try await pipeline.waitForOutcomes()
        try await answering.value
        #expect(expected.withLock { $0 } == UInt64(total) + 1)
        await client.shutdownNow(connection)
    }
}
