import BrokerAggregation
import BrokerWire

/// How the alerts of a topic are stored.
extension TopicAlerts {
    private static let version: UInt8 = 1

    /// The bytes for the store; `nil` if there is nothing to remember.
    ///
    /// - `isKnown`: Whether a key is in the topic's own state. That it may fall silent need not be stored.
    func encoded(isKnown: ([UInt8]) -> Bool) -> [UInt8]? {
        guard !self.isIdle else { return nil }
        var writer = StateWriter()
        writer.write(Self.version)
        writer.writeVarint(UInt(self.entries.count))
        for entry in self.entries {
            writer.write(Array(entry.rule.name.utf8))
            writer.write(Array(entry.rule.kind.utf8))
            writer.writeVarint(entry.transitions)
            let states = entry.states.filter { key, state in
                let isWaiting = entry.rule.watchesSilence && state.phase == .pending
                return !(isWaiting && (key.isEmpty || !state.wasHeard || isKnown(key)))
            }
            writer.writeVarint(UInt(states.count))
            for (key, state) in states.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                writer.write(key)
                Self.write(state.stored, to: &writer)
            }
        }
        return writer.bytes
    }

    private static func write(_ state: AlertState.Stored, to writer: inout StateWriter) {
        writer.write(state.phase.rawValue)
        writer.write(UInt8(state.wasHeard ? 1 : 0))
        writer.writeVarint(state.number)
        writer.write(state.label)
        writer.write(state.value.map { Array("\($0)".utf8) } ?? [])
        writer.writeVarint(UInt(state.missingKeys.count))
        for key in state.missingKeys.sorted(by: { $0.lexicographicallyPrecedes($1) }) { writer.write(key) }
    }

    /// Takes over what was stored. Alerts that no rule has any more are forgotten, and so is where one of another kind
    /// stood; its transitions go on being counted.
    mutating func restore(_ bytes: [UInt8], at now: UInt64) throws(AggregatorError) {
        var reader = StateReader(bytes)
        let version = try reader.read(UInt8.self)
        guard version == Self.version else {
            throw .stateVersion(found: Int(version), supported: Int(Self.version))
        }
        for _ in 0..<(try Self.count(&reader)) {
            let name = String(decoding: try reader.readText(bytesMax: Int(UInt16.max)), as: UTF8.self)
            let kind = String(decoding: try reader.readText(bytesMax: Int(UInt16.max)), as: UTF8.self)
            let transitions = try reader.readVarint(UInt64.self)
            let index = self.entries.firstIndex { $0.rule.name == name }
            if let index { self.entries[index].transitions = transitions }
            for _ in 0..<(try Self.count(&reader)) {
                let key = try reader.readText(bytesMax: KeyedAccumulator.keyBytesMax)
                let stored = try Self.readState(&reader)
                guard let index, self.entries[index].rule.kind == kind else { continue }
                let rule = self.entries[index].rule
                // What was only expected, and is not any more, is nobody's business.
                guard stored.wasHeard || key.isEmpty || rule.expectedKeys.contains(key) else { continue }
                self.entries[index].states[key] = AlertState(stored, at: now, rule)
                self.setTimer(of: key, index)
            }
        }
        try reader.finish()
    }

    /// Notes which keys have left the topic's value.
    mutating func noteDeparted(isKnown: ([UInt8]) -> Bool) {
        for index in self.entries.indices where self.entries[index].rule.scope == .key {
            for key in self.entries[index].states.keys.sorted(by: { $0.lexicographicallyPrecedes($1) })
            where !isKnown(key) {
                self.depart(key, index)
            }
        }
    }

    private static func count(_ reader: inout StateReader) throws(AggregatorError) -> UInt {
        let count = try reader.readVarint(UInt.self)
        guard count <= UInt(reader.remaining) else { throw .stateCorrupt("it is too short") }
        return count
    }

    private static func readState(_ reader: inout StateReader) throws(AggregatorError) -> AlertState.Stored {
        guard let phase = AlertState.Phase(rawValue: try reader.read(UInt8.self)) else {
            throw .stateCorrupt("an alert in no known phase")
        }
        let wasHeard = try reader.read(UInt8.self) != 0
        let number = try reader.readVarint(UInt64.self)
        let label = try reader.readText(bytesMax: KeyedAccumulator.keyBytesMax)
        let value = try reader.readText(bytesMax: Int(UInt16.max))
        var missingKeys: Set<[UInt8]> = []
        for _ in 0..<(try Self.count(&reader)) {
            missingKeys.insert(try reader.readText(bytesMax: KeyedAccumulator.keyBytesMax))
        }
        return AlertState.Stored(
            phase: phase,
            value: value.isEmpty ? nil : try Self.number(value),
            label: label,
            number: number,
            wasHeard: wasHeard,
            missingKeys: missingKeys
        )
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
