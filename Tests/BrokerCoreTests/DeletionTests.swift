import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Topics that go, and those that come again under their names.
@Suite struct DeletionTests {
    private static func harness(after earlier: CoreHarness? = nil, run: String = "r1") throws -> CoreHarness {
        let rules = try [
            TopicRule("d/+", "sum"), TopicRule("max/+", "max"), TopicRule("m/+", "sum", durability: .memory),
            TopicRule("source/+", "count"), TopicRule(view: "view/+", "sum", from: "events/+"),
        ]
        return try CoreHarness(rules, rights: [.publish, .subscribe, .admin], runEpoch: run, after: earlier)
    }

    private static func delete(_ filter: String) throws -> TopicCommand { .delete(try TopicFilter(filter)) }

    private static func position(_ topic: String, _ harness: CoreHarness, _ client: CoreHarness.Client) -> String {
        let frame = harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
        return frame.map { "\($0.string("epoch") ?? "none"):\($0.offset ?? 0)" } ?? ""
    }

    // MARK: What is told

    @Test func aDeletedTopicHasNoValueNoRowAndIsNotThere() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        for topic in ["d/a", "d/b", "m/a", "max/a"] {
            harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":5}"#, from: client)
        }
        harness.ask(#"{"op":"pub","id":1,"topic":"news","data":{},"retain":true}"#, from: client)
        #expect(harness.rows.count == 4)
        let answer = try harness.administer(Self.delete("#"), from: client)
        #expect(answer.map(\.text) == [#"{"op":"ack","id":0,"deleted":5}"#])
        #expect(harness.rows.isEmpty)
        for topic in ["d/a", "m/a", "max/a", "news"] {
            #expect(harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).map(\.code) == [4404])
        }
        #expect(try harness.administer(Self.delete("#"), from: client).first?.integer("deleted") == 0)
        #expect(harness.broker.topicCount == 1, "only the memory topic waits for its time")
    }

    @Test(arguments: [("d/a", "0"), ("max/a", "null"), ("m/a", "0"), ("news", "null")])
    func subscribersAreToldOnceThatATopicIsGone(topic: String, value: String) throws {
        let harness = try Self.harness()
        let (client, subscriber) = (harness.connect(), harness.connect())
        harness.ask(##"{"op":"sub","id":1,"topic":"#"}"##, from: subscriber)
        let retain = topic == "news" ? #","retain":true"# : ""
        harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":5\#(retain)}"#, from: client)
        _ = subscriber.frames()
        try harness.administer(Self.delete(topic), from: client)
        let frames = subscriber.frames()
        #expect(frames.map { $0["data"] } == [value])
        #expect(frames.map { $0["deleted"] } == ["true"])
        #expect(frames.map(\.offset) == [2])
        harness.ask(#"{"op":"pub","id":2,"topic":"\#(topic)","data":7\#(retain)}"#, from: client)
        #expect(subscriber.frames().map { "\($0.offset ?? 0) \($0["data"] ?? "")" } == ["1 7"])
    }

    @Test func nothingIsToldBeforeTheDeletionIsCommitted() throws {
        let harness = try Self.harness()
        let (client, other) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"d/a"}"#, from: other)
        harness.ask(#"{"op":"pub","id":1,"topic":"d/a","data":5}"#, from: client)
        _ = other.frames()
        try harness.start(Self.delete("d/+"), from: client)
        harness.tick()
        harness.send(#"{"op":"get","id":2,"topic":"d/a"}"#, from: other)
        harness.start(.list(filter: try TopicFilter("#"), limit: 10, after: []), from: other)
        harness.tick()
        #expect(client.frames().isEmpty)
        #expect(other.frames().isEmpty)
        harness.settle()
        #expect(client.frames().first?.integer("deleted") == 1)
        let told = other.frames().map { $0["deleted"] ?? $0["topics"] ?? "\($0.code)" }
        #expect(told.sorted() == ["4404", "[]", "true"])
    }

    @Test func onlyWhoMayAdministerDeletes() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        harness.start(try Self.delete("#"), from: client, as: .anonymous)
        harness.settle()
        #expect(client.frames().map(\.code) == [4103])
    }

    // MARK: Positions

    @Test(arguments: ["d/a", "news", "m/a"])
    func aTopicThatComesAgainIsAtNoPositionOfBefore(topic: String) throws {
        let harness = try Self.harness()
        let client = harness.connect()
        let retain = topic == "news" ? #","retain":true"# : ""
        var seen: Set<String> = []
        var count = 0
        for _ in 0..<4 {
            for _ in 0..<3 {
                harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":1\#(retain)}"#, from: client)
                seen.insert(Self.position(topic, harness, client))
                count += 1
            }
            try harness.administer(Self.delete(topic), from: client)
        }
        #expect(seen.count == count)
    }

    @Test func livesAreRememberedByTheStore() throws {
        let first = try Self.harness()
        let client = first.connect()
        first.ask(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: client)
        first.ask(#"{"op":"pub","id":1,"topic":"d/b","data":1}"#, from: client)
        #expect(Self.position("d/a", first, client) == "k1:1")
        try first.administer(Self.delete("d/a"), from: client)
        let second = try Self.harness(after: first, run: "r2")
        let again = second.connect()
        second.ask(#"{"op":"pub","id":1,"topic":"d/a","data":1}"#, from: again)
        #expect(Self.position("d/a", second, again) == "k1.1:1")
        #expect(Self.position("d/b", second, again) == "k1:1")
        let third = try Self.harness(after: second, run: "r3")
        #expect(Self.position("d/a", third, third.connect()) == "k1.1:1")
    }

    /// Events share the epoch of what is stored only while they are counted in a row.
    @Test func eventsOfADeletedTopicAreCountedInTheRunsOwnEpoch() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"news","data":1,"retain":true}"#, from: client)
        try harness.administer(Self.delete("news"), from: client)
        let frame = harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: client).first
        #expect(frame?.string("epoch")?.hasPrefix("r1-") == true)
    }

    // MARK: Failure

    @Test(arguments: ["d/a", "max/a", "news"])
    func aFailedDeletionIsTakenBack(topic: String) throws {
        let harness = try Self.harness()
        let (client, subscriber) = (harness.connect(), harness.connect())
        let retain = topic == "news" ? #","retain":true"# : ""
        harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":5\#(retain)}"#, from: client)
        harness.ask(#"{"op":"sub","id":1,"topic":"\#(topic)"}"#, from: subscriber)
        let before = Self.position(topic, harness, client)
        try harness.start(Self.delete("#"), from: client)
        harness.tick()
        // What builds on it in the batch behind it goes with it.
        harness.send(#"{"op":"pub","id":2,"topic":"\#(topic)","data":7}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        harness.settle()
        #expect(client.frames().map(\.code) == [4203, 4203])
        #expect(subscriber.frames().isEmpty)
        #expect(Self.position(topic, harness, client) == before)
        let value = harness.ask(#"{"op":"get","id":3,"topic":"\#(topic)"}"#, from: client).first?["data"]
        #expect(value == "5")
        #expect(harness.rows.count == 1)
    }

    @Test func aTopicThatCameAndWentInOneFailedBatchWasNeverThere() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d/a","data":5}"#, from: client)
        try harness.start(Self.delete("d/a"), from: client)
        harness.send(#"{"op":"pub","id":2,"topic":"d/a","data":6}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(client.frames().map(\.code) == [4203, 4203, 4203])
        let frames = harness.ask(#"{"op":"pub","id":3,"topic":"d/a","data":1}"#, from: client)
        #expect(frames.map { $0["data"] } == ["1"])
        #expect(harness.rows.count == 1)
    }

    @Test func whileTheDiskIsFullNothingStoredIsDeleted() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"d/a","data":5}"#, from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"m/a","data":5}"#, from: client)
        harness.broker.storageShortage = "no room"
        #expect(try harness.administer(Self.delete("d/a"), from: client).map(\.code) == [4203])
        #expect(try harness.administer(Self.delete("m/a"), from: client).first?.integer("deleted") == 1)
    }

    // MARK: What hangs on a topic

    @Test func aViewKeepsItsValueAndAViewCanBeDeletedByItself() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"events/a","data":2}"#, from: client)
        try harness.administer(Self.delete("events/a"), from: client)
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"view/a"}"#, from: client).first?["data"] == "2")
        try harness.administer(Self.delete("view/a"), from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"events/a","data":3}"#, from: client)
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"view/a"}"#, from: client).first?["data"] == "3")
    }

    /// The promise of `once` is about the publish: a late repetition must not bring back what was deleted.
    @Test func aRepeatedOnceIsADuplicateAfterTheDeletionToo() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        let publish = #"{"op":"pub","id":1,"once":"o","topic":"d/a","data":5}"#
        harness.ask(publish, from: client)
        // Somebody else: who is another principal has a `once` of its own.
        try harness.administer(Self.delete("d/a"), from: harness.connect())
        let frame = harness.ask(publish, from: client).first
        #expect(frame?["dup"] == "true")
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"d/a"}"#, from: client).map(\.code) == [4404])
    }

    @Test func aManyTopicsAreDeletedInStepsAndSeveralCommits() throws {
        let harness = try Self.harness()
        let client = harness.connect()
        for number in 0..<12_000 {
            harness.send(#"{"op":"pub","topic":"d/\#(number)","data":1}"#, from: client)
        }
        harness.settle()
        #expect(harness.rows.count == 12_000)
        let before = harness.batches.count
        #expect(try harness.administer(Self.delete("d/+"), from: client).first?.integer("deleted") == 12_000)
        #expect(harness.rows.isEmpty)
        let sizes = harness.batches.dropFirst(before).map(\.forgottenTopics.count)
        #expect(sizes.reduce(0, +) == 12_000)
        #expect(sizes.allSatisfy { $0 <= 5500 }, "\(sizes)")
    }
}
