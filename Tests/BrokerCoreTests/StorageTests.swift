import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Group commit, and commits that fail.
@Suite struct StorageTests {
    private static func harness(rows: [TopicRow] = []) throws -> CoreHarness {
        try CoreHarness([TopicRule("d/+", "sum"), TopicRule("m", "sum", durability: .memory)], rows: rows)
    }

    // MARK: Group commit

    @Test func publishesToOneTopicInOneBatchAreOneRow() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        for _ in 0..<100 { harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: client) }
        harness.settle()
        #expect(harness.batches.map(\.rows.count) == [1])
        #expect(client.frames().count == 100)
    }

    @Test func whileOneBatchIsStoredTheNextOneGathers() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: client)
        harness.tick()
        for topic in ["a", "b", "a", "c"] {
            harness.send(#"{"op":"pub","id":2,"topic":"d/\#(topic)","data":1}"#, from: client)
            harness.tick()
        }
        #expect(harness.batches.count == 1)
        harness.settle()
        #expect(harness.batches.map(\.rows.count) == [1, 3])
        #expect(harness.batches.map(\.number) == [1, 2])
    }

    @Test func anEventThatNobodyRetainsIsNotStored() throws {
        let harness = try Self.harness()
        harness.ask(#"{"op":"pub","id":1,"topic":"news","data":1}"#, from: harness.connect())
        #expect(harness.batches.isEmpty)
    }

    // MARK: Failure

    @Test func afterAFullDiskEverythingIsAsBefore() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: client)
        harness.send(#"{"op":"pub","id":2,"topic":"d/a","data":2}"#, from: client)
        harness.tick()
        harness.send(#"{"op":"pub","id":3,"topic":"d/a","data":4}"#, from: client)
        harness.finishCommit(.full(reason: "no room"))
        #expect(client.frames().map { "\($0["id"] ?? "") \($0.code)" } == ["2 4203", "3 4203"])
        let frames = harness.ask(#"{"op":"pub","id":4,"topic":"d/a","data":8}"#, from: client)
        #expect(frames.map(\.text) == [#"{"op":"ack","id":4,"offset":2,"data":9}"#])
    }

    @Test func subscribersHearNothingOfAFailedBatch() throws {
        let harness = try Self.harness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"d/a"}"#, from: subscriber)
        harness.send(#"{"op":"pub","topic":"d/a","data":2}"#, from: publisher)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(subscriber.frames().isEmpty)
    }

    @Test func answersStayInOrderWhenABatchFails() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":2}"#, from: client)
        harness.send(#"{"op":"ping","id":2}"#, from: client)
        harness.send(#"{"op":"get","id":"three","topic":"d/a"}"#, from: client)
        harness.send(#"{"op":"pub","id":4,"topic":"m","data":1}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        let frames = client.frames()
        #expect(frames.map { $0["id"] } == ["1", "2", "\"three\"", "4"])
        #expect(frames.map(\.operation) == ["err", "pong", "err", "ack"])
    }

    /// What a memory topic announced behind a failed batch is still true.
    @Test(arguments: ["latest", "all"])
    func aMemoryTopicGoesOnBehindAFailedBatch(mode: String) throws {
        let harness = try Self.harness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m","mode":"\#(mode)"}"#, from: subscriber)
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":2}"#, from: publisher)
        harness.send(#"{"op":"pub","id":2,"topic":"m","data":7}"#, from: publisher)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(subscriber.frames().map { $0["data"] } == ["7"])
    }

    @Test func aSubscriptionThatIsRefusedLeavesTheEarlierOneInPlace() throws {
        let harness = try Self.harness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"d/a"}"#, from: subscriber)
        harness.send(#"{"op":"pub","topic":"d/a","data":2}"#, from: publisher)
        harness.send(#"{"op":"sub","id":2,"topic":"d/a","mode":"all"}"#, from: subscriber)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(subscriber.frames().map(\.code) == [4203])
        harness.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: publisher)
        #expect(subscriber.frames().map { $0["data"] } == ["2"])
    }

    @Test func aRefusedSubscriptionDeliversNothing() throws {
        let harness = try Self.harness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.send(#"{"op":"pub","topic":"d/a","data":2}"#, from: publisher)
        harness.send(#"{"op":"sub","id":2,"topic":"d/a"}"#, from: subscriber)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        _ = subscriber.frames()
        harness.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: publisher)
        #expect(subscriber.frames().isEmpty)
    }

    /// The frame is so long that its header has eight bytes of length.
    @Test func aRefusalRepeatsTheIDOfALongAnswer() throws {
        var limits = BrokerLimits()
        limits.wire.messageBytesMax = 100_000
        let harness = try CoreHarness(limits: limits)
        let client = harness.connect()
        let long = String(repeating: "x", count: 80_000)
        harness.send(#"{"op":"pub","id":1,"topic":"a","data":"\#(long)","retain":true}"#, from: client)
        harness.send(#"{"op":"get","id":"second","topic":"a"}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(client.frames().map { $0["id"] } == ["1", "\"second\""])
    }

    @Test func eventsGoOnWithTheirOffsetsAfterAFailedRetain() throws {
        let harness = try Self.harness()
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: subscriber)
        let epoch = harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: publisher).first?["epoch"]
        for _ in 0..<3 { harness.ask(#"{"op":"pub","topic":"news","data":1}"#, from: publisher) }
        harness.send(#"{"op":"pub","topic":"news","data":2,"retain":true}"#, from: publisher)
        harness.send(#"{"op":"pub","topic":"news","data":3}"#, from: publisher)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        harness.ask(#"{"op":"pub","topic":"news","data":4}"#, from: publisher)
        #expect(subscriber.frames().map(\.offset) == [1, 2, 3, 4])
        #expect(harness.ask(#"{"op":"sub","id":2,"topic":"news"}"#, from: harness.connect()).first?["epoch"] == epoch)
    }

    @Test func aGetOfWhatWasJustClearedSaysNothingIfThatFails() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"news","data":1,"retain":true}"#, from: client)
        harness.send(#"{"op":"pub","topic":"news","data":null,"retain":true}"#, from: client)
        harness.send(#"{"op":"get","id":1,"topic":"news"}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(client.frames().map(\.code) == [4203, 4203])
    }

    @Test func theDiskMayHaveRoomAgain() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","topic":"d/a","data":2}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        _ = client.frames()
        #expect(harness.ask(#"{"op":"pub","id":1,"topic":"d/a","data":3}"#, from: client).map { $0["data"] } == ["3"])
        #expect(harness.rows.count == 1)
    }

    @Test func afterAnUnknownOutcomeNothingIsStoredAnyMore() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":2}"#, from: client)
        harness.tick()
        harness.finishCommit(.unknown(reason: "fsync failed"))
        #expect(client.frames().map { $0.string("retry") } == ["resend"])
        #expect(harness.ask(#"{"op":"pub","id":2,"topic":"d/a","data":2}"#, from: client).map(\.code) == [4204])
        #expect(harness.batches.count == 1)
    }

    @Test func memoryTopicsGoOnAfterAnUnknownOutcome() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":2}"#, from: client)
        harness.tick()
        harness.finishCommit(.unknown(reason: "fsync failed"))
        _ = client.frames()
        #expect(harness.ask(#"{"op":"pub","id":2,"topic":"m","data":2}"#, from: client).map { $0["data"] } == ["2"])
    }

    // MARK: Restart

    @Test func aRestartedBrokerGoesOnWhereTheOtherStopped() throws {
        let before = try Self.harness()
        let client = before.connect()
        before.ask(#"{"op":"pub","topic":"d/a","data":2.5}"#, from: client)
        before.ask(#"{"op":"pub","topic":"news","data":{"a":1},"retain":true}"#, from: client)
        let after = try Self.harness(rows: before.storedRows)
        let again = after.connect()
        #expect(
            after.ask(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: again).map(\.text)
                == [#"{"op":"ack","id":1,"offset":2,"data":3.5}"#]
        )
        let frames = after.ask(#"{"op":"get","id":2,"topic":"news"}"#, from: again)
        #expect(frames.map { $0["data"] } == [#"{"a":1}"#])
        #expect(frames.map { $0["epoch"] } == ["\"k1\""])
        #expect(frames.map(\.offset) == [1])
    }

    @Test func aTopicOfAnEarlierRunKeepsItsRow() throws {
        let before = try Self.harness()
        before.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: before.connect())
        let after = try Self.harness(rows: before.storedRows)
        after.ask(#"{"op":"pub","topic":"d/b","data":2}"#, from: after.connect())
        after.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: after.connect())
        #expect(after.storedRows.map(\.offset) == [2, 1])
    }

    @Test func anotherAggregatorThanTheStoredOneIsRefused() throws {
        let before = try Self.harness()
        before.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: before.connect())
        let error = RestoreError.aggregatorChanged(topic: "d/a", stored: "sum", configured: "max")
        #expect(throws: error) { try CoreHarness([TopicRule("d/+", "max")], rows: before.storedRows) }
    }

    /// The same bytes would be a total 10^18 times as large.
    @Test func anotherNumberFormatThanTheStoredOneIsRefused() throws {
        let before = try Self.harness()
        before.ask(#"{"op":"pub","topic":"d/a","data":2}"#, from: before.connect())
        let error = RestoreError.numberChanged(topic: "d/a", stored: "decimal", configured: "int")
        #expect(throws: error) { try CoreHarness([TopicRule("d/+", "sum", number: .int)], rows: before.storedRows) }
    }

    @Test func aStateOfANewerVersionIsRefused() throws {
        let content = TopicRow.Content.aggregate(name: "sum", version: 2, state: [])
        let row = TopicRow(id: 1, name: Array("d/a".utf8), offset: 1, timestamp: 0, content: content)
        #expect(throws: RestoreError.self) { try Self.harness(rows: [row]) }
    }

    @Test func aDamagedStateIsNotResetButAnswered() throws {
        let content = TopicRow.Content.aggregate(name: "sum", version: 1, state: [1, 2, 3])
        let row = TopicRow(id: 1, name: Array("d/a".utf8), offset: 1, timestamp: 0, content: content)
        let harness = try Self.harness(rows: [row])
        let client = harness.connect()
        #expect(harness.ask(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: client).map(\.code) == [4200])
        #expect(harness.batches.isEmpty)
    }
}
