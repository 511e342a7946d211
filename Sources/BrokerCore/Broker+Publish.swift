import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// Publishing: check, fold, answer, tell.
extension Broker {
    func publish(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        if let refusal = self.refusal(of: request, name) {
            // Without an `id` the topic is all that tells the client which publish is meant.
            return self.refuse(
                refusal,
                id: id,
                topic: id.isEmpty ? name : nil,
                requestBytes: request.isAnswered ? request.messageBytes : 0,
                session
            )
        }
        let outcome = self.apply(name, request, request.data.bytes(in: message), from: session)
        switch outcome {
        case .success(let applied):
            self.acknowledge(applied, request, id, to: session)
            self.tell(applied, data: request.data.bytes(in: message), from: session)
        case .failure(let refusal):
            self.refuse(
                refusal,
                id: id,
                topic: id.isEmpty ? name : nil,
                requestBytes: request.isAnswered ? request.messageBytes : 0,
                session
            )
        }
    }

    /// Publishes a bare number and answers with the bare running value.
    func publishPlain(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let data = request.data.bytes(in: message)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        guard self.rights.contains(.publish) else {
            return self.refuse(
                self.plainTopic.withUnsafeBytes { Self.forbidden("publish to", $0) },
                id: empty,
                requestBytes: request.messageBytes,
                session
            )
        }
        let outcome = self.plainTopic.withUnsafeBytes { self.apply($0, request, data, from: session) }
        switch outcome {
        case .success(let applied):
            self.reply(
                to: session,
                idBytes: 0,
                requestBytes: request.messageBytes,
                needs: applied.needs,
                needsCommit: applied.isStored
            ) { buffer in
                applied.topic.hasAggregator
                    ? applied.topic.withValue { buffer.writePlainValue($0) } : buffer.writePlainValue(.json(data))
            }
            self.tell(applied, data: data, from: session)
        case .failure(let refusal):
            self.refuse(refusal, id: empty, requestBytes: request.messageBytes, session)
        }
    }

    static func forbidden(_ action: StaticString, _ topic: UnsafeRawBufferPointer) -> Refusal {
        Refusal(.forbidden, "\(action) '\(String(decoding: topic, as: UTF8.self))' is not allowed for 'anonymous'")
    }

    /// What is wrong with a publish before its topic is looked at.
    private func refusal(of request: Request, _ name: UnsafeRawBufferPointer) -> Refusal? {
        if !self.rights.contains(.publish) { return Self.forbidden("publish to", name) }
        if request.seq != nil { return Refusal(.noProducer, "'seq' needs a 'producer' in 'hello'") }
        if !request.once.isEmpty {
            return Refusal(.badEnvelope, "'once' is not supported by this version of the broker")
        }
        return nil
    }

    /// A publish that has changed its topic.
    private struct Applied {
        var topic: TopicState
        /// Whether the change is stored.
        var isStored: Bool
        /// The batch that has to be committed before anybody is told.
        var needs: UInt64
    }

    /// Folds a publish into its topic, or changes nothing.
    private func apply(
        _ name: UnsafeRawBufferPointer,
        _ request: Request,
        _ data: UnsafeRawBufferPointer,
        from session: CoreSession
    ) -> Result<Applied, Refusal> {
        guard let topic = self.topic(name) else {
            return .failure(self.tooManyTopics)
        }
        let isStored = topic.isStored(retaining: request.retain)
        if isStored, let failure = self.storageFailure {
            return .failure(Refusal(.storageUnknown, "the store has stopped: \(failure)"))
        }
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, session))
        if let refusal = self.change(topic, request, data) { return .failure(refusal) }
        return .success(self.note(topic, isStored: isStored, by: session))
    }

    /// Changes the topic's value; returns why it can not be.
    private func change(_ topic: TopicState, _ request: Request, _ data: UnsafeRawBufferPointer) -> Refusal? {
        guard topic.hasAggregator else {
            if request.retain { topic.retain(request.dataKind == .null ? nil : Array(data)) }
            return nil
        }
        guard !request.retain else {
            return Refusal(.badEnvelope, "'retain' has no meaning on a topic with an aggregator")
        }
        do throws(AggregatorError) {
            try topic.load()
            let number = try Self.number(data, request.dataKind, for: topic)
            guard let accumulator = topic.accumulator else { return nil }
            try accumulator.add(Sample(number: number, timestamp: self.now.wall, offset: topic.offset + 1))
            return nil
        } catch .overflow {
            return Refusal(
                .badValue,
                "the total would leave its range; it is unchanged",
                why: NumberError.overflow.why
            )
        } catch .configuration(let path, let reason) {
            return Refusal(.badValue, reason, why: path)
        } catch {
            self.logger.error("a stored state can not be used", metadata: ["error": "\(error)"])
            return Refusal(.internal, "\(error)")
        }
    }

    /// The number that `data` is, in the format of `topic`.
    private static func number(
        _ data: UnsafeRawBufferPointer,
        _ kind: Request.ValueKind,
        for topic: TopicState
    ) throws(AggregatorError) -> ExactDecimal {
        guard topic.rule.aggregator?.descriptor.input == .number else { return .zero(topic.rule.number) }
        do throws(NumberError) {
            guard kind == .number else { throw .notANumber }
            return try ExactDecimal(parsing: data, as: topic.rule.number, strict: topic.rule.isStrict)
        } catch {
            throw .configuration(path: error.why, reason: Self.explanation(of: error, topic.rule.number))
        }
    }

    private static func explanation(of error: NumberError, _ format: NumberFormat) -> String {
        switch error {
        case .notANumber: "'data' has to be a JSON number"
        case .tokenTooLong: "'data' is a number of more than \(ExactDecimal.tokenBytesMax) characters"
        case .tooManyDigits: "'data' has more than \(ExactDecimal.digitsMax) significant digits"
        case .exponentOutOfRange: "the exponent of 'data' is beyond ±\(ExactDecimal.exponentMax)"
        case .outOfRange: "'data' is beyond the range of '\(format.rawValue)' numbers"
        case .notRepresentable:
            format == .int
                ? "'data' has to be a whole number" : "'data' has more than \(format.scale) decimals"
        case .overflow: "the total would leave its range; it is unchanged"
        }
    }

    /// The batch that a change of `topic` can be told with.
    ///
    /// What cannot be told before an earlier thing holds up what follows it: the same session's answers, and the same
    /// topic's changes.
    private func needs(of topic: TopicState, isStored: Bool, _ session: CoreSession) -> UInt64 {
        isStored ? self.gathering.number : max(session.pendingBatch, topic.lastBatch)
    }

    /// Counts a change, notes it for the store, and finds which batch it can be told with.
    private func note(_ topic: TopicState, isStored: Bool, by session: CoreSession) -> Applied {
        let needs = self.needs(of: topic, isStored: isStored, session)
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
        return Applied(topic: topic, isStored: isStored, needs: needs)
    }

    private func acknowledge(
        _ applied: Applied,
        _ request: Request,
        _ id: UnsafeRawBufferPointer,
        to session: CoreSession
    ) {
        guard request.isAnswered else {
            guard applied.isStored else { return }
            var entry = HubEntry(.silent, session: session.id)
            entry.flags.insert(.needsCommit)
            session.pendingBatch = max(session.pendingBatch, applied.needs)
            return self.batch(applied.needs).hubs[Int(session.id.hub)].reply(entry) { buffer in
                // Not sent, but there to tell which publish it was if the batch fails.
                buffer.writeBytes(applied.topic.name)
            }
        }
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: request.messageBytes,
            needs: applied.needs,
            needsCommit: applied.isStored
        ) { buffer in
            if applied.topic.hasAggregator {
                applied.topic.withValue { buffer.writePublishAck(id: id, offset: applied.topic.offset, value: $0) }
            } else {
                buffer.writePublishAck(id: id, offset: applied.topic.offset, value: .none)
            }
        }
    }

    /// Tells the subscribers: every message where somebody asked for all, else the newest once at the batch's end.
    private func tell(_ applied: Applied, data: UnsafeRawBufferPointer, from session: CoreSession) {
        let topic = applied.topic
        let interest = self.interest(in: topic)
        guard interest.any != 0 else { return }
        let batch = self.batch(applied.needs)
        guard topic.hasAggregator, interest.all == 0 else {
            topic.publisher = session.id
            // This tells the newest value, too.
            topic.isAnnounced = false
            return self.deliver(
                topic,
                in: batch,
                value: topic.hasAggregator ? nil : .json(data),
                needsCommit: applied.isStored
            )
        }
        guard topic.isAnnounced else {
            topic.isAnnounced = true
            topic.announcedBatch = batch.number
            topic.publisher = session.id
            return batch.announced.append(topic)
        }
        if topic.publisher != session.id { topic.publisher = .none }
    }
}

extension Broker {
    /// Sets an aggregate back to its identity: one more change of the topic.
    func reset(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        func refuse(_ refusal: Refusal) {
            self.refuse(refusal, id: id, requestBytes: request.messageBytes, session)
        }
        guard self.rights.contains(.admin) else { return refuse(Self.forbidden("reset of", name)) }
        guard let topic = self.existingTopic(name), let accumulator = topic.accumulator else {
            return refuse(Refusal(.noValue, "the topic has no aggregate"))
        }
        let isStored = topic.isStored(retaining: false)
        if isStored, let failure = self.storageFailure {
            return refuse(Refusal(.storageUnknown, "the store has stopped: \(failure)"))
        }
        do throws(AggregatorError) { try topic.load() } catch { return refuse(Refusal(.internal, "\(error)")) }
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, session))
        accumulator.reset()
        let applied = self.note(topic, isStored: isStored, by: session)
        self.acknowledge(applied, request, id, to: session)
        self.tell(applied, data: UnsafeRawBufferPointer(start: nil, count: 0), from: session)
    }
}
