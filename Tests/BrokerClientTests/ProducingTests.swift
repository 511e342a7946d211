import BrokerWire
import Logging
import Synchronization
import Testing

@testable import BrokerClient

@Suite("Broker client: producers", .timeLimit(.minutes(5)))
struct ProducingTests {
    private let topic: Topic
    private static let producer = #","producer":{"name":"m","epoch":7,"next":1}"#

    init() throws {
        self.topic = try Topic("clicks")
    }

    /// What a pipeline's publishes came to, as they come.
    private func outcomes(
        of client: BrokerClient,
        isAcknowledged: Bool = true
    ) -> (PublishPipeline, AsyncStream<(UInt64, PublishOutcome)>.Iterator) {
        let (stream, continuation) = AsyncStream.makeStream(of: (UInt64, PublishOutcome).self)
        let pipeline = client.pipeline(to: self.topic, isAcknowledged: isAcknowledged) { continuation.yield(($0, $1)) }
        return (pipeline, stream.makeAsyncIterator())
    }

    @Test func aClientIsAProducerOfItsOwnAndNumbersItsPublishes() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration(of: .ephemeral))
        async let started: Void = client.start()
        let connection = try await broker.accept()
        let hello = try await connection.welcome(Self.producer)
        try await started
        let prefix = #"{"op":"hello","v":1,"client":"BrokerClient/1.0","producer":{"name":"auto-"#
        #expect(hello.hasPrefix(prefix) && hello.utf8.count == prefix.utf8.count + 32 + 3)
        #expect(client.producer == ProducerPosition(epoch: 7, next: 1))
        let acknowledgement = Task { try await client.publish("6", to: self.topic) }
        #expect(try await connection.receive() == #"{"op":"pub","seq":1,"topic":"clicks","data":6}"#)
        connection.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":3,"data":16,"dups":0}"#)
        #expect(try await acknowledgement.value == PublishAcknowledgement(offset: 3, data: "16".bytes))
        let second = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        connection.send(#"{"op":"ack","seq":2,"applied":false,"why":"late"}"#)
        #expect(try await second.value == PublishAcknowledgement(offset: 0, isApplied: false, why: "late"))
        await client.shutdownNow(connection)
    }

    @Test func fireAndForgetStaysWithoutANumber() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .ephemeral), Self.producer)
        let (pipeline, _) = self.outcomes(of: client, isAcknowledged: false)
        try await pipeline.enqueue("1".bytes)
        #expect(try await connection.receive() == #"{"op":"pub","topic":"clicks","data":1}"#)
        await #expect(throws: ClientError.self) { _ = try await pipeline.enqueue("1".bytes[...], seq: 1) }
        await client.shutdownNow(connection)
    }

    @Test func whatHasNoVerdictIsSentAgainOnTheNextConnection() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .named("m")), Self.producer)
        var (pipeline, outcomes) = self.outcomes(of: client)
        for number in 1...4 { try await pipeline.enqueue("\(number)".bytes, tag: UInt64(number)) }
        for _ in 1...4 { _ = try await connection.receive() }
        connection.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":1,"data":1,"dups":0}"#)
        #expect(await outcomes.next()?.0 == 1)
        connection.drop()
        let second = try await broker.accept()
        let hello = try await second.welcome(#","producer":{"name":"m","epoch":7,"next":3}"#)
        #expect(hello.hasSuffix(#""producer":{"name":"m","epoch":7,"acked":1}}"#))
        let again = await outcomes.next()
        #expect(again?.0 == 2)
        #expect(again?.1 == .acknowledged(PublishAcknowledgement(offset: 0, isDuplicate: true)))
        try await pipeline.enqueue("5".bytes, tag: 5)
        for number in 3...5 {
            let text = #"{"op":"pub","seq":\#(number),"topic":"clicks","data":\#(number)}"#
            #expect(try await second.receive() == text)
        }
        second.send(#"{"op":"ack","seq":5,"topic":"clicks","offset":5,"data":15,"dups":0}"#)
        #expect(await outcomes.next()?.0 == 3)
        #expect(await outcomes.next()?.0 == 4)
        let last = await outcomes.next()
        #expect(last?.1 == .acknowledged(PublishAcknowledgement(offset: 5, data: "15".bytes)))
        try await pipeline.waitForOutcomes()
        await client.shutdownNow(second)
    }

    @Test func whatTheBrokerCanNotTakeNowIsSentAgainLater() async throws {
        let broker = try await FakeBroker.start()
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        var configuration = broker.configuration(of: .named("m"))
        configuration.onEvent = { continuation.yield($0) }
        let (client, connection) = try await broker.connect(configuration, Self.producer)
        var (pipeline, outcomes) = self.outcomes(of: client)
        for number in 1...3 { try await pipeline.enqueue("1".bytes, tag: UInt64(number)) }
        for _ in 1...3 { _ = try await connection.receive() }
        connection.send(
            #"{"op":"ack","seq":1,"topic":"clicks","offset":1,"data":1,"dups":0}"#,
            #"{"op":"err","seq":2,"code":4203,"name":"storage_full","reason":"r","retry":"later","afterMs":1}"#
        )
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == .connected)
        let refusal = BrokerRefusal(
            number: 4203,
            name: "storage_full",
            reason: "r",
            retry: .later,
            afterMilliseconds: 1
        )
        #expect(await iterator.next() == .publishesHeld(refusal, retryAfter: .milliseconds(100)))
        for number in 2...3 { #expect(try await connection.receive().hasPrefix(#"{"op":"pub","seq":\#(number),"#)) }
        connection.send(
            #"{"op":"err","seq":2,"code":4004,"name":"bad_value","reason":"r","retry":"no"}"#,
            #"{"op":"ack","seq":2}"#,
            #"{"op":"ack","seq":3,"topic":"clicks","offset":2,"data":2,"dups":0}"#
        )
        var all: [PublishOutcome] = []
        for _ in 1...3 { if let outcome = await outcomes.next() { all.append(outcome.1) } }
        #expect(all[1] == .refused(BrokerRefusal(number: 4004, name: "bad_value", reason: "r")))
        #expect(all[2] == .acknowledged(PublishAcknowledgement(offset: 2, data: "2".bytes)))
        await client.shutdownNow(connection)
    }

    // MARK: The end of a producer

    @Test(arguments: [(4104, "fenced"), (4401, "producer_unknown"), (4001, "bad_envelope")])
    func whenItsProducerIsRefusedTheClientEndsAndNothingIsKnown(code: Int, name: String) async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .named("m")), Self.producer)
        let publish = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        connection.drop()
        let second = try await broker.accept()
        _ = try await second.receive()
        second.send(#"{"op":"err","code":\#(code),"name":"\#(name)","reason":"r","retry":"no"}"#)
        let error = await #expect(throws: ClientError.self) { try await publish.value }
        #expect(error?.code == .outcomeUnknown)
        await #expect(throws: ClientError.self) { try await client.ping() }
        #expect(client.failure?.brokerCode == UInt16(code))
        #expect(client.failure?.message == "\(code) \(name): r")
    }

    @Test(arguments: [4104, 4105, 4008] as [UInt16])
    func whenAnotherTakesOverTheClientEndsAndNothingIsKnown(code: UInt16) async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .named("m")), Self.producer)
        var (pipeline, outcomes) = self.outcomes(of: client)
        try await pipeline.enqueue("1".bytes)
        _ = try await connection.receive()
        connection.send(#"{"op":"err","code":\#(code),"name":"n","reason":"r","retry":"no"}"#)
        connection.sendClose(CloseCode(rawValue: code))
        #expect(await outcomes.next()?.1 == .unknown)
        try await pipeline.waitForOutcomes()
        await #expect(throws: ClientError.self) { try await client.ping() }
        #expect(client.failure?.message == "the broker closed the connection: \(code) n: r")
    }

    /// An older connection of its own was taken for a newer one: its `hello` was long on its way. Nobody else knows the
    /// name.
    @Test func aClientThatDrewItsNameComesBackWhenItIsReplaced() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .ephemeral), Self.producer)
        let publish = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        connection.send(#"{"op":"err","code":4105,"name":"replaced","reason":"r","retry":"no"}"#)
        connection.sendClose(CloseCode(.replaced))
        let second = try await broker.accept()
        let hello = try await second.welcome(Self.producer)
        #expect(hello.field("epoch") == "7")
        _ = try await second.receive()
        second.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":2,"data":3,"dups":0}"#)
        #expect(try await publish.value.offset == 2)
        await client.shutdownNow(second)
    }

    @Test func anEphemeralProducerThatIsForgottenIsReplacedByAnother() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .ephemeral), Self.producer)
        var (pipeline, outcomes) = self.outcomes(of: client)
        try await pipeline.enqueue("1".bytes, tag: 1)
        _ = try await connection.receive()
        connection.drop()
        let second = try await broker.accept()
        let hello = try await second.receive()
        second.send(#"{"op":"err","code":4401,"name":"producer_unknown","reason":"r","retry":"no"}"#)
        #expect(await outcomes.next()?.1 == .unknown)
        let third = try await broker.accept()
        let other = try await third.welcome(#","producer":{"name":"n","epoch":8,"next":1}"#)
        #expect(other.field("name") != hello.field("name"))
        #expect(other.field("epoch") == nil)
        try await pipeline.enqueue("2".bytes, tag: 2)
        #expect(try await third.receive() == #"{"op":"pub","seq":1,"topic":"clicks","data":2}"#)
        third.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":2,"data":3,"dups":0}"#)
        #expect(await outcomes.next()?.0 == 2)
        await client.shutdownNow(third)
    }

    @Test func aBrokerThatKnowsNoProducersIsNamed() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration(of: .ephemeral))
        let started = Task { try await client.start() }
        try await broker.accept().welcome()
        let error = await #expect(throws: ClientError.self) { try await started.value }
        #expect(error?.code == .handshakeRefused)
    }

    @Test(arguments: ["", "a/b", "ä", String(repeating: "x", count: 65)])
    func aNameThatNoBrokerTakesIsRefusedHere(name: String) async throws {
        let client = BrokerClient(try await FakeBroker.start().configuration(of: .resuming(name)))
        let error = await #expect(throws: ClientError.self) { try await client.start() }
        #expect(error?.code == .invalidArgument)
        await #expect(throws: ClientError.self) { try await client.publish("1", to: self.topic) }
    }

    @Test func whatTheBrokerHasLostIsToldAndNothingElseChanges() async throws {
        let broker = try await FakeBroker.start()
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        var configuration = broker.configuration(of: .named("m"))
        configuration.onEvent = { continuation.yield($0) }
        let (client, connection) = try await broker.connect(configuration, Self.producer)
        let publish = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        connection.send(#"{"op":"ack","seq":1,"topic":"clicks","offset":1,"data":1,"dups":0}"#)
        _ = try await publish.value
        connection.drop()
        let second = try await broker.accept()
        try await second.welcome(#","producer":{"name":"m","epoch":7,"next":2,"regressed":{"from":1,"to":1}}"#)
        var iterator = events.makeAsyncIterator()
        var event = await iterator.next()
        while let seen = event, seen != .regressed(.init(from: 1, to: 1)) { event = await iterator.next() }
        #expect(event != nil)
        let next = Task { try await client.publish("1", to: self.topic) }
        #expect(try await second.receive().hasPrefix(#"{"op":"pub","seq":2,"#))
        next.cancel()
        await client.shutdownNow(second)
    }

    // MARK: The program's side

    @Test func aPublishThatNobodyWaitsForKeepsItsPlace() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect(broker.configuration(of: .named("m")), Self.producer)
        let first = Task { try await client.publish("1", to: self.topic) }
        _ = try await connection.receive()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        connection.drop()
        let second = try await broker.accept()
        try await second.welcome(Self.producer)
        #expect(try await second.receive().hasPrefix(#"{"op":"pub","seq":1,"#))
        let next = Task { try await client.publish("2", to: self.topic) }
        #expect(try await second.receive().hasPrefix(#"{"op":"pub","seq":2,"#))
        second.send(#"{"op":"ack","seq":2,"topic":"clicks","offset":2,"data":3,"dups":0}"#)
        #expect(try await next.value.offset == 2)
        await client.shutdownNow(second)
    }

    @Test func aSourceGoesOnWhereItStoppedAndItsPlacesAreTheNumbers() async throws {
        let broker = try await FakeBroker.start()
        let stored = #","producer":{"name":"m","epoch":7,"next":5,"refused":[2]}"#
        let (client, connection) = try await broker.connect(broker.configuration(of: .resuming("m")), stored)
        #expect(client.producer == ProducerPosition(epoch: 7, next: 5, refused: [2]))
        var (pipeline, outcomes) = self.outcomes(of: client)
        #expect(try await !pipeline.enqueue("1".bytes[...], seq: 1))
        #expect(try await pipeline.enqueue("2".bytes[...], seq: 2))
        #expect(try await !pipeline.skip(seq: 4))
        let waiting = pipeline
        let fifth = Task { try await waiting.skip(seq: 5) }
        #expect(try await connection.receive() == #"{"op":"pub","seq":2,"topic":"clicks","data":2}"#)
        connection.send(#"{"op":"ack","seq":2,"topic":"clicks","offset":9,"data":2,"dups":0}"#)
        #expect(try await fifth.value)
        #expect(try await connection.receive() == #"{"op":"pub","seq":5,"topic":"","data":null}"#)
        connection.send(
            #"{"op":"err","seq":5,"code":4002,"name":"bad_topic","reason":"r","retry":"no"}"#,
            #"{"op":"ack","seq":5}"#
        )
        #expect(await outcomes.next()?.0 == 2)
        let skipped = await outcomes.next()
        #expect(skipped?.0 == 5)
        #expect(skipped?.1 == .refused(BrokerRefusal(number: 4002, name: "bad_topic", reason: "r")))
        await #expect(throws: ClientError.self) { _ = try await pipeline.enqueue("7".bytes[...], seq: 7) }
        await client.shutdownNow(connection)
    }
}
