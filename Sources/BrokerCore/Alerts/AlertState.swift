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
    /// When it was raised, as far as this run knows.
    private(set) var raisedAt: UInt64 = 0
    /// When it is said again.
    private(set) var nextRepeat: UInt64 = 0
    /// What was measured last.
    private(set) var value: ExactDecimal?
    /// Whom it is about, since it is not quiet.
    private(set) var label: [UInt8] = []
    /// The number of the transition that raised it.
    var number: UInt64 = 0
    /// Whether anything was ever measured; what is only expected was not.
    private(set) var wasHeard = false
    /// Keys whose leaving put the value back behind the limit. As long as one is away nothing is known to be well, and
    /// the alert does not clear.
    private(set) var missingKeys: Set<[UInt8]> = []
    /// Whether its key has left the topic's value.
    var isDeparted = false
    /// The timer that counts.
    var timer: UInt64?

    init() {}

    /// As it was stored. What waited for a time waits for all of it again: nobody knows what happened meanwhile.
    init(_ stored: Stored, at now: UInt64, _ rule: AlertRule) {
        self.phase = stored.phase
        self.since = now
        self.raisedAt = now
        self.nextRepeat = now + rule.repeatInterval
        self.value = stored.value
        self.label = stored.label
        self.number = stored.number
        self.wasHeard = stored.wasHeard
        self.missingKeys = stored.missingKeys
    }

    /// What of it is stored.
    struct Stored: Hashable {
        var phase: Phase
        var value: ExactDecimal?
        var label: [UInt8]
        var number: UInt64
        var wasHeard: Bool
        var missingKeys: Set<[UInt8]>
    }

    var stored: Stored {
        Stored(
            phase: self.phase,
            value: self.value,
            label: self.label,
            number: self.number,
            wasHeard: self.wasHeard,
            missingKeys: self.missingKeys
        )
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
    ///
    /// - `key`: Who spoke.
    /// - `label`: Whom the value is about.
    mutating func measure(
        _ value: ExactDecimal,
        from key: [UInt8],
        label: [UInt8],
        _ rule: AlertRule,
        at now: UInt64
    ) -> Outcome? {
        self.value = value
        self.wasHeard = true
        self.missingKeys.remove(key)
        switch (self.phase, rule.standing(of: value)) {
        case (.quiet, .beyond):
            self.label = label
            self.enter(.pending, now)
            return self.pass(rule, at: now)
        case (.pending, .beyond):
            return self.pass(rule, at: now)
        case (.pending, _):
            self.enter(.quiet, now)
            return nil
        case (.raised, .back) where !rule.latches && self.missingKeys.isEmpty:
            self.enter(.clearing, now)
            return self.pass(rule, at: now)
        case (.clearing, .back) where self.missingKeys.isEmpty:
            return self.pass(rule, at: now)
        case (.clearing, _):
            self.enter(.raised, now)
            return nil
        default:
            return nil
        }
    }

    /// A sample came, where silence is what is watched.
    mutating func heard(label: [UInt8], _ rule: AlertRule, at now: UInt64) -> Outcome? {
        self.wasHeard = true
        guard self.isRaised else {
            self.watch(label: label, at: now)
            return nil
        }
        guard !rule.latches else { return nil }
        self.enter(.pending, now)
        return .cleared
    }

    /// Begins to wait for a sample.
    mutating func watch(label: [UInt8], at now: UInt64) {
        self.label = label
        self.enter(.pending, now)
    }

    /// The key said nothing for too long. What is raised stays so: silence is no good news.
    mutating func lost(at now: UInt64) {
        switch self.phase {
        case .quiet, .raised: break
        case .pending: self.enter(.quiet, now)
        case .clearing: self.enter(.raised, now)
        }
    }

    /// `key`, whose own value was `own`, has left, and the value `before` became `after`.
    mutating func lost(
        _ key: [UInt8],
        own: ExactDecimal?,
        before: ExactDecimal?,
        after: ExactDecimal?,
        _ rule: AlertRule,
        at now: UInt64
    ) {
        let standing = after.map { rule.standing(of: $0) }
        switch self.phase {
        case .pending where standing != .beyond: self.enter(.quiet, now)
        case .clearing where standing != .back: self.enter(.raised, now)
        default: break
        }
        guard self.isRaised else { return }
        let wasBeyond = own.map { rule.standing(of: $0) == .beyond } ?? false
        let madeItWell = before.map { rule.standing(of: $0) != .back } ?? false && standing ?? .back == .back
        guard wasBeyond || madeItWell else { return }
        self.missingKeys.insert(key)
        if self.phase == .clearing { self.enter(.raised, now) }
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

    private mutating func enter(_ phase: Phase, _ now: UInt64) {
        if phase == .raised, self.phase != .clearing { self.raisedAt = now }
        self.phase = phase
        self.since = now
    }
}
