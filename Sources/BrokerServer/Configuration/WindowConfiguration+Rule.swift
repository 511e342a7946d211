import BrokerAggregation
import BrokerCore
// Foundation for time zones.
import Foundation

extension WindowConfiguration {
    /// What kinds of windows there are.
    enum Kind: String, CaseIterable {
        case tumbling
        case hopping
        case sliding
    }

    /// A window as the core takes it.
    struct Parts {
        var shape: WindowShape
        var grace: UInt64
        var late: WindowedAccumulator.Plan.Late
        var empty: WindowedAccumulator.Plan.Empty
        var rule: WindowRule

        /// Folds what `inner` folds, by windows.
        func plan(_ inner: AggregatorRegistry.Factory) throws(AggregatorError) -> WindowedAccumulator.Plan {
            try WindowedAccumulator.Plan(
                inner: inner,
                shape: self.shape,
                grace: self.grace,
                late: self.late,
                empty: self.empty,
                tellsChanges: self.rule.tellsChanges
            )
        }
    }

    /// - `levelCount`: How many levels of the topic can be named.
    func parts(_ levelCount: Int, _ error: inout RuleError) -> Parts? {
        guard let kind = Kind(rawValue: self.type) else {
            error.add("window.type", TopicRuleConfiguration.choice(Kind.allCases.map(\.rawValue)))
            return nil
        }
        self.checkMeanings(kind, &error)
        let time = self.time.flatMap { TopicRuleConfiguration.path($0, key: "window.time", levelCount, &error) }
        let late = self.choose(
            self.late,
            WindowedAccumulator.Plan.Late.self,
            time == nil ? .current : .drop,
            "late",
            &error
        )
        let empty = self.choose(self.empty, WindowedAccumulator.Plan.Empty.self, .skip, "empty", &error)
        let emission = self.choose(
            self.emit,
            WindowRule.Emission.self,
            kind == .sliding ? .change : .both,
            "emit",
            &error
        )
        guard let shape = self.shape(kind, &error), let late, let empty, let emission else { return nil }
        let grace = self.milliseconds(self.grace, "grace", &error) ?? (time == nil ? 0 : Self.graceByDefault)
        let rule = WindowRule(emission: emission, closes: kind != .sliding, time: time)
        return Parts(shape: shape, grace: grace, late: late, empty: empty, rule: rule)
    }

    /// How long a window waits for samples that are on their way, where samples say when they happened.
    private static let graceByDefault: UInt64 = 2000

    /// Keys that say nothing in this kind of window.
    private func checkMeanings(_ kind: Kind, _ error: inout RuleError) {
        var idle: [(String, Bool, String)] = [
            ("every", self.every != nil && kind != .hopping, "only hopping windows have it"),
            ("resolution", self.resolution != nil && kind != .sliding, "only sliding windows have it"),
            ("zone", self.zone != nil && kind != .tumbling, "only tumbling windows have it"),
            ("empty", self.empty != nil && kind == .sliding, "a sliding window does not close"),
            ("emit", self.emit != nil && self.emit != "change" && kind == .sliding, "a sliding window does not close"),
        ]
        let reason = "without 'time' nothing comes late"
        idle.append(("grace", self.grace != nil && self.time == nil, reason))
        idle.append(("late", self.late != nil && self.time == nil, reason))
        for (key, isIdle, reason) in idle where isIdle { error.add("window.\(key)", "has no meaning here: \(reason)") }
    }

    private func choose<Choice: RawRepresentable & CaseIterable>(
        _ text: String?,
        _ type: Choice.Type,
        _ standard: Choice,
        _ key: String,
        _ error: inout RuleError
    ) -> Choice? where Choice.RawValue == String {
        guard let text else { return standard }
        if let choice = Choice(rawValue: text) { return choice }
        error.add("window.\(key)", TopicRuleConfiguration.choice(Choice.allCases.map(\.rawValue)))
        return nil
    }

    private func shape(_ kind: Kind, _ error: inout RuleError) -> WindowShape? {
        guard let size = self.milliseconds(self.size, "size", &error) else {
            if self.size == nil { error.add("window.size", "is missing: how long a window is") }
            return nil
        }
        let every = self.milliseconds(self.every, "every", &error)
        let resolution = self.milliseconds(self.resolution, "resolution", &error)
        do throws(AggregatorError) {
            switch kind {
            case .tumbling:
                guard let zone = self.zone else { return try .tumbling(size: size) }
                guard let alignment = Self.alignment(zone) else {
                    error.add("window.zone", "'\(zone)' is no time zone; names are such as \"Europe/Berlin\"")
                    return nil
                }
                return try .tumbling(size: size, alignment: alignment)
            case .hopping:
                guard let every else {
                    if self.every == nil { error.add("window.every", "is missing: how often a window ends") }
                    return nil
                }
                return try .hopping(size: size, every: every)
            case .sliding:
                return try .sliding(size: size, resolution: resolution)
            }
        } catch let problem {
            guard case .configuration(let path, let reason) = problem else { return nil }
            error.add("window.\(path)", reason)
            return nil
        }
    }

    private func milliseconds(_ text: String?, _ key: String, _ error: inout RuleError) -> UInt64? {
        guard let text else { return nil }
        guard let nanoseconds = Quantity.duration(text), let milliseconds = UInt64(exactly: nanoseconds / 1_000_000)
        else {
            error.add("window.\(key)", "has to be \(Quantity.durationForm)")
            return nil
        }
        return milliseconds
    }

    private static func alignment(_ zone: String) -> WindowAlignment? {
        // By name, not by abbreviation, which means other zones in other places.
        guard TimeZone.knownTimeZoneIdentifiers.contains(zone) || zone == "UTC", let zone = TimeZone(identifier: zone)
        else { return nil }
        return WindowAlignment(identifier: zone.identifier) { time in
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time) / 1000))) * 1000
        }
    }
}
