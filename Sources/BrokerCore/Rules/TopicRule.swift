package import BrokerAggregation
package import BrokerWire

/// Whether what a topic holds survives the broker.
public enum Durability: String, Hashable, Sendable, CaseIterable, Codable {
    /// Told to nobody before it is committed and fsynced.
    case disk
    /// Told at once, gone with the process.
    case memory
}

/// What governs the topics that match a filter. The first rule whose filter matches a topic is the one.
package struct TopicRule: Sendable {
    package var filter: TopicFilter
    /// Makes the topic's accumulator, or `nil` for a topic of events.
    package var aggregator: AggregatorRegistry.Factory?
    package var number: NumberFormat
    /// Whether numbers that would have to be rounded are refused.
    package var isStrict: Bool
    package var durability: Durability

    package init(
        filter: TopicFilter,
        aggregator: AggregatorRegistry.Factory? = nil,
        number: NumberFormat = .decimal,
        isStrict: Bool = false,
        durability: Durability = .disk
    ) {
        self.filter = filter
        self.aggregator = aggregator
        self.number = number
        self.isStrict = isStrict
        self.durability = durability
    }
}

/// The rules of a broker in their order.
package struct TopicRules: Sendable {
    package let rules: [TopicRule]
    /// What governs a topic that no rule names: events, of which the retained ones are kept on disk.
    private let fallback: TopicRule

    package init(_ rules: [TopicRule]) throws(TopicError) {
        self.rules = rules
        self.fallback = TopicRule(filter: try TopicFilter("#"))
    }

    package func rule(for topic: UnsafeRawBufferPointer) -> TopicRule {
        self.rules.first { $0.filter.matches(topic: topic) } ?? self.fallback
    }
}
