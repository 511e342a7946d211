/// Alerts that go on under other rules.
extension TopicAlerts {
    /// The alerts of `rules`, each from where the one of its name stands. What no rule has any more is forgotten,
    /// without a word, as at a start.
    ///
    /// - `now`: On the monotonic clock.
    func following(_ rules: [AlertRule], keysMax: Int, at now: UInt64) -> TopicAlerts {
        var next = TopicAlerts(rules, keysMax: keysMax)
        for index in next.entries.indices {
            let rule = next.entries[index].rule
            guard let before = self.entries.first(where: { $0.rule.name == rule.name }) else { continue }
            guard before.rule != rule else {
                next.entries[index] = before
                continue
            }
            next.entries[index].transitions = before.transitions
            guard before.rule.kind == rule.kind else { continue }
            for (key, state) in before.states where Self.stays(state, of: key, under: rule) {
                var state = state
                let isDeparted = state.isDeparted
                // What waits for a time waits for all of the new one.
                state = AlertState(state.stored, at: now, rule)
                state.isDeparted = isDeparted
                next.entries[index].states[key] = state
            }
            // In an order that is the same in every run.
            for key in next.entries[index].states.keys.sorted(by: { $0.precedes($1) }) { next.setTimer(of: key, index) }
            let states = next.entries[index].states
            next.entries[index].departed = before.departed.filter { states[$0] != nil }
        }
        return next
    }

    private static func stays(_ state: AlertState, of key: [UInt8], under rule: AlertRule) -> Bool {
        // What was only expected, and is not any more, is nobody's business.
        guard state.wasHeard || key.isEmpty || rule.expectedKeys.contains(key) else { return false }
        guard state.phase == .pending, !rule.watchesSilence, let value = state.value else { return true }
        return rule.standing(of: value) == .beyond
    }
}
