import BrokerAggregation
import BrokerWire
import Logging

/// Folding: a publish goes into its topic and all views of it, or into none.
extension Broker {
    /// Carries out a publish, or says why it can not be.
    ///
    /// - `answer`: Given once the publish has gone into its topic, before anything else is told.
    func apply(
        _ name: UnsafeRawBufferPointer,
        _ request: Request,
        _ data: UnsafeRawBufferPointer,
        from session: CoreSession,
        _ answer: PublishAnswer
    ) -> Refusal? {
        let binds = answer.binds
        guard let topic = self.topic(name, publishedBy: session) else { return self.tooManyTopics }
        if topic.isView, let view = topic.rule.view {
            let name = String(decoding: name, as: UTF8.self)
            return Refusal(.badTopic, "'\(name)' is a view; publish to what it is made from, '\(view.from)'")
        }
        let isStored = topic.isStored(retaining: request.retain) || (topic.hasViews && topic.isOnDisk)
        if isStored || binds, let refusal = self.storageRefusal { return refusal }
        guard !topic.hasAggregator || !request.retain else {
            return Refusal(.badEnvelope, "'retain' has no meaning on a topic with an aggregator")
        }
        // A window that could not be closed for want of room is closed before anything counts in the next one.
        if topic.retryTime != nil { self.pass(topic) }
        if topic.isPlain {
            return self.applyPlainly(request, data, to: topic, isStored, session, answer)
        }
        let published = Published(data: data, topic: name, filter: topic.rule.filter)
        var transaction = Transaction(binds: binds || topic.isStored(retaining: request.retain))
        let isTaken = topic.rule.condition?.holds(for: published) ?? true
        switch isTaken ? self.fold(published, into: topic, &transaction, session) : .leftOut(why: "where") {
        case .folded:
            break
        case .leftOut(let why):
            transaction.undo()
            let needs = binds ? self.gathering.number : session.pendingBatch
            self.answer(answer, Applied(topic: topic, isStored: binds, needs: needs, leftOut: why), to: session)
            return nil
        case .refused(let refusal):
            transaction.undo()
            return refusal
        }
        self.raiseAlerts(&transaction)
        self.carryOut(transaction, retains: request.retain, session, answer)
        return nil
    }

    /// The way of nearly every publish: `data` is the number, and there is one topic. Nothing is allocated for it.
    private func applyPlainly(
        _ request: Request,
        _ data: UnsafeRawBufferPointer,
        to topic: TopicState,
        _ isStored: Bool,
        _ session: CoreSession,
        _ answer: PublishAnswer
    ) -> Refusal? {
        let binds = answer.binds
        let needs = self.needs(of: topic, isStored: isStored || binds, session)
        self.tellEarlierChange(of: topic, before: needs)
        if binds, !isStored { self.tie(topic) }
        if topic.hasAggregator {
            if let refusal = self.add(data, to: topic) { return refusal }
        } else if request.retain {
            topic.retain(request.dataKind == .null ? nil : Array(data))
        }
        self.note(topic, isStored: isStored, needs: needs)
        let waits = isStored || binds || topic.tiedBatch > self.committed
        let applied = Applied(topic: topic, isStored: waits, needs: needs)
        self.answer(answer, applied, to: session)
        self.tell(applied, data: data, publisher: session.id)
        return nil
    }

    /// How folding a publish into a topic ended.
    enum FoldOutcome {
        case folded
        /// The topic's rule does not take it, which is no error; `why` tells the publisher.
        case leftOut(why: StaticString)
        case refused(Refusal)
    }

    /// Folds a publish into `topic` and then into the views of it.
    ///
    /// A view of a topic that is published to takes each publish. A view of a view takes the values that it has; of one
    /// with windows that close, what they close with.
    func fold(
        _ published: Published,
        into topic: TopicState,
        _ transaction: inout Transaction,
        _ session: CoreSession
    ) -> FoldOutcome {
        let isStored = topic.isStored(retaining: false)
        let needs = self.needs(of: topic, isStored: isStored || transaction.binds, session)
        self.tellEarlierChange(of: topic, before: needs)
        if transaction.binds, !isStored { self.tie(topic) }
        var change = Change(topic)
        if topic.hasAggregator {
            transaction.keepValue(of: topic)
            let outcome = self.add(published, to: topic, &change, &transaction)
            guard case .folded = outcome else { return outcome }
            change.isTold = topic.rule.window?.tellsChanges ?? true
            // Alerts look at what a window closes with.
            change.isMeasured = topic.rule.window?.closes != true
        } else {
            change.message = .event(data: Array(published.data), siblings: [])
        }
        transaction.append(change)
        guard topic.hasViews else { return .folded }
        let refusal: Refusal?
        if topic.rule.view == nil {
            refusal = self.fold(published.data, of: topic, intoViews: &transaction, session)
        } else if topic.rule.window?.closes != true {
            refusal = topic.withValueText { self.fold($0, of: topic, intoViews: &transaction, session) }
        } else {
            refusal = nil
        }
        return refusal.map { .refused($0) } ?? .folded
    }

    /// Folds what was published to `topic`, or the new value of a view, into all views of it.
    private func fold(
        _ data: UnsafeRawBufferPointer,
        of topic: TopicState,
        intoViews transaction: inout Transaction,
        _ session: CoreSession
    ) -> Refusal? {
        for rule in topic.views {
            if let refusal = self.fold(data, of: topic, into: rule, &transaction, session) { return refusal }
        }
        return nil
    }

    /// Folds what was published to `topic`, or the new value of a view, into the view that `rule` makes of it.
    func fold(
        _ data: UnsafeRawBufferPointer,
        of topic: TopicState,
        into rule: TopicRule,
        _ transaction: inout Transaction,
        _ session: CoreSession
    ) -> Refusal? {
        guard let view = rule.view else { return nil }
        return topic.name.withUnsafeBytes { name in
            let published = Published(data: data, topic: name, filter: view.from)
            // Before its topic is made: what is left out makes none.
            if let condition = rule.condition, !condition.holds(for: published) { return nil }
            var key: [UInt8] = []
            if view.topic.hasKey {
                guard let path = rule.key, let found = path.find(in: published)?.label else {
                    return Self.missing(rule.key ?? rule.value, "key")
                }
                guard !found.contains(UInt8(ascii: "/")) else { return Self.badKey }
                key = found
            }
            guard let target = view.topic.topic(of: published, key: key) else { return nil }
            let limits = self.limits.wire.topic
            guard target.withUnsafeBytes({ TopicGrammar.problem(in: $0, as: .topic, limits: limits) }) == nil else {
                return Self.badKey
            }
            guard let made = target.withUnsafeBytes({ self.topic($0) }) else { return self.tooManyTopics }
            guard made.rule.view == view else {
                let name = String(decoding: target, as: UTF8.self)
                return Refusal(.badTopic, "'\(name)', which a view writes to, is governed by a rule before it")
            }
            guard case .refused(let refusal) = self.fold(published, into: made, &transaction, session) else {
                return nil
            }
            return refusal
        }
    }

    static let badKey = Refusal(
        .badValue,
        "the key can not be a level of a topic, or makes its name too long",
        why: "bad_key"
    )

    static func missing(_ path: FieldPath, _ what: StaticString) -> Refusal {
        Refusal(.badValue, "\(path) has to be there: it is the \(what)", why: "missing_\(what)")
    }

    // MARK: One aggregate

    /// Adds the number that `data` is to the aggregate of `topic`.
    private func add(_ data: UnsafeRawBufferPointer, to topic: TopicState) -> Refusal? {
        var sample = Sample(
            number: .zero(topic.number),
            timestamp: self.now.wall,
            offset: topic.offset + 1
        )
        if topic.takesNumbers {
            do throws(NumberError) {
                sample.number = try FoundValue(json: data).number(as: topic.number, strict: topic.isStrict)
            } catch {
                return Refusal(.badValue, Self.explanation(of: error, topic.rule), why: error.why)
            }
        }
        return self.add(sample, to: topic)
    }

    /// Adds what the rule of `topic` takes out of a publish to its aggregate.
    private func add(
        _ published: Published,
        to topic: TopicState,
        _ change: inout Change,
        _ transaction: inout Transaction
    ) -> FoldOutcome {
        let sample: Sample
        switch self.sample(of: published, for: topic, offset: topic.offset + transaction.count(of: topic) + 1) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let found): sample = found
        }
        guard let accumulator = topic.accumulator else { return .folded }
        do throws(AggregatorError) {
            try topic.load()
            let keyed = accumulator as? KeyedAccumulator
            change.key = keyed?.key(for: sample.label) ?? sample.label
            change.isSample = true
            if let keyed, !topic.alerts.isEmpty, let key = keyed.keyToEvict(for: sample.label) {
                change.evicted = (key, keyed.value(of: key)?.primaryNumber, keyed.value.primaryNumber)
            }
            let undo = accumulator.undo(of: sample)
            try accumulator.add(sample)
            transaction.onUndo(undo)
        } catch .late {
            return .leftOut(why: "late")
        } catch {
            return .refused(self.refusal(of: error))
        }
        if topic.rule.staleAfter != nil {
            let key = change.key
            let before = topic.keysHeard.updateValue(self.now.monotonic, forKey: key)
            transaction.onUndo { topic.keysHeard[key] = before }
        }
        return .folded
    }

    private func add(_ sample: Sample, to topic: TopicState) -> Refusal? {
        do throws(AggregatorError) {
            try topic.load()
            try topic.accumulator?.add(sample)
            return nil
        } catch {
            return self.refusal(of: error)
        }
    }

    private func refusal(of error: AggregatorError) -> Refusal {
        switch error {
        case .overflow:
            return Refusal(
                .badValue,
                "the total would leave its range; it is unchanged",
                why: NumberError.overflow.why
            )
        case .input(let why, let reason):
            return Refusal(.badValue, reason, why: why)
        case .configuration(let path, let reason):
            return Refusal(.badValue, reason, why: path)
        case .late, .unknown, .stateCorrupt, .stateVersion:
            self.logger.error("a stored state can not be used", metadata: ["error": "\(error)"])
            return Refusal(.internal, "\(error)")
        }
    }
}
