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

    /// The same rule, which folds per key first.
    package func folding(perKey name: String, key: String = "+1", keysMax: Int = 100) throws -> Self {
        let context = AggregationContext(number: self.number)
        guard let across = self.aggregator else { return self }
        var rule = self.taking(key: key)
        rule.aggregator = .init(
            keyed: .init(
                perKey: try AggregatorRegistry.builtIn.factory(name: name, context: context),
                across: across,
                number: self.number,
                keysMax: keysMax
            )
        )
        return rule
    }

    /// The same rule over windows.
    package func windowed(
        _ shape: WindowShape,
        emit emission: WindowRule.Emission = .both,
        time: String? = nil,
        grace: UInt64 = 0,
        late: WindowedAccumulator.Plan.Late = .drop,
        empty: WindowedAccumulator.Plan.Empty = .skip,
        closes: Bool = true
    ) throws -> Self {
        guard let inner = self.aggregator else { return self }
        var rule = self
        rule.window = WindowRule(emission: emission, closes: closes, time: time.flatMap { FieldPath($0) })
        rule.aggregator = .init(
            windowed: try .init(
                inner: inner,
                shape: shape,
                grace: grace,
                late: late,
                empty: empty,
                tellsChanges: emission != .close
            )
        )
        return rule
    }

    /// The same rule with alerts.
    package func watched(by alerts: AlertRule...) -> Self {
        var rule = self
        rule.alerts = alerts
        return rule
    }

    /// The same rule, whose keys leave after some seconds of silence.
    package func forgetting(afterSeconds seconds: UInt64) -> Self {
        var rule = self
        rule.staleAfter = seconds * BrokerTime.nanosecondsPerSecond
        return rule
    }
}

extension AlertAction {
    /// An action as a test writes it.
    package init(_ topic: String, _ json: String, retains: Bool = true) {
        self.init(topic: TopicTemplate(topic), data: AlertText(Array(json.utf8)), retains: retains)
    }
}
