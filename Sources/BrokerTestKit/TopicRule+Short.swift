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
                try registry.factory(name: name, context: AggregationContext(number: number))
            },
            number: number,
            isStrict: isStrict,
            durability: durability
        )
    }

    /// A view as a test writes it.
    package init(
        view topic: String,
        _ aggregator: String,
        from: String,
        number: NumberFormat = .decimal,
        durability: Durability = .disk,
        registry: AggregatorRegistry = .builtIn
    ) throws {
        let template = TopicTemplate(topic)
        try self.init(
            template.filterText,
            aggregator,
            number: number,
            durability: durability,
            registry: registry
        )
        self.view = View(from: try TopicFilter(from), topic: template)
    }

    /// The same rule, which looks for its samples elsewhere.
    package func taking(value: String = "", key: String? = nil, where condition: String? = nil) -> Self {
        var rule = self
        if let path = FieldPath(value) { rule.value = path }
        rule.key = key.flatMap { FieldPath($0) }
        rule.condition = condition.flatMap { Condition($0) }
        return rule
    }
}
