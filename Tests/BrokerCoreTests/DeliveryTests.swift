import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Slow clients, rates, retained messages.
@Suite struct DeliveryTests {
    private static func harness(outboxBytes: Int = 1024 * 1024) throws -> CoreHarness {
        var limits = BrokerLimits()
        limits.outboxBytes = outboxBytes
        return try CoreHarness([TopicRule("m/+", "sum", number: .int, durability: .memory)], limits: limits)
    }

    // MARK: Slow clients

    /// A reader that stands still costs one note per topic, however much is counted meanwhile.
    @Test func aTotalIsNeverQueued() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a"}"#, from: reader)
        harness.setWritable(false, reader)
        let session = try #require(publisher.session)
        let message = Array(#"{"op":"pub","topic":"m/a","data":1}"#.utf8)
        var scratch = message
        let request = try scratch.withUnsafeMutableBytes { bytes throws(RequestError) in
            try RequestScanner.scan(bytes, limits: WireLimits())
        }
        for number in 1...1_000_000 {
            message.withUnsafeBytes {
                harness.broker.receive(request, in: $0, from: session.id, at: harness.time)
            }
            if number.isMultiple(of: 1000) { harness.tick() }
        }
        #expect(reader.session?.pendingBytes == 0)
        #expect(reader.session?.dueTopicCount == 1)
        harness.setWritable(true, reader)
        harness.tick()
        #expect(reader.frames().map { $0["data"] } == ["1000000"])
    }

    @Test func aSlowReaderGetsTheNewestOfEachTopic() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/+"}"#, from: reader)
        harness.setWritable(false, reader)
        for _ in 0..<3 {
            for topic in 0..<40 { harness.ask(#"{"op":"pub","topic":"m/\#(topic)","data":2}"#, from: publisher) }
        }
        _ = reader.frames()
        harness.setWritable(true, reader)
        harness.tick()
        let frames = reader.frames()
        #expect(frames.count == 40)
        #expect(frames.allSatisfy { $0["data"] == "6" })
    }

    @Test func theOutboxHoldsAsMuchAsItsLimit() throws {
        let frame = #"{"op":"msg","topic":"news","offset":1,"ts":1795460000000,"data":1}"#.utf8.count + 2
        let harness = try Self.harness(outboxBytes: 3 * frame)
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
        harness.setWritable(false, reader)
        for _ in 0..<3 { harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher) }
        #expect(reader.connection.closed == nil)
        harness.setWritable(true, reader)
        harness.tick()
        #expect(reader.frames().map(\.offset) == [1, 2, 3])
    }

    @Test func oneMoreThanTheOutboxHoldsClosesTheSlowConsumerAlone() throws {
        let frame = #"{"op":"msg","topic":"news","offset":1,"ts":1795460000000,"data":1}"#.utf8.count + 2
        let harness = try Self.harness(outboxBytes: 3 * frame)
        let (publisher, reader, other) = (harness.connect(), harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: other)
        harness.setWritable(false, reader)
        for _ in 0..<4 { harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher) }
        #expect(reader.connection.closed?.code == CloseCode(.slowConsumer))
        #expect(other.frames().map(\.offset) == [1, 2, 3, 4])
    }

    @Test func aConnectionIsWrittenOnceATick() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
        let before = reader.connection.writeCount
        for _ in 0..<10 { harness.send(#"{"op":"pub","topic":"news","data":1}"#, from: publisher) }
        harness.tick()
        #expect(reader.connection.writeCount == before + 1)
    }

    // MARK: Rates

    @Test func aRateSkipsAllButTheNewest() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a","maxRate":10}"#, from: reader)
        var seen: [[String?]] = []
        for _ in 0..<10 {
            harness.ask(#"{"op":"pub","topic":"m/a","data":1}"#, from: publisher)
            harness.advance(milliseconds: 30)
            seen.append(reader.frames().map { $0["data"] })
        }
        #expect(seen.flatMap { $0 } == ["1", "4", "8"])
        harness.advance(milliseconds: 100)
        #expect(reader.frames().map { $0["data"] } == ["10"])
    }

    @Test func theHubSaysWhenItHasToBeWoken() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a","maxRate":2}"#, from: reader)
        let start = harness.time.monotonic
        for _ in 0..<2 { harness.ask(#"{"op":"pub","topic":"m/a","data":1}"#, from: publisher) }
        #expect(harness.hubs[0].nextWake == start + 500_000_000)
    }

    @Test func ofOverlappingFiltersTheHigherRateWins() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a","maxRate":1}"#, from: reader)
        harness.ask(#"{"op":"sub","id":2,"topic":"m/+","maxRate":100}"#, from: reader)
        for _ in 0..<3 {
            harness.ask(#"{"op":"pub","topic":"m/a","data":1}"#, from: publisher)
            harness.advance(milliseconds: 10)
        }
        #expect(reader.frames().map { $0["data"] } == ["1", "2", "3"])
    }

    @Test func whatWaitsForItsTimeIsNotSentTwice() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a","maxRate":10}"#, from: reader)
        harness.setWritable(false, reader)
        for _ in 0..<2 { harness.ask(#"{"op":"pub","topic":"m/a","data":1}"#, from: publisher) }
        harness.setWritable(true, reader)
        harness.tick()
        harness.advance(milliseconds: 200)
        #expect(reader.frames().map { $0["data"] } == ["2"])
    }

    // MARK: Retained messages

    @Test func aWildcardSubscriptionGetsRetainedMessagesAndThenItsAck() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"news/a","data":"x","retain":true}"#, from: client)
        harness.ask(#"{"op":"pub","topic":"m/a","data":2}"#, from: client)
        harness.ask(#"{"op":"pub","topic":"news/b","data":"not kept"}"#, from: client)
        let frames = harness.ask(##"{"op":"sub","id":1,"topic":"#"}"##, from: client)
        #expect(frames.map(\.operation) == ["msg", "msg", "ack"])
        #expect(frames.map { $0["data"] } == ["\"x\"", "2", nil])
        #expect(frames.map { $0["retained"] } == ["true", "true", nil])
    }

    @Test func retainedMessagesCanBeLeftOut() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"m/a","data":2}"#, from: client)
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"m/+","retained":false}"#, from: client)
        #expect(frames.map(\.operation) == ["ack"])
    }

    @Test func aClearedMessageIsDeliveredLiveAndThenGone() throws {
        let harness = try Self.harness()
        let (client, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"pub","topic":"news","data":1,"retain":true}"#, from: client)
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
        harness.ask(#"{"op":"pub","topic":"news","data":null,"retain":true}"#, from: client)
        #expect(reader.frames().map { $0["data"] } == ["null"])
        #expect(harness.ask(#"{"op":"get","id":2,"topic":"news"}"#, from: client).map(\.code) == [4404])
    }

    @Test func nullWithoutRetainIsAnEventLikeAnother() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"news","data":1,"retain":true}"#, from: client)
        harness.ask(#"{"op":"pub","topic":"news","data":null}"#, from: client)
        #expect(harness.ask(#"{"op":"get","id":2,"topic":"news"}"#, from: client).map { $0["data"] } == ["1"])
    }

    /// The client stops taking after the first page: what it may hold back is a page, not all there is, and its next
    /// request waits for the ack.
    @Test func retainedMessagesComePageByPage() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        let data = String(repeating: "x", count: 1000)
        for topic in 0..<200 {
            harness.ask(#"{"op":"pub","topic":"n/\#(topic)","data":"\#(data)","retain":true}"#, from: publisher)
        }
        harness.setWritable(false, reader)
        harness.send(#"{"op":"sub","id":1,"topic":"n/+"}"#, from: reader)
        harness.send(#"{"op":"ping","id":2}"#, from: reader)
        harness.settle()
        #expect((1...80_000).contains(reader.session?.pendingBytes ?? 0))
        #expect(reader.session?.isHeld == true)
        harness.setWritable(true, reader)
        harness.settle()
        let frames = reader.frames()
        #expect(frames.map(\.operation) == Array(repeating: "msg", count: 200) + ["ack", "pong"])
        #expect(Set(frames.prefix(200).map(\.topic)).count == 200)
    }

    @Test func aPageWaitsForWhatItShows() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.send(#"{"op":"pub","topic":"news","data":1,"retain":true}"#, from: publisher)
        harness.send(#"{"op":"sub","id":1,"topic":"+"}"#, from: reader)
        harness.tick()
        #expect(reader.frames().isEmpty)
        harness.finishCommit()
        #expect(reader.frames().last?.operation == "ack")
    }

    // MARK: Idle topics

    @Test func aTopicThatNobodyUsesIsForgottenAndComesBackAsAnother() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: client)
        let first = harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: client)
        harness.ask(#"{"op":"unsub","id":2,"topic":"news"}"#, from: client)
        harness.advance(milliseconds: 60_001)
        harness.sweep()
        #expect(harness.broker.topicCount == 0)
        let second = harness.ask(#"{"op":"sub","id":3,"topic":"news"}"#, from: client)
        #expect(second.first?.offset == 0)
        #expect(first.first?["epoch"] != second.first?["epoch"])
    }

    /// Made-up names of an aggregate cost nothing for longer than the subscription lasts.
    @Test func anAggregateThatNobodyPublishedToIsForgottenAsWell() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"m/x"}"#, from: client)
        #expect(harness.broker.topicCount == 1)
        harness.ask(#"{"op":"unsub","id":2,"topic":"m/x"}"#, from: client)
        harness.advance(milliseconds: 60_001)
        harness.sweep()
        #expect(harness.broker.topicCount == 0)
    }

    @Test func aTopicIsKeptForAMinute() throws {
        let harness = try Self.harness()
        harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: harness.connect())
        harness.advance(milliseconds: 60_000)
        harness.sweep()
        #expect(harness.broker.topicCount == 1)
    }

    @Test(arguments: [#""topic":"m/a","data":1"#, #""topic":"news","data":1,"retain":true"#])
    func aTopicWithAValueIsKept(fields: String) throws {
        let harness = try Self.harness()
        harness.ask(#"{"op":"pub",\#(fields)}"#, from: harness.connect())
        harness.advance(milliseconds: 100_000)
        harness.sweep()
        #expect(harness.broker.topicCount == 1)
    }

    @Test func aTopicWithASubscriberIsKept() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
        harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher)
        harness.advance(milliseconds: 100_000)
        harness.sweep()
        harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher)
        #expect(reader.frames().map(\.offset) == [1, 2])
    }

    /// What the hub knew of the first life must not be taken for the second.
    @Test func aSubscriberBeforeAndAfterASweepHearsBothLives() throws {
        let harness = try Self.harness()
        let (publisher, reader) = (harness.connect(), harness.connect())
        for _ in 0..<2 {
            harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: reader)
            harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher)
            #expect(reader.frames().map(\.offset) == [1])
            harness.ask(#"{"op":"unsub","id":2,"topic":"news"}"#, from: reader)
            harness.advance(milliseconds: 61_000)
            harness.sweep()
        }
    }
}
