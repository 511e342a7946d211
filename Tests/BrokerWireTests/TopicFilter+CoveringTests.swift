import BrokerWire
import Testing

/// Which filters say more than others.
@Suite("Topic filter covering")
struct TopicFilterCoveringTests {
    @Test(arguments: [
        ("#", "a", true), ("#", "+/+", true), ("#", "#", true), ("a/#", "a", true), ("a/#", "a/+/b", true),
        ("a/+", "a/b", true), ("a/+", "a/#", false), ("a/+", "a", false), ("a/b", "a/+", false), ("+/#", "#", true),
        ("a/+/#", "a/#", false), ("+", "#", false), ("a", "b", false), ("a/b", "a", false),
    ])
    func itCoversWhatItAsksForToo(filter: String, other: String, covers: Bool) throws {
        #expect(try TopicFilter(filter).covers(TopicFilter(other)) == covers)
    }

    @Test(arguments: [("#", "$sys/a", false), ("+/a", "$sys/a", false), ("$sys/#", "$sys/a", true)])
    func aWildcardInFrontDoesNotCoverTheBrokersOwnTopics(filter: String, other: String, covers: Bool) throws {
        #expect(try TopicFilter(filter).covers(TopicFilter(other)) == covers)
    }

    /// Every filter of up to three levels against every other, by all topics of up to four. A level that stands in no
    /// filter stands for all others, and topics are deeper than filters, so the topics tell every difference.
    @Test func everySmallPairCoversAndOverlapsAsItsTopicsSay() {
        let filters = Self.names(levels: ["a", "$", "+", "#"], upTo: 3).compactMap { try? TopicFilter($0) }
        let topics = Self.names(levels: ["a", "z", "$"], upTo: 4).map { name in
            Array(name.utf8).withUnsafeBytes { Topic(unchecked: $0) }
        }
        let matched = filters.map { filter in Set(topics.indices.filter { filter.matches(topics[$0]) }) }
        var wrong: [String] = []
        for (filter, itsTopics) in zip(filters, matched) {
            for (other, otherTopics) in zip(filters, matched)
            where filter.covers(other) != otherTopics.isSubset(of: itsTopics)
                || filter.overlaps(other) == otherTopics.isDisjoint(with: itsTopics)
            {
                wrong.append("\(filter) ~ \(other)")
            }
        }
        #expect(wrong.prefix(5).isEmpty)
        #expect(filters.count > 30)
    }

    /// Sets of filters, of which one may match what another one does not: topics of one length, or all with a name.
    @Test func aFilterIsCoveredByASetAsItsTopicsSay() {
        let filters = Self.names(levels: ["a", "$", "+", "#"], upTo: 3).compactMap { try? TopicFilter($0) }
        // One level deeper than the deepest filter, by a name that is in none.
        let topics = Self.names(levels: ["a", "z", "$"], upTo: 5).map { name in
            Array(name.utf8).withUnsafeBytes { Topic(unchecked: $0) }
        }
        let matched = filters.map { filter in Set(topics.indices.filter { filter.matches(topics[$0]) }) }
        var generator = SeededGenerator(seed: 7)
        var wrong: [String] = []
        var onlyTogether = 0
        for _ in 0..<20_000 {
            let set = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                Int.random(in: filters.indices, using: &generator)
            }
            let index = Int.random(in: filters.indices, using: &generator)
            let all = set.reduce(into: Set<Int>()) { $0.formUnion(matched[$1]) }
            let isCovered = filters[index].isCovered(by: set.map { filters[$0] })
            if isCovered != matched[index].isSubset(of: all) {
                wrong.append("\(filters[index]) in \(set.map { filters[$0] })")
            }
            if isCovered, !set.contains(where: { filters[$0].covers(filters[index]) }) { onlyTogether += 1 }
        }
        #expect(wrong.prefix(5).isEmpty)
        #expect(onlyTogether > 0, "no filter was covered by several together, which is what this is about")
    }

    @Test func nothingIsCoveredByNothing() throws {
        #expect(try !TopicFilter("a").isCovered(by: []))
    }

    private static func names(levels: [String], upTo depth: Int) -> [String] {
        var all: [String] = []
        var deepest = [""]
        for _ in 0..<depth {
            deepest = deepest.flatMap { name in levels.map { name.isEmpty ? $0 : "\(name)/\($0)" } }
            all += deepest
        }
        return all
    }
}
