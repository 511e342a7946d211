import BrokerWire

/// A transition of an alert, as its actions tell it.
struct AlertTransition: Hashable {
    var name: String
    /// Whether it is raised now; else it has cleared.
    var isRaised: Bool
    var key: [UInt8]
    var value: ExactDecimal?
    /// As JSON.
    var limit: String
    /// Numbers the transitions of an alert, from 1. A repetition has the number of what it repeats.
    var number: UInt64
    var actions: [AlertAction]
}

/// All alerts of one topic: a part of its stored state.
struct TopicAlerts {
    struct Entry {
        let rule: AlertRule
        var transitions: UInt64 = 0
        /// Where it stands for each key that there is something to remember of; for the whole topic, the empty key.
        var states: [[UInt8]: AlertState] = [:]
        /// When time alone changes something, for each key. One that is set anew leaves its old place behind.
        var timers = TimerHeap<[UInt8]>()
        /// Keys that have left the topic, in the order in which they went.
        var departed: [[UInt8]] = []
    }

    var entries: [Entry]
    /// The most keys that have left and are remembered.
    private let keysMax: Int

    init(_ rules: [AlertRule], keysMax: Int) {
        self.entries = rules.map { Entry(rule: $0) }
        self.keysMax = keysMax
    }

    var isEmpty: Bool { self.entries.isEmpty }

    /// Whether nothing has happened that has to be remembered.
    var isIdle: Bool { self.entries.allSatisfy { $0.transitions == 0 && $0.states.isEmpty } }

    /// Whether an alert looks at single keys.
    var watchesKeys: Bool { self.entries.contains { $0.rule.scope == .key } }

    /// When time alone changes something, or a little before.
    var deadline: UInt64? { self.entries.compactMap(\.timers.next).min() }

    // MARK: Steps

    /// A sample came.
    ///
    /// - `key`: The key that it was about.
    /// - `label`: Whom the topic's value is about.
    mutating func heard(_ key: [UInt8], label: [UInt8], at now: UInt64) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices where self.entries[index].rule.watchesSilence {
            let rule = self.entries[index].rule
            let isOfKey = rule.scope == .key
            self.step(index, of: isOfKey ? key : [], at: now, &transitions) { state in
                state.heard(label: isOfKey ? key : label, rule, at: now)
            }
        }
        return transitions
    }

    /// The topic's value, or that of one key, has been measured.
    ///
    /// - `scope`: Which of the two.
    /// - `key`: The key that the sample was about.
    /// - `label`: Whom the value is about.
    mutating func measured(
        _ value: ExactDecimal,
        key: [UInt8],
        label: [UInt8],
        scope: AlertRule.Scope,
        at now: UInt64
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices
        where self.entries[index].rule.scope == scope && !self.entries[index].rule.watchesSilence {
            let rule = self.entries[index].rule
            self.step(index, of: scope == .key ? key : [], at: now, &transitions) { state in
                state.measure(value, from: key, label: label, rule, at: now)
            }
        }
        return transitions
    }

    /// A key has left the topic's value. That can raise an alert, and never clears one.
    ///
    /// - `own`: What it had measured last itself.
    mutating func lost(
        _ key: [UInt8],
        own: ExactDecimal?,
        before: ExactDecimal?,
        after: ExactDecimal?,
        at now: UInt64
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices {
            let rule = self.entries[index].rule
            switch rule.scope {
            case .key:
                if !rule.watchesSilence { self.entries[index].states[key]?.lost(at: now) }
                self.depart(key, index)
            case .across where !rule.watchesSilence:
                self.entries[index].states[[]]?
                    .lost(key, own: own, before: before, after: after, rule, at: now)
                self.settle([], index)
                guard let after, rule.standing(of: after) == .beyond else { continue }
                self.step(index, of: [], at: now, &transitions) { state in
                    state.measure(after, from: [], label: [], rule, at: now)
                }
            case .across: break
            }
        }
        return transitions
    }

    /// Lets time pass.
    mutating func pass(at now: UInt64) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices {
            let rule = self.entries[index].rule
            while let timer = self.entries[index].timers.popDue(at: now) {
                guard self.entries[index].states[timer.subject]?.timer == timer.due else { continue }
                self.entries[index].states[timer.subject]?.timer = nil
                self.step(index, of: timer.subject, at: now, &transitions) { $0.pass(rule, at: now) }
            }
        }
        return transitions
    }

    /// Somebody has reset the topic.
    mutating func reset(at now: UInt64) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices {
            // In an order that is the same in every run.
            for key in self.entries[index].states.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                guard let state = self.entries[index].states.removeValue(forKey: key), state.isRaised else { continue }
                self.tell(.cleared, index, state, &transitions)
            }
            self.entries[index].timers = TimerHeap()
            self.entries[index].departed = []
        }
        return transitions
    }

    /// Begins to watch for the silence of what is known to be there, and of what is expected.
    ///
    /// - `keys`: The keys that the topic has.
    mutating func watchSilence(of keys: some Sequence<[UInt8]>, at now: UInt64) {
        for index in self.entries.indices where self.entries[index].rule.watchesSilence {
            let rule = self.entries[index].rule
            let watched = rule.scope == .key ? Array(keys) + rule.expectedKeys : [[]]
            for key in watched where self.entries[index].states[key] == nil {
                var state = AlertState()
                state.watch(label: key, at: now)
                self.entries[index].states[key] = state
                self.setTimer(of: key, index)
            }
        }
    }

    // MARK: One key

    private mutating func step(
        _ index: Int,
        of key: [UInt8],
        at now: UInt64,
        _ transitions: inout [AlertTransition],
        _ step: (inout AlertState) -> AlertState.Outcome?
    ) {
        var state = self.entries[index].states[key] ?? AlertState()
        let outcome = step(&state)
        state.isDeparted = false
        if let outcome { self.tell(outcome, index, &state, &transitions) }
        self.entries[index].states[key] = state
        self.settle(key, index)
    }

    private mutating func tell(
        _ outcome: AlertState.Outcome,
        _ index: Int,
        _ state: inout AlertState,
        _ transitions: inout [AlertTransition]
    ) {
        if outcome != .repeated {
            self.entries[index].transitions += 1
            state.number = self.entries[index].transitions
        }
        let rule = self.entries[index].rule
        let isRaised = outcome != .cleared
        transitions.append(
            AlertTransition(
                name: rule.name,
                isRaised: isRaised,
                key: state.label,
                value: rule.watchesSilence ? nil : state.value,
                limit: rule.limitText(for: state.value),
                number: state.number,
                actions: isRaised ? rule.raiseActions : rule.clearActions
            )
        )
    }

    private mutating func tell(
        _ outcome: AlertState.Outcome,
        _ index: Int,
        _ state: AlertState,
        _ transitions: inout [AlertTransition]
    ) {
        var state = state
        self.tell(outcome, index, &state, &transitions)
    }

    /// Forgets what is quiet, and sets the timer of what is not.
    private mutating func settle(_ key: [UInt8], _ index: Int) {
        guard let state = self.entries[index].states[key] else { return }
        if state.isQuiet {
            self.entries[index].states[key] = nil
        } else {
            self.setTimer(of: key, index)
        }
    }

    mutating func setTimer(of key: [UInt8], _ index: Int) {
        guard let state = self.entries[index].states[key],
            let deadline = state.deadline(self.entries[index].rule), state.timer.map({ deadline < $0 }) ?? true
        else { return }
        self.entries[index].states[key]?.timer = deadline
        self.entries[index].timers.insert(key, due: deadline)
        guard self.entries[index].timers.count > 2 * self.entries[index].states.count + Self.timersLeftMax else {
            return
        }
        self.entries[index].timers = TimerHeap()
        for (key, state) in self.entries[index].states {
            if let timer = state.timer { self.entries[index].timers.insert(key, due: timer) }
        }
    }

    /// So many timers that mean nothing any more are not worth the cleaning.
    private static let timersLeftMax = 64

    /// Notes that a key has left. Of those the first ones are forgotten when there are too many: keys that come and go
    /// must not fill the memory. What is expected never is.
    mutating func depart(_ key: [UInt8], _ index: Int) {
        self.settle(key, index)
        guard self.entries[index].states[key] != nil, !self.entries[index].rule.expectedKeys.contains(key) else {
            return
        }
        self.entries[index].states[key]?.isDeparted = true
        self.entries[index].departed.append(key)
        guard self.entries[index].departed.count > self.keysMax else { return }
        let first = self.entries[index].departed.removeFirst()
        if self.entries[index].states[first]?.isDeparted == true { self.entries[index].states[first] = nil }
    }
}
