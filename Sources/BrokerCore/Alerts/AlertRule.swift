package import BrokerWire

/// What makes an alert, and what it does then.
package struct AlertRule: Hashable, Sendable {
    /// What raises and what clears.
    package enum Condition: Hashable, Sendable {
        /// Raises above `limit`; clears below `clear`, or as soon as it is not above any more.
        case above(ExactDecimal, clearBelow: ExactDecimal?)
        /// Raises below `limit`; clears above `clear`, or as soon as it is not below any more.
        case below(ExactDecimal, clearAbove: ExactDecimal?)
        /// Raises outside of two limits; clears inside of two others, or as soon as it is not outside any more.
        case outside(ExactDecimal, ExactDecimal, clearInside: Bounds?)
        /// Raises after so many nanoseconds of silence, and clears with the next sample.
        case noData(UInt64, text: String)
    }

    package struct Bounds: Hashable, Sendable {
        package var low: ExactDecimal
        package var high: ExactDecimal

        package init(low: ExactDecimal, high: ExactDecimal) {
            self.low = low
            self.high = high
        }
    }

    /// What an alert looks at.
    package enum Scope: String, Hashable, Sendable, CaseIterable {
        /// The topic's value.
        case across
        /// Each key's own value, each an alert of its own.
        case key
    }

    /// Names it among those of its rule.
    package var name: String
    package var condition: Condition
    package var scope = Scope.across
    /// How long the value has to be beyond the limit before the alert is raised, in nanoseconds.
    package var delay: UInt64 = 0
    /// How long it has to be back before the alert clears, in nanoseconds.
    package var clearDelay: UInt64 = 0
    /// Whether it stays raised until the topic is reset.
    package var latches = false
    /// How often it is said again while it is raised, in nanoseconds; 0 for not.
    package var repeatInterval: UInt64 = 0
    /// Keys that have to say something even if they never did, for `noData`.
    package var expectedKeys: [[UInt8]] = []
    package var raiseActions: [AlertAction] = []
    package var clearActions: [AlertAction] = []

    package init(name: String, condition: Condition) {
        self.name = name
        self.condition = condition
    }

    var allActions: [AlertAction] { self.raiseActions + self.clearActions }

    var watchesSilence: Bool {
        if case .noData = self.condition { return true }
        return false
    }

    /// What it watches and how: where one of another kind stands means nothing to it.
    var kind: String {
        let condition =
            switch self.condition {
            case .above: "above"
            case .below: "below"
            case .outside: "outside"
            case .noData: "noData"
            }
        return "\(condition)/\(self.scope.rawValue)"
    }

    /// Where a value stands between the limits.
    enum Standing {
        /// Beyond the limit that raises.
        case beyond
        /// Between the limits: what is raised stays so, and what is not is not.
        case between
        /// Back behind the limit that clears.
        case back
    }

    /// Where `value` stands. Silence has no value: any value ends it.
    func standing(of value: ExactDecimal) -> Standing {
        switch self.condition {
        case .above(let limit, let clear):
            if limit.isLess(than: value) { return .beyond }
            return clear.map { value.isLess(than: $0) } ?? true ? .back : .between
        case .below(let limit, let clear):
            if value.isLess(than: limit) { return .beyond }
            return clear.map { $0.isLess(than: value) } ?? true ? .back : .between
        case .outside(let low, let high, let clear):
            if value.isLess(than: low) || high.isLess(than: value) { return .beyond }
            return clear.map { $0.low.isLess(than: value) && value.isLess(than: $0.high) } ?? true ? .back : .between
        case .noData:
            return .back
        }
    }

    /// The limit that `value` is measured by, as JSON.
    func limitText(for value: ExactDecimal?) -> String {
        switch self.condition {
        case .above(let limit, _), .below(let limit, _): return "\(limit)"
        case .outside(let low, let high, _): return "\(value.map { $0.isLess(than: low) } ?? false ? low : high)"
        case .noData(_, let text): return "\"\(text)\""
        }
    }
}
