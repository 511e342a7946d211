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
        let levelCount = (from ?? filter)?.levels.count { $0.elementsEqual("+".utf8) } ?? 0
        let window = self.window?.parts(levelCount, &error)
        let context = AggregationContext(
            number: number ?? .decimal,
            windowMilliseconds: window.map { Int64(clamping: $0.shape.size) }
        )
        let factory = Self.factory(self.aggregate, key: "aggregate", registry, context, &error)
        let perKey = Self.factory(self.perKey, key: "perKey", registry, context, &error)
        let value = Self.path(self.value, key: "value", levelCount, &error)
        let key = self.key.flatMap { Self.path($0, key: "key", levelCount, &error) }
        let condition = self.condition.flatMap { Condition($0) }
        if self.condition != nil, condition == nil { error.add("where", Condition.form) }
        self.checkView(levelCount, &error)
        let staleAfter = self.staleAfter.flatMap { Self.duration($0, key: "staleAfter", &error) }
        self.checkKeys(&error)
        self.checkWindow(&error)
        let onFull = self.onFull.map { KeyedAccumulator.OnFull(rawValue: $0) } ?? .reject
        if onFull == nil { error.add("onFull", Self.choice(KeyedAccumulator.OnFull.allCases.map(\.rawValue))) }
        let alerts = self.alertRules(&error)
        let keysMax = self.maxKeys ?? keysPerTopic
        let fold = perKey.flatMap { perKey in
            factory.map { across in
                AggregatorRegistry.Factory(
                    keyed: .init(
                        perKey: perKey,
                        across: across,
                        number: number ?? .decimal,
                        keysMax: keysMax,
                        onFull: onFull ?? .reject
                    )
                )
            }
        }
        let aggregator = self.byWindows(fold ?? factory, window, &error)
        guard error.parts.isEmpty, let filter, let number, let durability, let value else { throw error }
        var rule = TopicRule(
            filter: filter,
            aggregator: aggregator,
            number: number,
            isStrict: self.strict,
            durability: durability
        )
        rule.value = value
        rule.isMeasured = self.metrics
        rule.key = key
        rule.condition = condition
        rule.staleAfter = staleAfter
        rule.window = window?.rule
        rule.alerts = alerts
        rule.alertKeysMax = keysMax
        rule.view = from.map { TopicRule.View(from: $0, topic: self.template) }
        rule.text = self.document.bytes
        return rule
    }

    private func byWindows(
        _ factory: AggregatorRegistry.Factory?,
        _ window: WindowConfiguration.Parts?,
        _ error: inout RuleError
    ) -> AggregatorRegistry.Factory? {
        guard let factory, let window else { return factory }
        do throws(AggregatorError) {
            return AggregatorRegistry.Factory(windowed: try window.plan(factory))
        } catch let problem {
            guard case .configuration(let path, let reason) = problem else { return nil }
            error.add("window.\(path)", reason)
            return nil
        }
    }

    private func checkWindow(_ error: inout RuleError) {
        guard let window = self.window else { return }
        if self.aggregate == nil { error.add("window", "has no meaning without 'aggregate'") }
        guard self.perKey != nil else { return }
        if window.type != WindowConfiguration.Kind.tumbling.rawValue {
            let reason = "make a view with '{key}' and this window, and another one that folds across its topics"
            error.add("window.type", "with 'perKey' only tumbling windows are possible; \(reason)")
        }
        if self.staleAfter != nil { error.add("staleAfter", "has no meaning with a window, which ends by itself") }
        if self.alerts.contains(where: { $0.scope == "key" }) {
            error.add("alerts", "with a window alerts look at what it closes with, not at single keys")
        }
    }

    private func alertRules(_ error: inout RuleError) -> [AlertRule] {
        guard !self.alerts.isEmpty else { return [] }
        if self.aggregate == nil { error.add("alerts", "have no meaning without 'aggregate': they watch its value") }
        if self.durability != Durability.disk.rawValue {
            error.add("alerts", "need \"durability\": \"disk\": where an alert stands is stored with the value")
        }
        var names: Set<String> = []
        return self.alerts.enumerated().compactMap { index, alert in
            let key = "alerts[\(index)]"
            if !names.insert(alert.name).inserted { error.add("\(key).name", "'\(alert.name)' is there twice") }
            return alert.rule(at: key, rule: self, &error)
        }
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

    /// Finding the key that leaves looks at all of them: a tenth of a millisecond for so many.
    private static let evictedKeysMax = 100_000

    private func checkKeys(_ error: inout RuleError) {
        if self.perKey != nil {
            if self.key == nil { error.add("key", "is missing: 'perKey' folds by it") }
            if self.from == nil { error.add("from", "is missing: a topic that folds per key is a view") }
            if self.template.hasKey { error.add("perKey", "has no meaning where '{key}' gives each key its own topic") }
            if self.onFull == KeyedAccumulator.OnFull.evict.rawValue, self.staleAfter == nil, self.window == nil {
                error.add("onFull", "\"evict\" needs 'staleAfter': only what may leave can make room")
            }
            if self.onFull == KeyedAccumulator.OnFull.evict.rawValue, (self.maxKeys ?? 0) > Self.evictedKeysMax {
                error.add("maxKeys", "has to be at most \(Self.evictedKeysMax) with \"onFull\": \"evict\"")
            }
            if let maxKeys = self.maxKeys, !(1...1_000_000).contains(maxKeys) {
                error.add("maxKeys", "has to be a whole number from 1 to 1000000")
            }
        } else {
            if self.staleAfter != nil { error.add("staleAfter", "has no meaning without 'perKey'") }
            if self.maxKeys != nil { error.add("maxKeys", "has no meaning without 'perKey'") }
            if self.onFull != nil { error.add("onFull", "has no meaning without 'perKey'") }
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

    static func path(_ text: String, key: String, _ levelCount: Int, _ error: inout RuleError) -> FieldPath? {
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

    static func choice(_ names: [String]) -> String {
        "has to be one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    private static func text(of error: AggregatorError, _ registry: AggregatorRegistry) -> String {
        guard case .unknown(let name, let known) = error, let nearest = NearestName.of(name, among: known) else {
            return "\(error)"
        }
        return "\(error); did you mean '\(nearest)'?"
    }
}
