package import BrokerWire

/// A rule that all its topics share, because there may be a million of them.
final class SharedRule: Sendable {
    let rule: TopicRule
    /// Since when it has been in force, on the clock of the windows; 0 for since the start. What a window had before
    /// that its topics have not seen.
    let since: UInt64

    init(_ rule: TopicRule, since: UInt64 = 0) {
        self.rule = rule
        self.since = since
    }
}

/// The rules of a broker in their order.
package struct TopicRules: Sendable {
    package let rules: [TopicRule]
    private let shared: [SharedRule]
    /// The views among them, by their places in ``rules``.
    private let views: [Int]
    /// What governs a topic that no rule names: events, of which the retained ones are kept on disk.
    private let fallback: SharedRule
    /// What governs the broker's own topics: events, all of them retained, in memory.
    private let system: SharedRule

    package init(_ rules: [TopicRule]) throws(TopicError) {
        self.init(
            rules.map { SharedRule($0) },
            fallback: SharedRule(TopicRule(filter: try TopicFilter("#"))),
            system: SharedRule(TopicRule(filter: try TopicFilter("$sys/#"), durability: .memory))
        )
    }

    private init(_ shared: [SharedRule], fallback: SharedRule, system: SharedRule) {
        self.rules = shared.map(\.rule)
        self.shared = shared
        self.views = shared.indices.filter { shared[$0].rule.view != nil }
        self.fallback = fallback
        self.system = system
    }

    /// The views that are made from `topic`.
    func views(of topic: UnsafeRawBufferPointer) -> [TopicRule] {
        self.views.map { self.rules[$0] }.filter { $0.view?.from.matches(topic: topic) == true }
    }

    package func rule(for topic: UnsafeRawBufferPointer) -> TopicRule { self.sharedRule(for: topic).rule }

    func sharedRule(for topic: UnsafeRawBufferPointer) -> SharedRule {
        // Their rules would be nobody's to change.
        if topic.first == UInt8(ascii: "$") { return self.system }
        return self.shared.first { $0.rule.filter.matches(topic: topic) } ?? self.fallback
    }

    // MARK: Rules after others

    /// The same rules, among which those that were in force before are the same objects as before.
    ///
    /// - `now`: Since when the others are in force.
    func following(_ earlier: TopicRules, at now: UInt64) -> TopicRules {
        let shared = self.rules.map { rule in
            if let same = earlier.shared.first(where: { !rule.text.isEmpty && $0.rule.text == rule.text }) {
                return same
            }
            let alike = earlier.shared.first { $0.rule.sees(theSameAs: rule) }
            return SharedRule(rule, since: alike?.since ?? now)
        }
        return TopicRules(shared, fallback: earlier.fallback, system: earlier.system)
    }

    /// Whether the views are the same objects in the same order.
    func hasViews(of other: TopicRules) -> Bool {
        self.views.map { ObjectIdentifier(self.shared[$0]) } == other.views.map { ObjectIdentifier(other.shared[$0]) }
    }
}

extension TopicRule {
    /// Whether the same publishes come to its topics as to those of `other`, so that it has watched as long.
    fileprivate func sees(theSameAs other: TopicRule) -> Bool {
        self.filter == other.filter && self.view == other.view && self.condition == other.condition
    }
}
