import BrokerAggregation
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
    private struct Entry {
        let rule: AlertRule
        var transitions: UInt64 = 0
        /// Where it stands for each key that there is something to remember of; for the whole topic, the empty key.
        var states: [[UInt8]: AlertState] = [:]
    }

    private var entries: [Entry]
    /// The earliest deadline of what was touched since it was last asked for.
    private var touchedDeadline: UInt64?
    /// The most keys that an alert remembers.
    private let keysMax: Int

    init(_ rules: [AlertRule], keysMax: Int) {
        self.entries = rules.map { Entry(rule: $0) }
        self.keysMax = keysMax
    }

    var isEmpty: Bool { self.entries.isEmpty }

    /// Whether an alert looks at single keys.
    var watchesKeys: Bool { self.entries.contains { $0.rule.scope == .key } }

    /// When time alone changes something.
    var deadline: UInt64? {
        var earliest: UInt64?
        for entry in self.entries {
            for state in entry.states.values {
                guard let deadline = state.deadline(entry.rule) else { continue }
                earliest = min(earliest ?? deadline, deadline)
            }
        }
        return earliest
    }

    /// The same of what was touched since it was last asked for.
    mutating func takeTouchedDeadline() -> UInt64? {
        defer { self.touchedDeadline = nil }
        return self.touchedDeadline
    }

    // MARK: Steps

    /// The topic's value, or that of one key, has been measured.
    ///
    /// - `scope`: Which of the two.
    /// - `key`: The key that the sample was about.
    mutating func measured(
        _ value: ExactDecimal?,
        key: [UInt8],
        scope: AlertRule.Scope,
        at now: UInt64
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices where self.entries[index].rule.scope == scope {
            let rule = self.entries[index].rule
            self.step(index, of: scope == .key ? key : [], label: key, &transitions) { state in
                // Where silence is watched it is the coming that counts.
                guard let value else { return rule.watchesSilence ? state.heard(rule, at: now) : nil }
                return state.measure(value, from: key, rule, at: now)
            }
        }
        return transitions
    }

    /// A key has left the topic's value for its silence.
    mutating func lost(_ key: [UInt8], before: ExactDecimal?, after: ExactDecimal?, at now: UInt64) {
        for index in self.entries.indices {
            let rule = self.entries[index].rule
            switch rule.scope {
            case .key:
                self.entries[index].states[key]?.lost(rule, at: now)
                if self.entries[index].states[key]?.isQuiet == true { self.entries[index].states[key] = nil }
            case .across:
                self.entries[index].states[[]]?.lost(key, before: before, after: after, rule, at: now)
            }
        }
    }

    /// Lets time pass.
    mutating func pass(at now: UInt64) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices {
            let rule = self.entries[index].rule
            let due = self.entries[index].states.filter { ($0.value.deadline(rule) ?? .max) <= now }.keys
            // In an order that is the same in every run.
            for key in due.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                self.step(index, of: key, label: key, &transitions) { $0.pass(rule, at: now) }
            }
        }
        return transitions
    }

    /// Somebody has reset the topic.
    mutating func reset(at now: UInt64) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for index in self.entries.indices {
            for key in self.entries[index].states.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                self.step(index, of: key, label: key, &transitions) { $0.reset(at: now) }
            }
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
                _ = self.entries[index].states[key, default: AlertState()].heard(rule, at: now)
            }
        }
    }

    private mutating func step(
        _ index: Int,
        of key: [UInt8],
        label: [UInt8],
        _ transitions: inout [AlertTransition],
        _ step: (inout AlertState) -> AlertState.Outcome?
    ) {
        let rule = self.entries[index].rule
        var state = self.entries[index].states[key] ?? AlertState()
        let isNew = self.entries[index].states[key] == nil
        let outcome = step(&state)
        if state.isQuiet {
            self.entries[index].states[key] = nil
        } else {
            if isNew { self.makeRoom(index) }
            self.entries[index].states[key] = state
            if let deadline = state.deadline(rule) {
                self.touchedDeadline = min(self.touchedDeadline ?? .max, deadline)
            }
        }
        guard let outcome else { return }
        if outcome != .repeated { self.entries[index].transitions += 1 }
        let isRaised = outcome != .cleared
        transitions.append(
            AlertTransition(
                name: rule.name,
                isRaised: isRaised,
                key: label,
                value: rule.watchesSilence && isRaised ? nil : state.value,
                limit: rule.limitText(for: state.value),
                number: self.entries[index].transitions,
                actions: isRaised ? rule.raiseActions : rule.clearActions
            )
        )
    }

    /// Forgets the smallest key of those that are not raised, or of all, when there are too many: keys that come and go
    /// must not fill the memory.
    private mutating func makeRoom(_ index: Int) {
        let states = self.entries[index].states
        guard states.count >= self.keysMax + self.entries[index].rule.expectedKeys.count else { return }
        let calm = states.filter { !$0.value.isRaised }.keys
        let victim = (calm.isEmpty ? Array(states.keys) : Array(calm)).min { $0.lexicographicallyPrecedes($1) }
        if let victim { self.entries[index].states[victim] = nil }
    }
}

/// How they are stored.
extension TopicAlerts {
    private static let version: UInt8 = 1

    /// The bytes for the store; `nil` if there is nothing to remember.
    ///
    /// - `isKnown`: Whether a key is in the topic's own state. That it may fall silent need not be stored.
    func encoded(isKnown: ([UInt8]) -> Bool) -> [UInt8]? {
        guard self.entries.contains(where: { $0.transitions > 0 || !$0.states.isEmpty }) else { return nil }
        var writer = StateWriter()
        writer.write(Self.version)
        writer.writeVarint(UInt(self.entries.count))
        for entry in self.entries {
            writer.write(Array(entry.rule.name.utf8))
            writer.writeVarint(entry.transitions)
            let states = entry.states.filter { key, state in
                !(entry.rule.watchesSilence && state.phase == .pending && (key.isEmpty || isKnown(key)))
            }
            writer.writeVarint(UInt(states.count))
            for (key, state) in states.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                writer.write(key)
                writer.write(state.phase.rawValue)
                Self.write(state.value.map { Array("\($0)".utf8) }, to: &writer)
                Self.write(state.missingKey, to: &writer)
            }
        }
        return writer.bytes
    }

    private static func write(_ text: [UInt8]?, to writer: inout StateWriter) {
        writer.write(UInt8(text == nil ? 0 : 1))
        if let text { writer.write(text) }
    }

    private static func readText(_ reader: inout StateReader) throws(AggregatorError) -> [UInt8]? {
        guard try reader.read(UInt8.self) != 0 else { return nil }
        return try reader.readText(bytesMax: Int(UInt16.max))
    }

    /// Takes over what was stored. Alerts that no rule has any more are forgotten.
    mutating func restore(_ bytes: [UInt8], at now: UInt64) throws(AggregatorError) {
        var reader = StateReader(bytes)
        let version = try reader.read(UInt8.self)
        guard version == Self.version else {
            throw .stateVersion(found: Int(version), supported: Int(Self.version))
        }
        let count = try reader.readVarint(UInt.self)
        guard count <= UInt(reader.remaining) else { throw .stateCorrupt("it is too short") }
        for _ in 0..<count {
            let name = String(decoding: try reader.readText(bytesMax: Int(UInt16.max)), as: UTF8.self)
            let transitions = try reader.readVarint(UInt64.self)
            let index = self.entries.firstIndex { $0.rule.name == name }
            if let index { self.entries[index].transitions = transitions }
            let states = try reader.readVarint(UInt.self)
            guard states <= UInt(reader.remaining) else { throw .stateCorrupt("it is too short") }
            for _ in 0..<states {
                let key = try reader.readText(bytesMax: KeyedAccumulator.keyBytesMax)
                let phase = AlertState.Phase(rawValue: try reader.read(UInt8.self))
                let value = try Self.readText(&reader)
                let missingKey = try Self.readText(&reader)
                guard let phase else { throw .stateCorrupt("an alert in no known phase") }
                guard let index else { continue }
                let number = try value.map(Self.number)
                let rule = self.entries[index].rule
                self.entries[index].states[key] = AlertState(
                    phase: phase,
                    value: number,
                    missingKey: missingKey,
                    at: now,
                    rule
                )
            }
        }
        try reader.finish()
    }

    private static func number(_ text: [UInt8]) throws(AggregatorError) -> ExactDecimal {
        for format in [NumberFormat.decimal, .int] {
            if let number = try? ExactDecimal(String(decoding: text, as: UTF8.self), as: format, strict: true) {
                return number
            }
        }
        throw .stateCorrupt("an alert's value that is no number")
    }
}
