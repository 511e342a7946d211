import BrokerAggregation

/// What a topic that is not stored goes back to, because the number of a publish to it is stored.
extension TopicState {
    /// Rare, so that topics hold no room for it.
    final class Untied {
        var accumulator: (any Accumulator)?
        let retained: [UInt8]?
        let siblings: [UInt8]
        let offset: UInt64
        let timestamp: UInt64
        let keysHeard: [[UInt8]: UInt64]
        var epoch: String
        var life: UInt64
        let isTouched: Bool

        init(_ topic: TopicState) {
            self.accumulator = topic.accumulator?.copy()
            self.retained = topic.retained
            self.siblings = topic.retainedSiblings
            self.offset = topic.offset
            self.timestamp = topic.timestamp
            self.keysHeard = topic.keysHeard
            self.epoch = topic.epoch
            self.life = topic.life
            self.isTouched = topic.isTouched
        }
    }

    /// Remembers what it is now, until a batch is committed.
    ///
    /// - `isTied`: Whether an earlier batch is still on its way: if that fails, what was before it counts.
    func tie(to batch: UInt64, isTied: Bool) {
        self.tiedBatch = batch
        let untied = Untied(self)
        if isTied, self.untied != nil { self.untiedLater = untied } else { self.untied = untied }
    }

    /// Sees to it that everything waits for a batch, without a copy: its committed row says what it goes back to.
    func bind(to batch: UInt64) { self.tiedBatch = batch }

    /// Notes that `batch` is committed: what it has changed is not taken back any more.
    func untie(from batch: UInt64) {
        self.untied = self.tiedBatch > batch ? self.untiedLater : nil
        self.untiedLater = nil
    }

    /// Goes back to what it was before the batches that failed.
    func rollBackTie() {
        guard let untied = self.untied else { return }
        (self.untied, self.untiedLater) = (nil, nil)
        if let before = untied.accumulator {
            self.accumulator?.reset()
            // It is a copy of this one.
            try? self.accumulator?.assign(before)
        }
        self.retain(untied.retained, siblings: untied.siblings)
        self.offset = untied.offset
        self.timestamp = untied.timestamp
        self.keysHeard = untied.keysHeard
        self.isTouched = untied.isTouched
        self.begin(life: untied.life, epoch: untied.epoch)
    }
}
