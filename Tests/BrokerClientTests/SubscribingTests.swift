import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite("Broker client: subscribing", .timeLimit(.minutes(5)))
struct SubscribingTests {
    @Test func theOptionsTravelWithTheFilter() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let options = SubscriptionOptions(mode: .latest, maxRate: 2.5, echo: false, retained: false)
        let subscription = Task { try await client.subscribe(to: TopicFilter(#"a/"/+"#), options: options) }
        let request = try await connection.answer(with: #""op":"ack""#)
        #expect(
            request
                == #"{"op":"sub","id":\#(request.id),"topic":"a/\"/+","mode":"latest","maxRate":2.5,"echo":false,"#
                + #""retained":false}"#
        )
        _ = try await subscription.value
    }

    @Test func theCurrentValueComesFirstAndThenWhatIsPublished() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscribing = Task { try await client.subscribe(to: TopicFilter("a")) }
        try await connection.answer(with: #""op":"ack","topic":"a","epoch":"k","offset":4,"data":10"#)
        let subscription = try await subscribing.value
        connection.sendMessage("a", offset: 5, "11", #","exact":"11.0""#)
        connection.sendMessage("b", offset: 1, "0")
        connection.sendMessage("a", offset: 6, #""x""#, #","retained":true"#)
        var iterator = subscription.makeAsyncIterator()
        let topic = try Topic("a")
        #expect(
            try await iterator.next()
                == Message(topic: topic, epoch: "k", offset: 4, data: "10".bytes, isRetained: true)
        )
        #expect(
            try await iterator.next()
                == Message(
                    topic: topic,
                    epoch: "k",
                    offset: 5,
                    timestampMilliseconds: 7,
                    data: "11".bytes,
                    exact: "11.0"
                )
        )
        #expect(
            try await iterator.next()
                == Message(
                    topic: topic,
                    epoch: "k",
                    offset: 6,
                    timestampMilliseconds: 7,
                    data: #""x""#.bytes,
                    isRetained: true
                )
        )
        let given = Task { await client.unsubscribe(subscription) }
        #expect(try await connection.answer(with: #""op":"ack""#).hasPrefix(#"{"op":"unsub","id":"r"#))
        await given.value
        #expect(try await iterator.next() == nil)
    }

    @Test func messagesHandedOverOnTheEventLoopComeInOrderAndEndWithTheClient() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let (offsets, continuation) = AsyncStream.makeStream(of: UInt64.self)
        let subscribing = Task {
            try await client.subscribe(to: [TopicFilter("a")]) { error in
                #expect(error == nil)
                continuation.finish()
            } onMessages: { messages in
                #expect(client.eventLoop.inEventLoop)
                for message in messages { continuation.yield(message.offset) }
            }
        }
        try await connection.answer(with: #""op":"ack","topic":"a","epoch":"k","offset":4,"data":10"#)
        try await subscribing.value
        for offset in 5...6 { connection.sendMessage("a", offset: offset, "11") }
        var iterator = offsets.makeAsyncIterator()
        for offset in UInt64(4)...6 { #expect(await iterator.next() == offset) }
        async let shutdown: Void = client.shutdown()
        #expect(await iterator.next() == nil)
        connection.drop()
        await shutdown
    }

    @Test func afterALossItSubscribesAgainAndTheValueComesOnlyIfItChanged() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        connection.sendMessage("a", offset: 5, "5")
        var iterator = subscription.makeAsyncIterator()
        #expect(try await iterator.next()?.offset == 5)

        var next = connection
        let snapshots = [
            #""epoch":"k","offset":5,"data":5"#, #""epoch":"k","offset":6,"data":6"#,
            #""epoch":"j","offset":6,"data":9"#,
        ]
        for snapshot in snapshots {
            next.drop()
            next = try await broker.accept()
            try await next.welcome()
            try await next.answer(with: #""op":"ack","topic":"a",\#(snapshot)"#)
        }
        next.sendMessage("a", offset: 7, "7")
        var values: [String] = []
        for _ in 0..<3 {
            let message = try await iterator.next()
            values.append(String(decoding: message?.data ?? [], as: UTF8.self))
        }
        #expect(values == ["6", "9", "7"])
        await client.shutdownNow(next)
        #expect(try await iterator.next() == nil)
    }

    @Test func aRefusedSubscriptionThrows() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = Task { try await client.subscribe(to: [TopicFilter("a"), TopicFilter("b")]) }
        try await connection.answer(with: #""op":"ack","topic":"a","epoch":"k","offset":0"#)
        try await connection.answer(with: #""op":"err","code":4103,"name":"forbidden","reason":"","retry":"no""#)
        let error = await #expect(throws: ClientError.self) { _ = try await subscription.value }
        #expect(error?.brokerCode == 4103)
        // What the broker took of it is given back.
        #expect(try await connection.receive().hasSuffix(#""topic":"a"}"#))
        #expect(try await connection.receive().hasPrefix(#"{"op":"unsub""#))
    }

    @Test func aSubscriptionThatIsRefusedAfterALossEndsWithTheRefusal() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        connection.drop()
        let second = try await broker.accept()
        try await second.welcome()
        try await second.answer(with: #""op":"err","code":4103,"name":"forbidden","reason":"","retry":"no""#)
        let error = await #expect(throws: ClientError.self) { for try await _ in subscription {} }
        #expect(error?.brokerCode == 4103)
    }

    @Test func aBrokerThatIsShortOfSomethingIsAskedAgain() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        connection.drop()
        let second = try await broker.accept()
        try await second.welcome()
        let refusal = #""op":"err","code":4201,"name":"overloaded","reason":"","retry":"later","afterMs":1"#
        try await second.answer(with: refusal)
        try await second.answer(with: #""op":"ack","topic":"a","epoch":"k","offset":1,"data":1"#)
        var iterator = subscription.makeAsyncIterator()
        #expect(try await iterator.next()?.offset == 1)
    }

    @Test func oneFilterIsSubscribedToOnce() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        let error = await #expect(throws: ClientError.self) { _ = try await client.subscribe(to: TopicFilter("a")) }
        #expect(error?.code == .alreadySubscribed)
        withExtendedLifetime(subscription) {}
    }

    @Test func aSubscriptionThatNobodyHoldsIsGivenUp() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        _ = try await connection.subscribe(client, "a")
        #expect(try await connection.receive().hasPrefix(#"{"op":"unsub","id":"r"#))
    }

    /// Three messages are one more than there is room for, yet the answer behind them arrives.
    @Test func aFullSubscriptionDoesNotHoldUpAnAnswer() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.bufferedMessagesMax = 2
        let (client, connection) = try await broker.connect(configuration)
        let subscription = try await connection.subscribe(client, "a")
        for offset in 1...3 { connection.sendMessage("a", offset: offset, "0") }
        let acknowledgement = Task { try await client.publish("1", to: Topic("b")) }
        try await connection.answer(with: #""op":"ack","offset":8"#)
        #expect(try await acknowledgement.value.offset == 8)
        var iterator = subscription.makeAsyncIterator()
        for offset in 1...3 { #expect(try await iterator.next()?.offset == UInt64(offset)) }
    }

    /// The client has stopped reading before it publishes, and the answer arrives all the same.
    @Test func aPublishBehindAFullSubscriptionIsAnswered() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.bufferedMessagesMax = 2
        let (client, connection) = try await broker.connect(configuration)
        let subscription = try await connection.subscribe(client, "a")
        // In one piece, so that the pong says that the messages before it have filled the subscription.
        var buffer = ByteBuffer()
        for offset in 1...2 {
            let message = #"{"op":"msg","topic":"a","offset":\#(offset),"ts":7,"data":0}"#
            Array(message.utf8).withUnsafeBytes { buffer.writeFrame(.text, $0) }
        }
        buffer.writeFrame(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        connection.send(buffer)
        #expect(try await connection.next() == .pong([]))
        let acknowledgement = Task { try await client.publish("1", to: Topic("b")) }
        try await connection.answer(with: #""op":"ack","offset":8"#)
        #expect(try await acknowledgement.value.offset == 8)
        withExtendedLifetime(subscription) {}
        await client.shutdownNow(connection)
    }

    @Test func everythingArrivesThroughASmallBuffer() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.bufferedMessagesMax = 8
        let (client, connection) = try await broker.connect(configuration)
        let subscription = try await connection.subscribe(client, "a/+")
        let total = 20_000
        for offset in 1...total { connection.sendMessage("a/\(offset % 3)", offset: offset, "0") }
        var expected: UInt64 = 1
        for try await message in subscription {
            #expect(message.offset == expected)
            #expect(message.topic.description == "a/\(expected % 3)")
            expected += 1
            if expected > total { break }
        }
        await client.shutdownNow(connection)
    }

    @Test func aSubscriptionThatIsNeverReadEndsInsteadOfGrowing() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.bufferedMessagesMax = 1
        let (client, connection) = try await broker.connect(configuration)
        let subscription = try await connection.subscribe(client, "a")
        // A publish that is never answered keeps the client reading.
        let pipeline = client.pipeline(to: try Topic("b"))
        try await pipeline.enqueue("1".bytes)
        _ = try await connection.receive()
        connection.sendMessage("a", offset: 1, "0")
        connection.send(.ping(""))
        #expect(try await connection.next() == .pong([]))
        for offset in 2...17 { connection.sendMessage("a", offset: offset, "0") }
        #expect(try await connection.receive().hasPrefix(#"{"op":"unsub""#))
        var count = 0
        let error = await #expect(throws: ClientError.self) { for try await _ in subscription { count += 1 } }
        #expect(error?.code == .slowConsumer)
        #expect(count == 17)
        await client.shutdownNow(connection)
    }

    @Test func aReaderThatIsCancelledThrows() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        let task = Task { for try await _ in subscription {} }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await client.shutdownNow(connection)
    }
}
