package import BrokerAggregation
package import BrokerCore
package import BrokerWire

extension TopicRule {
    /// A rule as a test writes it.
    package init(
        _ filter: String,
        _ aggregator: String? = nil,
        number: NumberFormat = .decimal,
        isStrict: Bool = false,
        durability: Durability = .disk,
        registry: AggregatorRegistry = .builtIn
    ) throws {
        self.init(
            filter: try TopicFilter(filter),
            aggregator: try aggregator.map { name throws(AggregatorError) in
                try registry.factory(name: name, parameters: Array("{}".utf8), number: number)
            },
            number: number,
            isStrict: isStrict,
            durability: durability
        )
    }
}
