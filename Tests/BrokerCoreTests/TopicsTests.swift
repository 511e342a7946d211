import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// The tables behind the broker, against the plainest thing that does the same.
@Suite struct TopicsTests {
    private static func name(_ random: inout SeededGenerator, isFilter: Bool) -> String {
        var levels = (0...random.below(4)).map { _ in random.pick(["a", "b", "c", "é", "ab"]) }
        guard isFilter else { return (random.chance(10) ? "$" : "") + levels.joined(separator: "/") }
        for index in levels.indices where random.chance(35) { levels[index] = "+" }
        if random.chance(30) { levels[levels.count - 1] = "#" }
        if random.chance(5) { levels[0] = "$a" }
        return levels.joined(separator: "/")
    }

    @Test func theFilterTreeFindsWhatEachFilterMatches() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<100 {
            var tree = FilterTree()
            var filters: [Int: TopicFilter] = [:]
            for _ in 0..<60 {
                if random.chance(30), let number = filters.keys.sorted().first {
                    if let filter = filters.removeValue(forKey: number) { tree.remove(filter) }
                } else {
                    let filter = try TopicFilter(Self.name(&random, isFilter: true))
                    filters[tree.insert(filter)] = filter
                }
                let topic = try TopicFilter(Self.name(&random, isFilter: false)).bytes
                var found: [Int] = []
                tree.match(topic, into: &found)
                let expected = filters.filter { _, filter in topic.withUnsafeBytes { filter.matches(topic: $0) } }
                #expect(found.sorted() == expected.keys.sorted())
                #expect(tree.count == filters.count)
            }
        }
    }

    @Test func everyChangeOfTheFiltersIsNoticed() throws {
        var tree = FilterTree()
        let filter = try TopicFilter("a/+")
        _ = tree.insert(filter)
        let inserted = tree.generation
        tree.remove(filter)
        #expect(inserted > 0 && tree.generation > inserted)
    }

    /// Few distinct hashes, so that nearly everything collides.
    @Test func theTopicTableFindsWhatADictionaryFinds() {
        var random = SeededGenerator(seed: 2)
        for spread in [1, 7, 1_000_000] {
            var table = TopicTable()
            var expected: [Int: Int] = [:]
            for index in 0..<2000 {
                let hash = random.below(spread) &* 0x1234_5678_9ABC
                if random.chance(60) {
                    table.insert(hash: hash, index: index)
                    expected[index] = hash
                } else if let victim = expected.keys.min() {
                    table.remove(hash: expected.removeValue(forKey: victim) ?? 0, index: victim)
                }
                guard index % 50 == 0 else { continue }
                #expect(table.count == expected.count)
                for (index, hash) in expected { #expect(table.find(hash: hash) { $0 == index } == index) }
                #expect(table.find(hash: hash) { _ in false } == nil)
            }
        }
    }

    @Test func timersComeInOrderOfTime() {
        var random = SeededGenerator(seed: 3)
        var timers = TimerHeap<Int>()
        var expected: [UInt64] = []
        for _ in 0..<2000 {
            if random.chance(60) {
                let due = UInt64(random.below(500))
                timers.insert(0, due: due)
                expected.append(due)
                expected.sort()
            } else {
                let now = UInt64(random.below(500))
                let popped = timers.popDue(at: now)?.due
                #expect(popped == expected.first { $0 <= now })
                if popped != nil { expected.removeFirst() }
            }
            #expect(timers.next == expected.first)
        }
    }

    @Test func aSessionsSlotIsUsedAgainUnderAnotherName() throws {
        let harness = try CoreHarness()
        let first = try #require(harness.connect().session?.id)
        harness.disconnect(harness.clients[0])
        let second = try #require(harness.connect().session?.id)
        #expect(first.slot == second.slot && first != second)
    }

    /// The answer is on its way when the client goes and another one takes its place.
    @Test func anAnswerNeverReachesTheNextClientOfTheSlot() throws {
        let harness = try CoreHarness([TopicRule("d", "sum")])
        let first = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d","data":1}"#, from: first)
        harness.tick()
        harness.disconnect(first)
        let second = harness.connect()
        harness.settle()
        #expect(second.frames().isEmpty)
    }

    @Test func theFirstRuleThatMatchesGoverns() throws {
        let rules = try TopicRules([TopicRule("a/+", "sum"), TopicRule("a/b", "max")])
        let rule = Array("a/b".utf8).withUnsafeBytes { rules.rule(for: $0) }
        #expect(rule.aggregator?.descriptor.name == "sum")
    }
}
