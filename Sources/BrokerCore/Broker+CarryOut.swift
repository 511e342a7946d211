import BrokerAggregation
import BrokerWire

/// Carrying out: what has changed is counted, noted for the store, and told.
extension Broker {
    /// Carries out a transaction that nothing can refuse any more.
    ///
    /// - `retains`: Whether the message of the first change is kept.
    /// - `answer`: Given once the first change is noted, before any is told.
    func carryOut(
        _ transaction: Transaction,
        retains: Bool = false,
        _ session: CoreSession,
        _ answer: PublishAnswer = .none
    ) {
        var changes = transaction.changes
        if retains, !changes.isEmpty { changes[0].retains = true }
        let stored = changes.map { $0.topic.isStored(retaining: $0.retains) }
        let storesATopic = stored.contains(true)
        let isStored = transaction.binds || storesATopic
        // What is not stored goes back too if what it belongs to fails.
        for (change, isStored) in zip(changes, stored) where storesATopic && !isStored {
            self.tie(change.topic)
        }
        let waits = isStored || changes.contains { $0.topic.tiedBatch > self.committed }
        // What cannot be told before an earlier thing holds up what follows it: the same session's answers, and the
        // same topic's changes. All that one publish changes is told together.
        let needs = changes.reduce(isStored ? self.gathering.number : 0) { needs, change in
            max(needs, self.needs(of: change.topic, isStored: isStored, session))
        }
        for (index, change) in changes.enumerated() {
            if change.retains, case .event(let data, let siblings)? = change.message {
                change.topic.retain(data.elementsEqual("null".utf8) ? nil : data, siblings: siblings)
            }
            self.note(change.topic, isStored: stored[index], needs: needs, isTold: change.isTold)
            let applied = Applied(topic: change.topic, isStored: waits, needs: needs, message: change.message)
            if index == 0 { self.answer(answer, applied, to: session) }
            self.tell(change, applied, publisher: index == 0 ? session.id : .none)
            self.setTimer(of: change.topic)
        }
    }

    /// The batch that a change of `topic` can be told with.
    func needs(of topic: TopicState, isStored: Bool, _ session: CoreSession) -> UInt64 {
        isStored ? self.gathering.number : max(session.pendingBatch, topic.lastBatch)
    }

    /// Counts a change of `topic` that is told with the batch `needs`.
    ///
    /// - `isTold`: Whether it takes an offset.
    func note(_ topic: TopicState, isStored: Bool, needs: UInt64, isTold: Bool = true) {
        if isStored, topic.rowBatch != needs {
            topic.rowBatch = needs
            self.gathering.stored.append(topic)
        }
        if isStored, topic.rowID == nil {
            topic.beginStoring(id: self.nextRowID, epoch: self.storedEpoch(life: topic.life))
            self.nextRowID += 1
        }
        if isTold {
            topic.offset += 1
            topic.timestamp = self.now.wall
        }
        topic.isTouched = true
        topic.lastBatch = needs
    }

    // MARK: Telling

    private func tell(_ change: Change, _ applied: borrowing Applied, publisher: SessionID) {
        guard change.isTold else { return }
        switch change.message {
        case nil:
            self.tell(applied, data: UnsafeRawBufferPointer(start: nil, count: 0), publisher: publisher)
        case .event(let data, let siblings):
            // On a topic with an aggregator it is the last word about this life of it.
            let isFinal = change.topic.hasAggregator
            TopicState.withValue(data, siblings: siblings) {
                self.deliver(applied, $0, publisher: publisher, isFinal: isFinal)
            }
        case .value(let value):
            TopicState.withValue(value, siblings: []) { self.deliver(applied, $0, publisher: publisher) }
        case .window(let window):
            change.topic.withValue(window) { self.deliver(applied, $0, publisher: publisher) }
        case .closed(let window):
            change.topic.withValue(window) { self.deliver(applied, $0, publisher: publisher, isFinal: true) }
        }
    }

    /// Tells the subscribers: every message where somebody asked for all, else the newest once at the batch's end.
    func tell(_ applied: borrowing Applied, data: UnsafeRawBufferPointer, publisher: SessionID) {
        let topic = applied.topic
        let interest = self.interest(in: topic)
        guard interest.any != 0 else { return }
        guard topic.hasAggregator, interest.all == 0 else {
            return self.deliver(applied, topic.hasAggregator ? nil : .json(data), publisher: publisher)
        }
        guard topic.isAnnounced else {
            let batch = self.batch(applied.needs)
            topic.isAnnounced = true
            topic.announcedBatch = batch.number
            topic.publisher = publisher
            return batch.announced.append(topic)
        }
        if topic.publisher != publisher { topic.publisher = .none }
    }

    private func deliver(_ applied: borrowing Applied, _ value: WireValue?, publisher: SessionID, isFinal: Bool = false)
    {
        applied.topic.publisher = publisher
        // This tells the newest value, too.
        applied.topic.isAnnounced = false
        self.deliver(
            applied.topic,
            in: self.batch(applied.needs),
            value: value,
            needsCommit: applied.isStored,
            isFinal: isFinal
        )
    }
}
