import BrokerAggregation
import BrokerCore
import BrokerWire

/// Everything that is wrong with one rule, each with the key that it is about.
struct RuleError: Error {
    private(set) var parts: [(key: String, text: String)]

    mutating func add(_ key: String, _ text: String) { self.parts.append((key, text)) }

    func problems(at path: String) -> [ConfigurationProblem] {
        self.parts.map { ConfigurationProblem(path: "\(path).\($0.key)", text: $0.text) }
    }
}

extension TopicRuleConfiguration {
    /// The topic with its places for levels and for the key.
    var template: TopicTemplate { TopicTemplate(self.topic) }

    /// The rule as the core takes it.
    ///
    /// - `keysPerTopic`: How many keys it may have if it says nothing else.
    func rule(_ registry: AggregatorRegistry, keysPerTopic: Int) throws(RuleError) -> TopicRule {
        var error = RuleError(parts: [])
        let filter = Self.filter(self.template.filterText, key: "topic", written: self.topic, &error)
        let from = self.from.flatMap { Self.filter($0, key: "from", written: $0, &error) }
        let number = NumberFormat(rawValue: self.number)
        if number == nil { error.add("number", Self.choice(NumberFormat.allCases.map(\.rawValue))) }
        let durability = Durability(rawValue: self.durability)
        if durability == nil { error.add("durability", Self.choice(Durability.allCases.map(\.rawValue))) }
        let context = AggregationContext(number: number ?? .decimal)
        let factory = Self.factory(self.aggregate, key: "aggregate", registry, context, &error)
        let perKey = Self.factory(self.perKey, key: "perKey", registry, context, &error)
        let levelCount = (from ?? filter)?.levels.count { $0.elementsEqual("+".utf8) } ?? 0
        let value = Self.path(self.value, key: "value", levelCount, &error)
        let key = self.key.flatMap { Self.path($0, key: "key", levelCount, &error) }
        let condition = self.condition.flatMap { Condition($0) }
        if self.condition != nil, condition == nil { error.add("where", Condition.form) }
        self.checkView(levelCount, &error)
        let staleAfter = self.staleAfter.flatMap { Self.duration($0, key: "staleAfter", &error) }
        self.checkKeys(&error)
        guard error.parts.isEmpty, let filter, let number, let durability, let value else { throw error }
        var rule = TopicRule(
            filter: filter,
            aggregator: perKey.flatMap { perKey in
                factory.map { across in
                    let keysMax = self.maxKeys ?? keysPerTopic
                    return .init(keyed: .init(perKey: perKey, across: across, number: number, keysMax: keysMax))
                }
            } ?? factory,
            number: number,
            isStrict: self.strict,
            durability: durability
        )
        rule.value = value
        rule.key = key
        rule.condition = condition
        rule.staleAfter = staleAfter
        rule.view = from.map { TopicRule.View(from: $0, topic: self.template) }
        return rule
    }

    private static func factory(
        _ aggregate: Aggregate?,
        key: String,
        _ registry: AggregatorRegistry,
        _ context: AggregationContext,
        _ error: inout RuleError
    ) -> AggregatorRegistry.Factory? {
        guard let aggregate else { return nil }
        do throws(AggregatorError) {
            return try registry.factory(
                name: aggregate.name,
                parameters: aggregate.parameters.bytes,
                context: context
            )
        } catch let problem {
            error.add(key, Self.text(of: problem, registry))
            return nil
        }
    }

    private static func duration(_ text: String, key: String, _ error: inout RuleError) -> UInt64? {
        guard let nanoseconds = Quantity.duration(text).flatMap(UInt64.init(exactly:)), nanoseconds >= 1_000_000_000
        else {
            error.add(key, "has to be \(Quantity.durationForm), at least 1s")
            return nil
        }
        return nanoseconds
    }

    private func checkKeys(_ error: inout RuleError) {
        if self.perKey != nil {
            if self.key == nil { error.add("key", "is missing: 'perKey' folds by it") }
            if self.from == nil { error.add("from", "is missing: a topic that folds per key is a view") }
            if self.template.hasKey { error.add("perKey", "has no meaning where '{key}' gives each key its own topic") }
            if let maxKeys = self.maxKeys, !(1...1_000_000).contains(maxKeys) {
                error.add("maxKeys", "has to be a whole number from 1 to 1000000")
            }
        } else {
            if self.staleAfter != nil { error.add("staleAfter", "has no meaning without 'perKey'") }
            if self.maxKeys != nil { error.add("maxKeys", "has no meaning without 'perKey'") }
        }
    }

    private static func filter(
        _ text: String,
        key: String,
        written: String,
        _ error: inout RuleError
    ) -> TopicFilter? {
        do throws(TopicError) {
            return try TopicFilter(text)
        } catch let problem {
            error.add(key, "'\(written)' \(problem)")
            return nil
        }
    }

    private static func path(_ text: String, key: String, _ levelCount: Int, _ error: inout RuleError) -> FieldPath? {
        guard let path = FieldPath(text) else {
            error.add(key, "has to be a JSON pointer such as \"/power\", or \"+1\" for a level of the topic")
            return nil
        }
        if case .level(let number) = path, number > levelCount {
            error.add(key, "'\(text)': there are only \(levelCount) '+' to name")
        }
        return path
    }

    /// What only views may have, and what they must.
    private func checkView(_ levelCount: Int, _ error: inout RuleError) {
        let template = self.template
        if self.aggregate == nil {
            if self.from != nil { error.add("aggregate", "is missing: a view folds what it is made from") }
            if !self.value.isEmpty { error.add("value", "has no meaning without 'aggregate'") }
        }
        if template.hasKey, self.from == nil { error.add("from", "is missing: '{key}' names the topics of a view") }
        if template.hasKey, self.key == nil { error.add("key", "is missing: 'topic' has a '{key}'") }
        if self.from != nil, template.levelCount > levelCount {
            error.add("topic", "has \(template.levelCount) '+' and 'from' only \(levelCount) to fill them")
        }
        if self.from != nil, self.topic.contains("#") { error.add("topic", "a view has no '#' in its topic") }
    }

    private static func choice(_ names: [String]) -> String {
        "has to be one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    private static func text(of error: AggregatorError, _ registry: AggregatorRegistry) -> String {
        guard case .unknown(let name, let known) = error, let nearest = NearestName.of(name, among: known) else {
            return "\(error)"
        }
        return "\(error); did you mean '\(nearest)'?"
    }
}
