import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

@Suite("Figures")
struct FiguresTests {
    @Test func aValueIsCountedInTheFirstBucketThatHoldsIt() {
        var histogram = Histogram(bounds: [10, 20])
        for value in [0, 10, 11, 20, 21, 1000] as [UInt64] { histogram.add(value) }
        #expect(histogram.counts == [2, 2, 2])
        #expect(histogram.sum == 1062)
        #expect(histogram.count == 6)
    }

    @Test func aQuantileIsTheBoundBelowWhichItLies() {
        var histogram = Histogram(bounds: [1, 2, 5])
        #expect(histogram.bound(of: 0.99) == nil)
        for _ in 0..<99 { histogram.add(1) }
        #expect(histogram.bound(of: 0.99) == 1)
        for _ in 0..<2 { histogram.add(4) }
        #expect(histogram.bound(of: 0.99) == 5)
        #expect(histogram.bound(of: 0.5) == 1)
        var above = Histogram(bounds: [1])
        above.add(9)
        #expect(above.bound(of: 0.5) == 1)
    }

    @Test func whatWasBeforeCanBeTakenAway() {
        var earlier = Histogram(bounds: [1, 2])
        earlier.add(1)
        var later = earlier
        later.add(2)
        #expect(later.since(earlier).counts == [0, 1, 0])
        #expect(later.since(earlier).sum == 2)
    }
}

@Suite("Figures of the core")
struct CoreFiguresTests {
    @Test func publishesAcknowledgementsDuplicatesAndRefusalsAreCounted() throws {
        let harness = try CoreHarness([try TopicRule("clicks", "sum")])
        let client = harness.connect()
        let producer = harness.connect()
        harness.ask(#"{"op":"hello","v":1,"producer":{"name":"p"}}"#, from: producer)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":5}"#, from: client)
        harness.ask(#"{"op":"pub","topic":"clicks","data":5}"#, from: client)
        harness.ask(#"{"op":"pub","id":2,"topic":"clicks","data":"x"}"#, from: client)
        harness.ask(#"{"op":"reset","id":3,"topic":"clicks"}"#, from: client)
        for _ in 1...2 { harness.ask(#"{"op":"pub","seq":1,"topic":"clicks","data":5}"#, from: producer) }
        for _ in 1...2 { harness.ask(#"{"op":"pub","id":4,"once":"k","topic":"clicks","data":5}"#, from: client) }
        let figures = harness.broker.figures
        #expect(figures.publishes == 7)
        #expect(figures.accepted == 4)
        #expect(figures.duplicates == 2)
        #expect(figures.refusals == [4004: 1, 4103: 1])
        #expect(figures.topics == 1)
        #expect(figures.producers == 1)
    }

    @Test func deliveriesAndWhatIsSkippedAreCountedByTheHub() throws {
        let harness = try CoreHarness([try TopicRule("clicks", "sum")])
        let reader = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: reader)
        let client = harness.connect()
        let before = harness.hubs[0].figures
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: client)
        #expect(harness.hubs[0].figures.deliveries == before.deliveries + 1)
        harness.setWritable(false, reader)
        for _ in 1...3 { harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: client) }
        harness.setWritable(true, reader)
        harness.settle()
        let after = harness.hubs[0].figures
        #expect(after.deliveries == before.deliveries + 2)
        #expect(after.conflated == before.conflated + 2)
        #expect(after.connections == 2 && after.subscriptions == 1)
        #expect(after.sentBytes > before.sentBytes)
    }

    @Test func topicsAreMeasuredWhereTheirRuleSaysSo() throws {
        var rule = try TopicRule("power/+", "max")
        rule.isMeasured = true
        let harness = try CoreHarness([rule, try TopicRule("clicks", "sum")])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"power/a","data":1.5}"#, from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":5}"#, from: client)
        let measured = harness.broker.figures.measuredTopics
        #expect(measured.map(\.name) == [Array("power/a".utf8)])
        #expect(measured.first?.value == 1.5)
        #expect(measured.first?.offset == 1)
    }

    @Test func theBrokersOwnTopicsAreToldWhenTheyChangeAndBelongToNobody() throws {
        let harness = try CoreHarness()
        let everything = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"+"}"#, from: everything)
        let reader = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"$sys/#"}"#, from: reader)
        let value = [(topic: Array("$sys/connections".utf8), data: Array("2".utf8))]
        for _ in 1...2 {
            harness.broker.publishSystem(value, at: harness.time)
            harness.settle()
        }
        let messages = reader.frames()
        #expect(messages.count == 1)
        #expect(messages.first?.text.contains(#""topic":"$sys/connections","offset":1"#) == true)
        #expect(everything.frames().isEmpty)
        // Kept for those who come later, and nothing of it is stored.
        let late = harness.connect()
        let frames = harness.ask(#"{"op":"get","id":1,"topic":"$sys/connections"}"#, from: late)
        #expect(frames.first?.text.contains(#""data":2"#) == true)
        #expect(harness.rows.isEmpty)
        let refused = harness.ask(#"{"op":"pub","id":1,"topic":"$sys/connections","data":3}"#, from: late)
        #expect(refused.first?.text.contains(#""op":"err""#) == true)
    }
}
