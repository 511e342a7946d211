import BrokerAggregation
import BrokerWire
import Logging

/// Alerts: they look at what has changed, and what they publish belongs to the same transaction.
extension Broker {
    /// How many alerts may lead to one another by what they publish.
    private static var depthMax: Int { 4 }

    /// Lets the alerts of everything that has changed look at it, and of what they change by that.
    func raiseAlerts(_ transaction: inout Transaction) {
        var index = 0
        while index < transaction.changes.count {
            let change = transaction.changes[index]
            index += 1
            guard !change.topic.alerts.isEmpty else { continue }
            self.publish(self.measure(change), depth: change.depth + 1, into: &transaction)
        }
    }

    private func measure(_ change: Change) -> [AlertTransition] {
        let topic = change.topic
        let now = self.now.monotonic
        let value: AggregateValue =
            switch change.message {
            case .closed(let window)?, .window(let window)?: window.value
            case .value(let value)?: value
            case .event?, nil: topic.accumulator?.value ?? .none
            }
        let keyed = topic.accumulator as? KeyedAccumulator
        // Of many keys the last one that spoke is not the one that the value comes from.
        let label = value.primaryKey ?? (keyed == nil ? topic.ownKey ?? change.key : [])
        var transitions: [AlertTransition] = []
        if let evicted = change.evicted {
            transitions += topic.alerts.lost(
                evicted.key,
                own: evicted.own,
                before: evicted.before,
                after: value.primaryNumber,
                at: now
            )
        }
        if change.isSample { transitions += topic.alerts.heard(change.key, label: label, at: now) }
        guard change.isMeasured else { return transitions }
        if let number = value.primaryNumber {
            transitions += topic.alerts.measured(number, key: change.key, label: label, scope: .across, at: now)
        }
        if let keyed, topic.alerts.watchesKeys, let number = keyed.value(of: change.key)?.primaryNumber {
            transitions += topic.alerts.measured(number, key: change.key, label: change.key, scope: .key, at: now)
        }
        return transitions
    }

    /// Publishes what the alerts have to say.
    ///
    /// - `depth`: How many alerts have led to this.
    func publish(_ transitions: [AlertTransition], depth: Int, into transaction: inout Transaction) {
        for transition in transitions {
            if transition.isRaised { self.counts.raised += 1 } else { self.counts.cleared += 1 }
            for action in transition.actions {
                if let problem = self.publish(action, of: transition, depth: depth, into: &transaction) {
                    // The change that raised the alert is a fact, and so is the alert.
                    let metadata: Logger.Metadata = ["alert": "\(transition.name)", "reason": "\(problem)"]
                    self.logger.error("an alert could not publish", metadata: metadata)
                }
            }
        }
    }

    /// Publishes one message of an alert; returns why it can not.
    private func publish(
        _ action: AlertAction,
        of transition: AlertTransition,
        depth: Int,
        into transaction: inout Transaction
    ) -> String? {
        guard depth <= Self.depthMax else { return "alerts lead to alerts more than \(Self.depthMax) times" }
        let limits = self.limits.wire.topic
        guard let name = action.topic.topic(key: transition.key),
            name.withUnsafeBytes({ TopicGrammar.problem(in: $0, as: .topic, limits: limits) }) == nil
        else { return "'\(action.topic)' is no topic for this key" }
        guard let topic = name.withUnsafeBytes({ self.topic($0) }) else { return self.tooManyTopics.reason }
        guard topic.rule.view == nil else { return "'\(topic)' is a view" }
        let data = action.data.json(for: transition)
        return data.withUnsafeBytes { data in
            name.withUnsafeBytes { name in
                let published = Published(data: data, topic: name, filter: topic.rule.filter)
                if let condition = topic.rule.condition, !condition.holds(for: published) { return nil }
                let place = transaction.place
                if case .refused(let refusal) = self.fold(published, into: topic, &transaction, self.nobody) {
                    transaction.undo(to: place)
                    return refusal.reason
                }
                transaction.setDepth(depth, from: place)
                transaction.annotate(at: place, siblings: transition.sibling, retains: action.retains)
                return nil
            }
        }
    }

    /// Begins to watch for silence where a rule asks for it, from the start on.
    func watchSilence(of topic: TopicState) throws(AggregatorError) {
        guard topic.rule.alerts.contains(where: \.watchesSilence) else { return }
        try topic.load()
        let keys = (topic.accumulator as? KeyedAccumulator).map { Array($0.keys) } ?? []
        topic.alerts.watchSilence(of: keys, at: self.now.monotonic)
    }
}
