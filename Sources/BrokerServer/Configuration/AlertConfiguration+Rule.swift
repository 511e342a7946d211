import BrokerAggregation
import BrokerCore
import BrokerWire

extension AlertConfiguration {
    /// The alert as the core takes it, or `nil` where something is wrong with it.
    ///
    /// - `key`: Where it stands in its rule: `alerts[0]`.
    /// - `rule`: The rule that it stands in.
    func rule(
        at key: String,
        rule: TopicRuleConfiguration,
        _ error: inout RuleError
    ) -> AlertRule? {
        if self.name.isEmpty { error.add("\(key).name", "is missing: it stands in every message of the alert") }
        guard let scope = AlertRule.Scope(rawValue: self.scope) else {
            error.add("\(key).scope", TopicRuleConfiguration.choice(AlertRule.Scope.allCases.map(\.rawValue)))
            return nil
        }
        if scope == .key, rule.perKey == nil {
            error.add("\(key).scope", "\"key\" needs 'perKey': without it there is one value to look at")
        }
        guard let condition = self.condition(at: key, &error) else { return nil }
        var alert = AlertRule(name: self.name, condition: condition)
        alert.scope = scope
        alert.delay = self.duration(self.delay, "\(key).for", &error)
        alert.clearDelay = self.duration(self.clearDelay, "\(key).clearFor", &error)
        alert.repeatInterval = self.duration(self.repeatEvery, "\(key).repeatEvery", minimum: Self.second, &error)
        alert.latches = self.latch
        self.checkSilence(alert, at: key, rule, &error)
        if self.latch {
            for (name, isGiven) in [
                ("clearBelow", self.clearBelow != nil), ("clearAbove", self.clearAbove != nil),
                ("clearInside", self.clearInside != nil), ("clearFor", self.clearDelay != nil),
            ] where isGiven {
                error.add("\(key).\(name)", "has no meaning with 'latch': only a reset clears it")
            }
        }
        alert.expectedKeys = self.expect.map { Array($0.utf8) }
        alert.raiseActions = self.actions(self.raise, "\(key).raise", scope, rule, &error)
        alert.clearActions = self.actions(self.clear, "\(key).clear", scope, rule, &error)
        return alert
    }

    private static let limitMax = 9_007_199_254_740_992.0

    private static let second: UInt64 = 1_000_000_000

    private func condition(at key: String, _ error: inout RuleError) -> AlertRule.Condition? {
        let given = [
            ("above", self.above != nil), ("below", self.below != nil), ("outside", self.outside != nil),
            ("noData", self.noData != nil),
        ].filter(\.1).map(\.0)
        guard given.count == 1, let kind = given.first else {
            error.add(key, #"needs one of "above", "below", "outside", "noData""#)
            return nil
        }
        let clears = ["above": "clearBelow", "below": "clearAbove", "outside": "clearInside"]
        for (name, isGiven) in [
            ("clearBelow", self.clearBelow != nil), ("clearAbove", self.clearAbove != nil),
            ("clearInside", self.clearInside != nil),
        ] where isGiven && clears[kind] != name {
            error.add("\(key).\(name)", "has no meaning with '\(kind)'")
        }
        switch kind {
        case "above":
            guard let limit = Self.exact(self.above, "\(key).above", &error) else { return nil }
            let clear = Self.exact(self.clearBelow, "\(key).clearBelow", &error)
            if let clear, clear > limit { error.add("\(key).clearBelow", "must not be above 'above'") }
            return .above(limit, clearBelow: clear)
        case "below":
            guard let limit = Self.exact(self.below, "\(key).below", &error) else { return nil }
            let clear = Self.exact(self.clearAbove, "\(key).clearAbove", &error)
            if let clear, clear < limit { error.add("\(key).clearAbove", "must not be below 'below'") }
            return .below(limit, clearAbove: clear)
        case "outside":
            return self.outsideCondition(at: key, &error)
        default:
            let text = self.noData ?? ""
            let silence = self.duration(text, "\(key).noData", minimum: Self.second, &error)
            return silence > 0 ? .noData(silence, text: text) : nil
        }
    }

    private static func exact(
        _ value: Double?,
        _ key: String,
        _ error: inout RuleError
    ) -> ExactDecimal? {
        guard let value else { return nil }
        guard abs(value) < Self.limitMax else {
            error.add(key, "has to lie within ±2^53, where every whole number can be told")
            return nil
        }
        // The value may have decimals even where the numbers have none: an average.
        if let exact = try? ExactDecimal("\(value)", as: .decimal, strict: true) { return exact }
        error.add(key, "has to be a number of at most 18 decimals")
        return nil
    }

    private func outsideCondition(
        at key: String,
        _ error: inout RuleError
    ) -> AlertRule.Condition? {
        guard let pair = self.outside, let low = Self.exact(pair[0], "\(key).outside", &error),
            let high = Self.exact(pair[1], "\(key).outside", &error)
        else { return nil }
        guard low < high else {
            error.add("\(key).outside", "has to be the lower limit and then the higher one")
            return nil
        }
        guard let inner = self.clearInside,
            let innerLow = Self.exact(inner[0], "\(key).clearInside", &error),
            let innerHigh = Self.exact(inner[1], "\(key).clearInside", &error)
        else { return .outside(low, high, clearInside: nil) }
        guard low <= innerLow, innerLow < innerHigh, innerHigh <= high else {
            error.add("\(key).clearInside", "has to lie within 'outside', the lower limit first")
            return nil
        }
        return .outside(low, high, clearInside: AlertRule.Bounds(low: innerLow, high: innerHigh))
    }

    private func checkSilence(
        _ alert: AlertRule,
        at key: String,
        _ rule: TopicRuleConfiguration,
        _ error: inout RuleError
    ) {
        guard self.noData != nil else {
            if !self.expect.isEmpty { error.add("\(key).expect", "has no meaning without 'noData'") }
            return
        }
        if self.delay != nil { error.add("\(key).for", "has no meaning with 'noData', which is a time itself") }
        if self.clearDelay != nil { error.add("\(key).clearFor", "has no meaning with 'noData': any sample ends it") }
        guard !self.expect.isEmpty else { return }
        if alert.scope != .key { error.add("\(key).expect", #"needs "scope": "key""#) }
        if rule.topic.contains("+") || rule.topic.contains("#") || rule.template.hasKey {
            error.add("\(key).expect", "needs a rule for one topic, without wildcards")
        }
        for name in self.expect where !Self.isLevel(name) {
            error.add("\(key).expect", "'\(name)' can not be a level of a topic")
        }
    }

    private static func isLevel(_ name: String) -> Bool { !name.contains("/") && (try? Topic(name)) != nil }

    private func duration(
        _ text: String?,
        _ key: String,
        minimum: UInt64 = 1,
        _ error: inout RuleError
    ) -> UInt64 {
        guard let text else { return 0 }
        guard let nanoseconds = Quantity.duration(text).flatMap(UInt64.init(exactly:)), nanoseconds >= minimum,
            nanoseconds <= Self.durationMax
        else {
            let least = minimum > 1 ? ", at least \(Quantity.durationText(Int64(minimum)))" : ""
            error.add(key, "has to be \(Quantity.durationForm)\(least)")
            return 0
        }
        return nanoseconds
    }

    /// Ten years: longer than anybody waits, and far from where clocks overflow.
    private static let durationMax: UInt64 = 3650 * 86_400 * 1_000_000_000

    private func actions(
        _ actions: [Action],
        _ key: String,
        _ scope: AlertRule.Scope,
        _ rule: TopicRuleConfiguration,
        _ error: inout RuleError
    ) -> [AlertAction] {
        actions.enumerated().compactMap { index, action in
            let place = "\(key)[\(index)]"
            let template = TopicTemplate(action.topic)
            if template.filterText.contains("{") || template.filterText.contains("}") {
                error.add("\(place).to", "only '{key}' is filled in, and it is a level of its own")
                return nil
            }
            if template.levelCount > 0 || action.topic.contains("#") {
                error.add("\(place).to", "names one topic, with '{key}' as a level where that is meant")
                return nil
            }
            do throws(TopicError) {
                _ = try TopicFilter(template.filterText)
            } catch let problem {
                error.add("\(place).to", "'\(action.topic)' \(problem)")
                return nil
            }
            let made = AlertAction(topic: template, data: AlertText(action.data.bytes), retains: action.retain)
            if made.needsKey, rule.key == nil {
                error.add(place, "names '{key}', and the rule has no 'key'")
            } else if made.needsKey, scope == .across, rule.perKey != nil {
                error.add(place, #"names '{key}', which needs "scope": "key": the whole has no key"#)
            } else if made.needsKey, rule.window != nil, rule.key?.hasPrefix("+") != true, !rule.template.hasKey {
                error.add(place, "names '{key}', and what a window closes with has none: the key is not in its topic")
            }
            if self.noData != nil, made.data.placeholders.contains(.value) {
                error.add("\(place).data", "names '{value}', and silence has none")
            }
            return made
        }
    }
}
