import BrokerAggregation
import BrokerWire

/// A topic and the rule that governs it, which may be another one tomorrow.
extension TopicState {
    /// Notes what its rule says.
    func noteRule(_ views: [TopicRule]) {
        let rule = self.shared.rule
        self.timed = self.accumulator as? any TimedAccumulator
        self.isView = rule.view != nil
        self.isOnDisk = rule.durability == .disk
        self.takesNumbers = rule.aggregator?.input == .number
        self.number = rule.number
        self.isStrict = rule.isStrict
        self.ownKey = rule.alerts.isEmpty ? nil : rule.key(of: self.name)
        self.noteViews(views)
    }

    /// Notes what is made from it.
    func noteViews(_ views: [TopicRule]) {
        self.views = views
        self.isPlain = views.isEmpty && !self.isView && self.rule.takesDataAsIs
    }

    /// Everything that a topic holds or may go back to, for the question whether another rule can go on from it.
    var holdings: [TopicHolding] {
        var holdings = [self.committed.map { TopicHolding($0.content) } ?? .nothing]
        holdings.append(
            self.holding(self.accumulator, self.retained, isTouched: self.offset > 0 || self.rowID != nil)
        )
        for untied in [self.untied, self.untiedLater].compactMap(\.self) {
            holdings.append(self.holding(untied.accumulator, untied.retained, isTouched: untied.offset > 0))
        }
        return holdings
    }

    private func holding(_ accumulator: (any Accumulator)?, _ retained: [UInt8]?, isTouched: Bool) -> TopicHolding {
        guard let accumulator else { return retained == nil ? .nothing : .message }
        guard isTouched, let factory = self.rule.aggregator else { return .nothing }
        return .aggregate(
            name: factory.stateName,
            number: self.rule.number.rawValue,
            version: accumulator.descriptor.stateVersion
        )
    }

    /// What folds under another rule, with what it holds now; made before anything is changed, because it may fail.
    struct Successors {
        fileprivate var current: (any Accumulator)?
        fileprivate var untied: (any Accumulator)?
        fileprivate var untiedLater: (any Accumulator)?
    }

    /// Makes what folds under `rule`. The rule has to fit ``holdings``.
    func successors(under rule: TopicRule) throws(AggregatorError) -> Successors {
        try self.load()
        var successors = Successors()
        successors.current = try self.successor(of: self.accumulator, rule)
        successors.untied = try self.successor(of: self.untied?.accumulator, rule)
        successors.untiedLater = try self.successor(of: self.untiedLater?.accumulator, rule)
        return successors
    }

    private func successor(
        of accumulator: (any Accumulator)?,
        _ rule: TopicRule
    ) throws(AggregatorError) -> (any Accumulator)? {
        let successor = rule.aggregator?.makeAccumulator()
        // Where the kinds differ there is nothing to take over.
        guard let accumulator, let successor, self.rule.folds(as: rule) else { return successor }
        try successor.restore(try accumulator.encoded(), version: accumulator.descriptor.stateVersion)
        return successor
    }

    /// Goes on under another rule.
    ///
    /// - `now`: On the monotonic clock.
    func adopt(_ shared: SharedRule, _ successors: Successors, views: [TopicRule], at now: UInt64) {
        let rule = shared.rule
        if !self.isThere { self.watchedSince = max(self.watchedSince, shared.since) }
        self.shared = shared
        self.accumulator = successors.current
        self.untied?.accumulator = successors.untied
        self.untiedLater?.accumulator = successors.untiedLater
        self.alerts = self.alerts.following(rule.alerts, keysMax: rule.alertKeysMax, at: now)
        if rule.staleAfter == nil { self.keysHeard = [:] }
        self.noteRule(views)
        self.deadline = nil
    }

    /// Moves the offsets to a life of another kind: what is stored and what is not are told apart by their epochs.
    func move(toLife life: UInt64, epoch: String) {
        self.begin(life: life, epoch: epoch)
        (self.unstored.epoch, self.unstored.life) = (epoch, life)
        for untied in [self.untied, self.untiedLater].compactMap(\.self) { (untied.epoch, untied.life) = (epoch, life) }
    }
}
