import BrokerCore
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// What costs most is counted, because counts are the same on every machine: writes, commits, encoded frames.
///
/// Allocations are counted for a release build, by `make bench`.
@Suite("Counted costs") struct CountedCostTests {
    @Test func sixteenMessagesOfATickAreOneWriteForEachSubscriber() throws {
        let harness = try CoreHarness()
        let subscribers = (0..<50).map { _ in harness.connect() }
        for subscriber in subscribers { harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: subscriber) }
        let before = subscribers.map(\.connection.writeCount)
        let publisher = harness.connect()
        for number in 0..<16 { harness.send(#"{"op":"pub","topic":"news","data":\#(number)}"#, from: publisher) }
        harness.tick()
        #expect(zip(subscribers, before).allSatisfy { $0.connection.writeCount == $1 + 1 })
        #expect(subscribers.allSatisfy { $0.frames().count == 16 })
    }

    @Test func aTotalThatChangesSixteenTimesInATickIsOneFrameForEachSubscriber() throws {
        let harness = try CoreHarness([TopicRule("total", "sum", durability: .memory)])
        let subscriber = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"total"}"#, from: subscriber)
        let publisher = harness.connect()
        for _ in 0..<16 { harness.send(#"{"op":"pub","topic":"total","data":1}"#, from: publisher) }
        harness.tick()
        #expect(subscriber.frames().map { $0["data"] } == ["16"])
    }

    @Test func theAnswersOfATickAreOneWriteToTheirPublisher() throws {
        let harness = try CoreHarness([TopicRule("total", "sum", durability: .memory)])
        let publisher = harness.connect()
        for id in 0..<64 { harness.send(#"{"op":"pub","id":\#(id),"topic":"total","data":1}"#, from: publisher) }
        harness.tick()
        #expect(publisher.connection.writeCount == 1)
        #expect(publisher.frames().count == 64)
    }

    @Test func aMessageIsEncodedOnceForEachEventLoopHoweverManySubscribe() throws {
        let harness = try CoreHarness(hubCount: 2)
        for hub in [0, 0, 0, 1, 1] {
            harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: harness.connect(hub: hub))
        }
        harness.send(#"{"op":"pub","topic":"news","data":"once"}"#, from: harness.connect())
        var parts: [HubBatch] = []
        harness.broker.takeEffects { _, batch in parts.append(batch) }
        #expect(parts.map(\.deliveries.count) == [1, 1])
        for part in parts {
            let text = String(decoding: part.frames.readableBytesView, as: UTF8.self)
            #expect(text.split(separator: "once", omittingEmptySubsequences: false).count == 2)
        }
    }

    @Test func aThousandPublishesThatComeWhileOneCommitRunsAreOneCommit() throws {
        let harness = try CoreHarness([TopicRule("#", "sum")])
        let publisher = harness.connect()
        harness.send(#"{"op":"pub","id":0,"topic":"a","data":1}"#, from: publisher)
        harness.tick()
        for id in 1...1000 {
            harness.send(#"{"op":"pub","id":\#(id),"topic":"t\#(id % 10)","data":1}"#, from: publisher)
        }
        harness.settle()
        #expect(harness.batches.count == 2)
        #expect(harness.batches.last?.rows.count == 10, "a row for each topic that changed")
        #expect(publisher.frames().count == 1001)
    }
}
