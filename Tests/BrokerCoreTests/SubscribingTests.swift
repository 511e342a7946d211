import BrokerCore
import BrokerTestKit
import Testing

/// Snapshots, live messages, and how the two join.
@Suite struct SubscribingTests {
    private static let rules: @Sendable () throws -> [TopicRule] = {
        try [TopicRule("d", "sum"), TopicRule("m", "sum", durability: .memory)]
    }

    @Test func theAckOfASubscriptionIsASnapshot() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client)
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: client)
        #expect(frames.map(\.text) == [#"{"op":"ack","id":1,"topic":"d","epoch":"k1","offset":1,"data":5}"#])
    }

    @Test func aTopicWithoutValueIsAtOffsetZero() throws {
        let harness = try CoreHarness(Self.rules())
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: harness.connect())
        #expect(frames.map(\.text) == [#"{"op":"ack","id":1,"topic":"d","epoch":"k1","offset":0}"#])
    }

    @Test func aSubscriberGetsWhatIsPublished() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: subscriber)
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: publisher)
        #expect(
            subscriber.frames().map(\.text)
                == [#"{"op":"msg","topic":"d","offset":1,"ts":1795460000000,"data":5}"#]
        )
    }

    /// One change is being stored and another gathers behind it; the snapshot shows both, and waits for both.
    @Test func aSnapshotJoinsTheLiveStreamOverUncommittedChanges() throws {
        for mode in ["latest", "all"] {
            let harness = try CoreHarness(Self.rules())
            let (publisher, subscriber) = (harness.connect(), harness.connect())
            harness.send(#"{"op":"pub","topic":"d","data":1}"#, from: publisher)
            harness.tick()
            harness.send(#"{"op":"pub","topic":"d","data":2}"#, from: publisher)
            harness.send(#"{"op":"sub","id":1,"topic":"d","mode":"\#(mode)"}"#, from: subscriber)
            harness.send(#"{"op":"pub","topic":"d","data":4}"#, from: publisher)
            harness.tick()
            harness.finishCommit()
            #expect(subscriber.frames().isEmpty)
            harness.finishCommit()
            #expect(subscriber.frames().map { "\($0.operation) \($0.offset ?? 0)" } == ["ack 2", "msg 3"])
        }
    }

    @Test func aSnapshotOfWhatIsBeingStoredJoinsWhatGathersBehindIt() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.send(#"{"op":"pub","topic":"d","data":1}"#, from: publisher)
        harness.tick()
        harness.send(#"{"op":"sub","id":1,"topic":"d"}"#, from: subscriber)
        harness.send(#"{"op":"pub","topic":"d","data":2}"#, from: publisher)
        harness.tick()
        harness.finishCommit()
        #expect(subscriber.frames().map { "\($0.operation) \($0.offset ?? 0)" } == ["ack 1"])
        harness.finishCommit()
        #expect(subscriber.frames().map { "\($0.operation) \($0.offset ?? 0)" } == ["msg 2"])
    }

    /// The subscriber's ack waits for its own publish; what happens to the memory topic meanwhile must not be lost.
    @Test func aSnapshotThatWaitsForSomethingElseJoinsTheLiveStream() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"pub","topic":"m","data":1}"#, from: publisher)
        harness.send(#"{"op":"pub","topic":"d","data":1}"#, from: subscriber)
        harness.send(#"{"op":"sub","id":1,"topic":"m"}"#, from: subscriber)
        harness.tick()
        harness.send(#"{"op":"pub","topic":"m","data":2}"#, from: publisher)
        harness.settle()
        #expect(subscriber.frames().map { "\($0.operation) \($0.offset ?? 0)" } == ["ack 1", "msg 2"])
    }

    @Test func aPageThatWaitsForSomethingElseJoinsTheLiveStream() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"pub","topic":"m","data":1}"#, from: publisher)
        harness.send(#"{"op":"pub","topic":"d","data":1}"#, from: subscriber)
        harness.send(#"{"op":"sub","id":1,"topic":"+"}"#, from: subscriber)
        harness.tick()
        harness.send(#"{"op":"pub","topic":"m","data":2}"#, from: publisher)
        harness.settle()
        let frames = subscriber.frames().filter { $0.topic == "m" }
        #expect(frames.map { "\($0.offset ?? 0) \($0["retained"] ?? "live")" } == ["1 true", "2 live"])
    }

    @Test func aSnapshotCanBeLeftOut() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client)
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"d","retained":false}"#, from: client)
        #expect(frames.map(\.offset) == [1])
        #expect(frames.map { $0["data"] } == [nil])
    }

    @Test func aPositionThatMissesNothingIsGoneOnFrom() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client)
        let since = #""since":{"epoch":"k1","offset":1}"#
        #expect(harness.ask(#"{"op":"sub","id":1,"topic":"d",\#(since)}"#, from: client).map(\.operation) == ["ack"])
    }

    @Test(arguments: [#"{"epoch":"k1","offset":0}"#, #"{"epoch":"k2","offset":1}"#])
    func aPositionThatIsBehindIsRefused(since: String) throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client)
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"d","since":\#(since)}"#, from: client)
        #expect(frames.map(\.code) == [4400])
    }

    @Test func anUnsubscribedClientGetsNothingMore() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: client)
        #expect(
            harness.ask(#"{"op":"unsub","id":2,"topic":"d"}"#, from: client).map(\.text) == [#"{"op":"ack","id":2}"#]
        )
        #expect(harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client).isEmpty)
    }

    @Test func nothingComesAfterTheAckOfAnUnsubscribe() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m"}"#, from: subscriber)
        harness.send(#"{"op":"pub","topic":"m","data":5}"#, from: publisher)
        harness.send(#"{"op":"unsub","id":2,"topic":"m"}"#, from: subscriber)
        harness.settle()
        #expect(subscriber.frames().last?.operation == "ack")
    }

    @Test func oneOwnPublishesCanBeLeftOut() throws {
        let harness = try CoreHarness(Self.rules())
        let (client, other) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"d","echo":false}"#, from: client)
        #expect(harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client).isEmpty)
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: other)
        #expect(client.frames().map { $0["data"] } == ["10"])
    }

    @Test func overlappingFiltersDeliverOnce() throws {
        let harness = try CoreHarness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        for filter in ["a/b", "a/+", "#", "a/#"] {
            harness.ask(#"{"op":"sub","id":1,"topic":"\#(filter)"}"#, from: subscriber)
        }
        harness.ask(#"{"op":"pub","topic":"a/b","data":1}"#, from: publisher)
        #expect(subscriber.frames().count == 1)
    }

    @Test func ofOverlappingFiltersAllBeatsLatest() throws {
        let harness = try CoreHarness([TopicRule("m/#", "sum", durability: .memory)])
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m/a","mode":"latest"}"#, from: subscriber)
        harness.ask(#"{"op":"sub","id":2,"topic":"m/+","mode":"all"}"#, from: subscriber)
        for _ in 0..<3 { harness.send(#"{"op":"pub","topic":"m/a","data":1}"#, from: publisher) }
        harness.settle()
        #expect(subscriber.frames().map(\.offset) == [1, 2, 3])
    }

    @Test func latestSkipsWhatIsOvertakenInTheSameTick() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m"}"#, from: subscriber)
        for _ in 0..<3 { harness.send(#"{"op":"pub","topic":"m","data":1}"#, from: publisher) }
        harness.settle()
        #expect(subscriber.frames().map(\.offset) == [3])
    }

    @Test func anAllSubscriberAndALatestOneShareATopic() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, every, newest) = (harness.connect(), harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m","mode":"all"}"#, from: every)
        harness.ask(#"{"op":"sub","id":1,"topic":"m","mode":"latest"}"#, from: newest)
        for _ in 0..<3 { harness.send(#"{"op":"pub","topic":"m","data":1}"#, from: publisher) }
        harness.settle()
        #expect(every.frames().map(\.offset) == [1, 2, 3])
        #expect(newest.frames().map(\.offset) == [3])
    }

    @Test func theSameFilterAgainReplacesItsOptions() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: client)
        harness.ask(#"{"op":"sub","id":2,"topic":"d","echo":false}"#, from: client)
        #expect(harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client).isEmpty)
    }

    @Test func subscribersOnAnotherHubAreToldToo() throws {
        let harness = try CoreHarness(Self.rules(), hubCount: 2)
        let (publisher, subscriber) = (harness.connect(hub: 0), harness.connect(hub: 1))
        harness.ask(#"{"op":"sub","id":1,"topic":"+"}"#, from: subscriber)
        _ = subscriber.frames()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: publisher)
        #expect(subscriber.frames().map { $0["data"] } == ["5"])
    }

    // MARK: Get

    @Test func getAnswersWithPositionTimeAndValue() throws {
        let harness = try CoreHarness(Self.rules())
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"d","data":5}"#, from: client)
        harness.advance(milliseconds: 500)
        let expected = #"{"op":"ack","id":1,"topic":"d","epoch":"k1","offset":1,"ts":1795460000000,"data":5}"#
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"d"}"#, from: client).map(\.text) == [expected])
    }

    @Test(arguments: ["d", "nobody/knows"])
    func getOfNothingIsNoValue(topic: String) throws {
        let harness = try CoreHarness(Self.rules())
        let frames = harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: harness.connect())
        #expect(frames.map(\.code) == [4404])
    }

    @Test func getWaitsForWhatItShows() throws {
        let harness = try CoreHarness(Self.rules())
        let (publisher, reader) = (harness.connect(), harness.connect())
        harness.send(#"{"op":"pub","topic":"d","data":5}"#, from: publisher)
        harness.send(#"{"op":"get","id":1,"topic":"d"}"#, from: reader)
        harness.tick()
        #expect(reader.frames().isEmpty)
        harness.finishCommit()
        #expect(reader.frames().map { $0["data"] } == ["5"])
    }

    // MARK: Limits

    @Test func subscriptionsAreLimited() throws {
        var limits = BrokerLimits()
        limits.subscriptionsPerConnection = 2
        let harness = try CoreHarness(limits: limits)
        let client = harness.connect()
        let codes = ["a", "b/#", "c", "a"].flatMap { filter in
            harness.ask(#"{"op":"sub","id":1,"topic":"\#(filter)"}"#, from: client).map(\.code)
        }
        #expect(codes == [0, 0, 4205, 0])
    }

    @Test func topicsAreLimited() throws {
        var limits = BrokerLimits()
        limits.topics = 2
        let harness = try CoreHarness(limits: limits)
        let client = harness.connect()
        let codes = ["a", "b", "c", "a"].flatMap { topic in
            harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":1}"#, from: client).map(\.code)
        }
        #expect(codes == [0, 0, 4205, 0])
        #expect(harness.ask(#"{"op":"sub","id":1,"topic":"d"}"#, from: client).map(\.code) == [4205])
    }
}
