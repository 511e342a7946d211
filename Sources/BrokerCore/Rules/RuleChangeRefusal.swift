/// Why rules can not be changed while the broker runs: topics hold what the new ones can not go on from.
package struct RuleChangeRefusal: Error, Hashable, Sendable {
    package struct Conflict: Hashable, Sendable, CustomStringConvertible {
        package var topic: String
        /// What it holds, and by which rule.
        package var held: String
        package var wanted: String

        package var description: String { "topic '\(self.topic)' holds \(self.held), but its rule says \(self.wanted)" }
    }

    /// The first ones.
    package private(set) var conflicts: [Conflict] = []
    /// How many there are.
    package private(set) var count = 0

    /// More topics than this are not named: there may be a million.
    package static let namedMax = 10

    mutating func add(_ conflict: Conflict) {
        self.count += 1
        if self.conflicts.count < Self.namedMax { self.conflicts.append(conflict) }
    }
}

extension RuleChangeRefusal: CustomStringConvertible {
    package var description: String {
        let topics = self.count == 1 ? "1 topic" : "\(self.count) topics"
        var lines = ["no rule was changed: what \(topics) hold\(self.count == 1 ? "s" : "") is of another rule"]
        lines += self.conflicts.map { "  \($0)" }
        if self.count > self.conflicts.count { lines.append("  and \(self.count - self.conflicts.count) more") }
        lines.append("put the rules back, or drop what a topic holds with: wsbroker delete TOPIC")
        return lines.joined(separator: "\n")
    }
}

extension RuleChangeRefusal.Conflict {
    /// The same judgement as at the start, in words for a broker that runs.
    init(_ error: RestoreError) {
        switch error {
        case .aggregatorChanged(let topic, let stored, let configured):
            self.init(topic: topic, held: "the state of '\(stored)'", wanted: "'\(configured)'")
        case .numberChanged(let topic, let stored, let configured):
            self.init(topic: topic, held: "'\(stored)' numbers", wanted: "'\(configured)'")
        case .unreadable(let topic, let reason):
            self.init(topic: topic, held: "a state", wanted: "what can not read it: \(reason)")
        }
    }
}
