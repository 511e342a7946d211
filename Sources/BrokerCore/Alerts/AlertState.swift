import BrokerWire

/// Where an alert stands for one key, and the only place that says when it is raised and when it clears.
///
/// It reads no clock: every step is told what time it is, in nanoseconds on the monotonic clock.
struct AlertState: Hashable {
    enum Phase: UInt8, CaseIterable {
        /// Nothing is wrong.
        case quiet
        /// Beyond the limit, but not yet for long enough; where silence is watched, waiting for the next sample.
        case pending
        case raised
        /// Back behind the limit, but not yet for long enough.
        case clearing
    }

    /// What a step has to be told about.
    enum Outcome {
        case raised
        case cleared
        /// Still raised, and it is time to say so again.
        case repeated
    }

    private(set) var phase = Phase.quiet
    /// Since when it is pending or clearing.
    private(set) var since: UInt64 = 0
    /// When it is said again.
    private(set) var nextRepeat: UInt64 = 0
    /// What was measured last.
    private(set) var value: ExactDecimal?
    /// A key whose leaving alone put the value back behind the limit. As long as it is away nothing is known to be
    /// well, and the alert does not clear.
    private(set) var missingKey: [UInt8]?

    init() {}

    /// As it was stored. What waited for a time waits for all of it again: nobody knows what happened meanwhile.
    init(phase: Phase, value: ExactDecimal?, missingKey: [UInt8]?, at now: UInt64, _ rule: AlertRule) {
        self.phase = phase
        self.since = now
        self.nextRepeat = now + rule.repeatInterval
        self.value = value
        self.missingKey = missingKey
    }

    /// Whether there is nothing to remember.
    var isQuiet: Bool { self.phase == .quiet }
    var isRaised: Bool { self.phase == .raised || self.phase == .clearing }

    /// When time alone changes something.
    func deadline(_ rule: AlertRule) -> UInt64? {
        switch self.phase {
        case .quiet: nil
        case .pending: self.since + self.delay(rule)
        case .raised: rule.repeatInterval > 0 ? self.nextRepeat : nil
        case .clearing: self.since + rule.clearDelay
        }
    }

    private func delay(_ rule: AlertRule) -> UInt64 {
        if case .noData(let silence, _) = rule.condition { return silence }
        return rule.delay
    }

    /// Takes a new value into account.
    mutating func measure(_ value: ExactDecimal, from key: [UInt8], _ rule: AlertRule, at now: UInt64) -> Outcome? {
        self.value = value
        if self.missingKey == key { self.missingKey = nil }
        if rule.watchesSilence { return self.heard(rule, at: now) }
        switch (self.phase, rule.standing(of: value)) {
        case (.quiet, .beyond):
            self.enter(.pending, now)
            return self.pass(rule, at: now)
        case (.pending, .beyond):
            return self.pass(rule, at: now)
        case (.pending, _):
            self.enter(.quiet, now)
            return nil
        case (.raised, .back) where !rule.latches && self.missingKey == nil:
            self.enter(.clearing, now)
            return self.pass(rule, at: now)
        case (.clearing, .back) where self.missingKey == nil:
            return self.pass(rule, at: now)
        case (.clearing, _):
            self.enter(.raised, now)
            return nil
        default:
            return nil
        }
    }

    /// A sample came, where silence is what is watched.
    mutating func heard(_ rule: AlertRule, at now: UInt64) -> Outcome? {
        guard self.isRaised else {
            self.enter(.pending, now)
            return nil
        }
        guard !rule.latches else { return nil }
        self.enter(.pending, now)
        return .cleared
    }

    /// A key that was measured said nothing for too long. What is raised stays so: silence is no good news.
    mutating func lost(_ rule: AlertRule, at now: UInt64) {
        guard !rule.watchesSilence else { return }
        switch self.phase {
        case .quiet, .raised: break
        case .pending: self.enter(.quiet, now)
        case .clearing: self.enter(.raised, now)
        }
    }

    /// `key` has left, and the value `before` became `after`.
    mutating func lost(
        _ key: [UInt8],
        before: ExactDecimal?,
        after: ExactDecimal?,
        _ rule: AlertRule,
        at now: UInt64
    ) {
        self.lost(rule, at: now)
        guard self.isRaised, self.missingKey == nil, let before, rule.standing(of: before) != .back else { return }
        if after.map({ rule.standing(of: $0) == .back }) ?? true { self.missingKey = key }
    }

    /// Lets time pass.
    mutating func pass(_ rule: AlertRule, at now: UInt64) -> Outcome? {
        guard let deadline = self.deadline(rule), deadline <= now else { return nil }
        switch self.phase {
        case .quiet:
            return nil
        case .pending:
            self.enter(.raised, now)
            self.nextRepeat = now + rule.repeatInterval
            return .raised
        case .raised:
            self.nextRepeat = now + rule.repeatInterval
            return .repeated
        case .clearing:
            self.enter(.quiet, now)
            return .cleared
        }
    }

    /// Somebody has reset the topic.
    mutating func reset(at now: UInt64) -> Outcome? {
        defer { self = AlertState() }
        return self.isRaised ? .cleared : nil
    }

    private mutating func enter(_ phase: Phase, _ now: UInt64) {
        self.phase = phase
        self.since = now
    }
}
