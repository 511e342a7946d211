import BrokerAggregation
import BrokerWire

/// Deletion: the last change of a topic's life. What comes after it belongs to the next one (decision 0020).
extension Broker {
    /// Removes the value, the retained message and the state of `topic`, or says why it can not.
    func delete(_ topic: TopicState, _ session: CoreSession) -> Refusal? {
        let isStored = topic.isStored(retaining: false)
        if isStored, let refusal = self.storageRefusal { return refusal }
        // Only where somebody waits for what its alerts have to say.
        if !topic.alerts.isEmpty, let refusal = self.load(topic) { return refusal }
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, session))
        var transaction = Transaction(binds: isStored)
        var change = Change(topic)
        change.message = .event(data: self.identity(of: topic), siblings: Array(#","deleted":true"#.utf8))
        change.isMeasured = false
        transaction.append(change)
        // Whoever was told of an alert is told that it is over.
        self.publish(topic.alerts.reset(at: self.now.monotonic), depth: 1, into: &transaction)
        self.raiseAlerts(&transaction)
        self.carryOut(transaction, session)
        self.bury(topic, isStored ? topic.rowID : nil)
        return nil
    }

    /// What a topic's value is after its deletion, as its subscribers are told.
    private func identity(of topic: TopicState) -> [UInt8] {
        guard topic.timed == nil, let factory = topic.rule.aggregator else { return Array("null".utf8) }
        let value = factory.makeAccumulator().value
        guard value != .none else { return Array("null".utf8) }
        var text: [UInt8] = []
        value.writeJSON(to: &text)
        return text
    }

    private func bury(_ topic: TopicState, _ row: Int64?) {
        self.deletions += 1
        let epoch = self.nextEpoch(of: topic)
        if let row {
            self.gathering.deleted.append(topic)
            self.gathering.forgottenTopics.append(row)
            topic.bind(to: self.gathering.number)
        }
        topic.empty(life: self.deletions, epoch: epoch)
        // Who never spoke is missed too, where the rule names a topic that is always there.
        if !topic.rule.filter.hasWildcards { try? self.watchSilence(of: topic) }
        self.setTimer(of: topic)
    }
}
