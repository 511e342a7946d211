import BrokerWire
import Testing

@Suite("Topic filter")
struct TopicFilterTests {
    // MARK: Reading

    @Test(arguments: ["a", "a/b", "+", "#", "+/+", "a/+/b", "a/#", "+/#", "$sys/#", "$sys/+", "a/$b", "a/+/#"])
    func aWellFormedFilterIsTaken(text: String) throws {
        #expect(try TopicFilter(text).description == text)
    }

    @Test(
        arguments: [
            ("", TopicError.empty), ("/", .emptyLevel), ("a//#", .emptyLevel), ("/+", .emptyLevel),
            ("+/", .emptyLevel), ("#/", .misplacedWildcard), ("#/a", .misplacedWildcard),
            ("a/#/b", .misplacedWildcard), ("a#", .misplacedWildcard), ("#a", .misplacedWildcard),
            ("##", .misplacedWildcard), ("a+", .misplacedWildcard), ("+a", .misplacedWildcard),
            ("++", .misplacedWildcard), ("+#", .misplacedWildcard), ("a/b+/c", .misplacedWildcard),
            ("a b", .blankOrControl), ("a\u{3000}", .blankOrControl),
        ])
    func anIllFormedFilterIsRefusedForItsReason(text: String, reason: TopicError) {
        #expect(throws: reason) { try TopicFilter(text) }
    }

    @Test func anAsteriskIsALetter() throws {
        #expect(try !TopicFilter("a*b").hasWildcards)
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        #expect(throws: TopicError.notUTF8) { try TopicFilter(bytes: [0x61, 0xFF]) }
    }

    @Test(arguments: [("a", false), ("a/b", false), ("+", true), ("#", true), ("a/+/b", true), ("a/#", true)])
    func itKnowsWhetherItHasWildcards(text: String, hasWildcards: Bool) throws {
        #expect(try TopicFilter(text).hasWildcards == hasWildcards)
    }

    @Test func bytesCheckedElsewhereKeepTheirWildcards() throws {
        let filter = Array("a/+".utf8).withUnsafeBytes { TopicFilter(unchecked: $0) }
        #expect(try filter == TopicFilter("a/+"))
        #expect(filter.hasWildcards)
    }

    @Test func theLevelsComeInOrder() throws {
        let levels = try TopicFilter("a/+/b/#").levels.map { String(decoding: $0, as: UTF8.self) }
        #expect(levels == ["a", "+", "b", "#"])
    }

    @Test func spellingsOfOneLetterAreTwoFilters() throws {
        #expect(try TopicFilter("\u{E9}") != TopicFilter("e\u{301}"))
    }

    // MARK: Matching

    @Test(
        arguments: [
            ("a", "a", true), ("a", "b", false), ("a", "ab", false), ("ab", "a", false), ("a", "a/b", false),
            ("+", "a", true), ("+", "é", true), ("+", "a/b", false), ("+/+", "a", false), ("+/+", "a/b", true),
            ("a/+", "a", false), ("a/+", "a/b", true), ("a/+", "a/b/c", false), ("+/b", "a/b", true),
            ("a/+/c", "a/b/c", true), ("a/+/c", "a/b/d", false), ("#", "a", true), ("#", "a/b/c", true),
            ("a/#", "a", true), ("a/#", "a/b", true), ("a/#", "a/b/c", true), ("a/#", "b", false),
            ("a/#", "ab", false), ("+/#", "a", true), ("a/+/#", "a", false), ("a/+/#", "a/b", true),
        ])
    func itMatchesWhatItAsksFor(filter: String, topic: String, matches: Bool) throws {
        #expect(try TopicFilter(filter).matches(Topic(topic)) == matches)
    }

    @Test func spellingsOfOneLetterDoNotMatchEachOther() throws {
        #expect(try !TopicFilter("caf\u{E9}").matches(Topic("cafe\u{301}")))
    }

    /// `$` topics are not a client's to make, so they are made here without a check, as the broker does.
    @Test(
        arguments: [
            ("#", "$sys/x", false), ("+/x", "$sys/x", false), ("+/#", "$sys/x", false), ("+", "$sys", false),
            ("$sys/#", "$sys/x", true), ("$sys/#", "$sys", true), ("$sys/+", "$sys/x", true),
            ("$sys/x", "$sys/x", true), ("$sys/+/y", "$sys/x/y", true), ("$other/#", "$sys/x", false),
            ("a/+", "a/$x", true),
        ])
    func theBrokersOwnTopicsAreShownOnlyToWhoNamesThem(filter: String, topic: String, matches: Bool) throws {
        let topic = Array(topic.utf8).withUnsafeBytes { Topic(unchecked: $0) }
        #expect(try TopicFilter(filter).matches(topic) == matches)
    }

    /// Every filter against every topic of up to four levels of two letters, by a matcher that compares levels.
    @Test func everySmallCombinationMatchesAsLevelByLevel() throws {
        let topics = try Self.names(levels: ["a", "bb"], upTo: 4).map { try Topic($0) }
        let filters = try Self.names(levels: ["a", "bb", "+"], upTo: 4).flatMap { name in
            [try TopicFilter(name), try TopicFilter("\(name)/#")]
        }
        var wrong: [String] = []
        for filter in filters + [try TopicFilter("#")] {
            let filterLevels = filter.levels.map { String(decoding: $0, as: UTF8.self) }[...]
            for topic in topics {
                let topicLevels = topic.description.split(separator: "/").map(String.init)[...]
                if filter.matches(topic) != Self.matches(filterLevels, topicLevels) {
                    wrong.append("\(filter) ~ \(topic)")
                }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// Every well-formed pair of up to four bytes: here levels have all the lengths that the bytes leave.
    @Test func everyShortPairMatchesAsLevelByLevel() {
        let topics = ShortNames.all(over: "ab/", upTo: 4).compactMap { try? Topic($0) }
        let filters = ShortNames.all(over: "ab/+#", upTo: 4).compactMap { try? TopicFilter($0) }
        let topicLevels = topics.map { $0.description.split(separator: "/").map(String.init)[...] }
        var wrong: [String] = []
        for filter in filters {
            let levels = filter.levels.map { String(decoding: $0, as: UTF8.self) }[...]
            for (topic, itsLevels) in zip(topics, topicLevels)
            where filter.matches(topic) != Self.matches(levels, itsLevels) {
                wrong.append("\(filter) ~ \(topic)")
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func names(levels: [String], upTo depth: Int) -> [String] {
        var all = levels
        var deepest = levels
        for _ in 1..<depth {
            deepest = deepest.flatMap { name in levels.map { "\(name)/\($0)" } }
            all += deepest
        }
        return all
    }

    private static func matches(_ filter: ArraySlice<String>, _ topic: ArraySlice<String>) -> Bool {
        guard let wanted = filter.first else { return topic.isEmpty }
        if wanted == "#" { return true }
        guard let level = topic.first, wanted == "+" || wanted == level else { return false }
        return Self.matches(filter.dropFirst(), topic.dropFirst())
    }
}
