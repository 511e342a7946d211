import BrokerAggregation
import BrokerWire
import Logging

/// A publish that has gone into its topic.
struct Applied {
    var topic: TopicState
    /// Whether a change is stored.
    var isStored: Bool
    /// The batch that has to be committed before anybody is told.
    var needs: UInt64
    /// The views that have changed with it.
    var views: [TopicState] = []
    /// Why nothing has changed, as it travels in `why`.
    var leftOut: StaticString?

    /// The same for one of its views.
    func of(_ view: TopicState) -> Applied { Applied(topic: view, isStored: self.isStored, needs: self.needs) }
}

/// Folding: a publish goes into its topic and all views of it, or into none.
extension Broker {
    /// What one publish has changed so far, and how to take it back.
    struct Folding {
        var changed: [TopicState] = []
        /// What takes each change back.
        var undos: [() -> Void] = []

        /// Takes everything back.
        func undo() {
            for undo in self.undos.reversed() { undo() }
        }
    }

    func apply(
        _ name: UnsafeRawBufferPointer,
        _ request: Request,
        _ data: UnsafeRawBufferPointer,
        from session: CoreSession
    ) -> Result<Applied, Refusal> {
        guard let topic = self.topic(name) else { return .failure(self.tooManyTopics) }
        if let view = topic.rule.view {
            let name = String(decoding: name, as: UTF8.self)
            return .failure(Refusal(.badTopic, "'\(name)' is a view; publish to what it is made from, '\(view.from)'"))
        }
        let isStored = topic.isStored(retaining: request.retain) || (topic.hasViews && topic.rule.durability == .disk)
        if isStored, let failure = self.storageFailure {
            return .failure(Refusal(.storageUnknown, "the store has stopped: \(failure)"))
        }
        guard !topic.hasAggregator || !request.retain else {
            return .failure(Refusal(.badEnvelope, "'retain' has no meaning on a topic with an aggregator"))
        }
        if topic.isPlain { return self.applyPlainly(request, data, to: topic, isStored: isStored, session) }
        let published = Published(data: data, topic: name, filter: topic.rule.filter)
        if let condition = topic.rule.condition, !condition.holds(for: published) {
            return .success(Applied(topic: topic, isStored: false, needs: session.pendingBatch, leftOut: "where"))
        }
        var folding = Folding()
        if let refusal = self.fold(published, into: topic, &folding, session) {
            folding.undo()
            return .failure(refusal)
        }
        if request.retain { topic.retain(request.dataKind == .null ? nil : Array(data)) }
        return .success(self.note(folding, from: topic, retaining: request.retain, session))
    }

    /// The way of nearly every publish: `data` is the number, and there is one topic. Nothing is allocated for it.
    private func applyPlainly(
        _ request: Request,
        _ data: UnsafeRawBufferPointer,
        to topic: TopicState,
        isStored: Bool,
        _ session: CoreSession
    ) -> Result<Applied, Refusal> {
        let needs = self.needs(of: topic, isStored: isStored, session)
        self.tellEarlierChange(of: topic, before: needs)
        if topic.hasAggregator {
            if let refusal = self.add(data, to: topic) { return .failure(refusal) }
        } else if request.retain {
            topic.retain(request.dataKind == .null ? nil : Array(data))
        }
        self.note(topic, isStored: isStored, needs: needs)
        return .success(Applied(topic: topic, isStored: isStored, needs: needs))
    }

    /// Folds a publish that the rule of `topic` takes into it and then into the views of it; returns why it can not be.
    private func fold(
        _ published: Published,
        into topic: TopicState,
        _ folding: inout Folding,
        _ session: CoreSession
    ) -> Refusal? {
        let isStored = topic.isStored(retaining: false)
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, session))
        if topic.hasAggregator, let refusal = self.add(published, to: topic, &folding) { return refusal }
        folding.changed.append(topic)
        guard topic.hasViews else { return nil }
        var value: [UInt8] = []
        if topic.hasAggregator { topic.writeValue(to: &value) }
        for rule in topic.views {
            let refusal = value.withUnsafeBytes { bytes in
                self.fold(topic.hasAggregator ? bytes : published.data, of: topic, into: rule, &folding, session)
            }
            if let refusal { return refusal }
        }
        return nil
    }

    /// Folds what was published to `topic`, or its new value, into the view that `rule` makes of it.
    private func fold(
        _ data: UnsafeRawBufferPointer,
        of topic: TopicState,
        into rule: TopicRule,
        _ folding: inout Folding,
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
            return self.fold(published, into: made, &folding, session)
        }
    }

    private static let badKey = Refusal(
        .badValue,
        "the key can not be a level of a topic, or makes its name too long",
        why: "bad_key"
    )

    private static func missing(_ path: FieldPath, _ what: StaticString) -> Refusal {
        Refusal(.badValue, "\(path) has to be there: it is the \(what)", why: "missing_\(what)")
    }

    // MARK: One aggregate

    /// Adds the number that `data` is to the aggregate of `topic`.
    private func add(_ data: UnsafeRawBufferPointer, to topic: TopicState) -> Refusal? {
        var sample = Sample(
            number: .zero(topic.rule.number),
            timestamp: self.now.wall,
            offset: topic.offset + 1
        )
        if topic.rule.aggregator?.input == .number {
            do throws(NumberError) {
                sample.number = try FoundValue(json: data).number(as: topic.rule.number, strict: topic.rule.isStrict)
            } catch {
                return Refusal(.badValue, Self.explanation(of: error, topic.rule), why: error.why)
            }
        }
        return self.add(sample, to: topic)
    }

    /// Adds what the rule of `topic` takes out of a publish to its aggregate.
    private func add(_ published: Published, to topic: TopicState, _ folding: inout Folding) -> Refusal? {
        switch self.sample(of: published, for: topic) {
        case .failure(let refusal):
            return refusal
        case .success(let sample):
            do throws(AggregatorError) { try topic.load() } catch { return self.refusal(of: error) }
            if let accumulator = topic.accumulator { folding.undos.append(accumulator.undo(of: sample)) }
            if let refusal = self.add(sample, to: topic) { return refusal }
            if topic.rule.staleAfter != nil {
                let before = topic.keysHeard.updateValue(self.now.monotonic, forKey: sample.label)
                folding.undos.append { topic.keysHeard[sample.label] = before }
            }
            return nil
        }
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
        case .unknown, .stateCorrupt, .stateVersion:
            self.logger.error("a stored state can not be used", metadata: ["error": "\(error)"])
            return Refusal(.internal, "\(error)")
        }
    }

    /// What the rule of `topic` takes out of a publish.
    private func sample(of published: Published, for topic: TopicState) -> Result<Sample, Refusal> {
        let rule = topic.rule
        var sample = Sample(
            number: .zero(rule.number),
            timestamp: self.now.wall,
            offset: topic.offset + 1
        )
        let input = rule.aggregator?.input ?? .anything
        if let key = rule.key {
            guard let label = key.find(in: published)?.label else { return .failure(Self.missing(key, "key")) }
            sample.label = label
        }
        switch input {
        case .anything:
            break
        case .label where rule.key != nil:
            break
        case .label:
            guard let label = rule.value.find(in: published)?.label else {
                return .failure(Self.missing(rule.value, "value"))
            }
            sample.label = label
        case .number, .labelledNumber:
            guard let found = rule.value.find(in: published) else { return .failure(Self.missing(rule.value, "value")) }
            do throws(NumberError) {
                sample.number = try found.number(as: rule.number, strict: rule.isStrict)
            } catch {
                return .failure(Refusal(.badValue, Self.explanation(of: error, rule), why: error.why))
            }
        }
        return .success(sample)
    }

    private static func explanation(of error: NumberError, _ rule: TopicRule) -> String {
        let subject = rule.value
        switch error {
        case .notANumber: return "\(subject) has to be a JSON number"
        case .tokenTooLong: return "\(subject) is a number of more than \(ExactDecimal.tokenBytesMax) characters"
        case .tooManyDigits: return "\(subject) has more than \(ExactDecimal.digitsMax) significant digits"
        case .exponentOutOfRange: return "the exponent of \(subject) is beyond ±\(ExactDecimal.exponentMax)"
        case .outOfRange: return "\(subject) is beyond the range of '\(rule.number.rawValue)' numbers"
        case .notRepresentable where rule.number == .int: return "\(subject) has to be a whole number"
        case .notRepresentable: return "\(subject) has more than \(rule.number.scale) decimals"
        case .overflow: return "the total would leave its range; it is unchanged"
        }
    }

    // MARK: Counting

    /// Counts the changes of a publish, notes them for the store, and finds which batch they can be told with.
    private func note(
        _ folding: Folding,
        from topic: TopicState,
        retaining: Bool,
        _ session: CoreSession
    ) -> Applied {
        let stored = folding.changed.map { $0.isStored(retaining: retaining && $0 === topic) }
        let isStored = stored.contains(true)
        // What cannot be told before an earlier thing holds up what follows it: the same session's answers, and the
        // same topic's changes. All that one publish changes is told together.
        let needs = folding.changed.reduce(isStored ? self.gathering.number : 0) { needs, topic in
            max(needs, self.needs(of: topic, isStored: isStored, session))
        }
        for (topic, isStored) in zip(folding.changed, stored) { self.note(topic, isStored: isStored, needs: needs) }
        return Applied(topic: topic, isStored: isStored, needs: needs, views: Array(folding.changed.dropFirst()))
    }

    /// The batch that a change of `topic` can be told with.
    func needs(of topic: TopicState, isStored: Bool, _ session: CoreSession) -> UInt64 {
        isStored ? self.gathering.number : max(session.pendingBatch, topic.lastBatch)
    }

    /// Counts a change of `topic` that is told with the batch `needs`.
    func note(_ topic: TopicState, isStored: Bool, needs: UInt64) {
        if isStored, topic.rowBatch != needs {
            topic.rowBatch = needs
            self.gathering.stored.append(topic)
            if topic.rowID == nil {
                topic.beginStoring(id: self.nextRowID, epoch: self.storeEpoch)
                self.nextRowID += 1
            }
        }
        topic.offset += 1
        topic.timestamp = self.now.wall
        topic.lastBatch = needs
    }
}
