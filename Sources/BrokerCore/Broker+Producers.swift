import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// Exactly-once publishing: numbered by a producer, or named by `once`.
extension Broker {
    // MARK: Who speaks for a producer

    /// Makes `session` speak for the producer that `hello` names, or says why it can not.
    func claim(
        _ request: Request,
        in message: UnsafeRawBufferPointer,
        _ session: CoreSession
    ) -> Result<
        ProducerWelcome, Refusal
    > {
        let name = Array(request.producerName.bytes(in: message))
        let key = ProducerTable.Key(principal: session.principal.storedName, name: name)
        let text = String(decoding: name, as: UTF8.self)
        let producer: ProducerState
        let isKept = session.mayPublishSomewhere
        if let known = self.producers.find(key) {
            if let refusal = self.storageRefusal { return .failure(refusal) }
            if let epoch = request.producerEpoch, epoch != known.epoch {
                return .failure(
                    Refusal(.fenced, "'\(text)' has gone on under another epoch: somebody else uses the name")
                )
            }
            let goesOn = request.producerEpoch != nil || request.producerResumes
            self.replace(known, by: session, goesOn ? .replaced : .fenced)
            if !goesOn { known.restart(epoch: self.drawEpoch()) }
            producer = known
        } else if !isKept {
            // Nothing of it is ever accepted, so there is nothing to remember; and saying names fills no store.
            producer = ProducerState(
                key: key,
                epoch: request.producerEpoch ?? self.drawEpoch(),
                isClaimed: request.producerEpoch != nil
            )
            producer.advance(to: request.producerAcked ?? 0)
        } else if request.producerEpoch != nil {
            return .failure(Self.unknown(name))
        } else {
            if let refusal = self.storageRefusal { return .failure(refusal) }
            producer = ProducerState(key: key, epoch: self.drawEpoch())
            if let refusal = self.keep(producer) { return .failure(refusal) }
        }
        if request.producerResumes { producer.setResumes() }
        if producer.isKept { self.producers.use(producer) }
        producer.session = session.id
        session.producer = producer
        var welcome = ProducerWelcome(name: name, epoch: producer.epoch, next: 0)
        welcome.refused = producer.window.refused
        if let acked = request.producerAcked, acked > producer.window.settled {
            let lost = producer.window.settled + 1...acked
            welcome.lost = lost
            let metadata: Logger.Metadata = ["producer": "\(text)", "from": "\(lost.lowerBound)", "to": "\(acked)"]
            self.logger.critical("acknowledged publishes are lost: was an older store put back?", metadata: metadata)
            producer.advance(to: acked)
        }
        welcome.next = producer.window.settled + 1
        self.note(producer)
        return .success(welcome)
    }

    private static func unknown(_ name: [UInt8]) -> Refusal {
        let text = String(decoding: name, as: UTF8.self)
        let reason = "no producer '\(text)' is known any more: what it has published before can not be told apart"
        return Refusal(.producerUnknown, reason)
    }

    /// Ends the connection that has spoken for `producer` so far; nothing more is taken from it.
    private func replace(_ producer: ProducerState, by session: CoreSession, _ code: ErrorCode) {
        guard let id = producer.session, id != session.id, let old = self.existingSession(id) else { return }
        old.isEnded = true
        old.producer = nil
        let reason = "another connection speaks for '\(String(decoding: producer.name, as: UTF8.self))' now"
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        self.refuse(Refusal(code, reason), id: none, requestBytes: 0, old)
        self.close(old, code)
    }

    /// Remembers a new producer, or says why there is no room for it.
    private func keep(_ producer: ProducerState) -> Refusal? {
        if self.producers.count >= self.limits.producers {
            guard let victim = self.producers.evict(for: producer.key.principal, committed: self.committed) else {
                let most = self.limits.producers
                return Refusal(.limitReached, "there are \(most) producers already (limits.producers)")
            }
            self.gathering.forgottenProducers.append(victim.id)
        }
        self.producers.keep(producer)
        return nil
    }

    /// Remembers the producer of a session that may publish from now on and might not before.
    ///
    /// Where that can not be, the client has to connect again, and is told then what is in the way.
    func keepProducer(of session: CoreSession) {
        guard let producer = session.producer, !producer.isKept, session.mayPublishSomewhere else { return }
        guard !producer.isClaimed, self.storageRefusal == nil, self.producers.find(producer.key) == nil,
            self.keep(producer) == nil
        else {
            return self.end(session, .restarting, "what may be published has changed: connect again")
        }
        self.note(producer)
        // Nothing is said, and a connection whose producer is not kept after all is closed.
        session.pendingBatch = max(session.pendingBatch, self.gathering.number)
        var entry = HubEntry(.push, session: session.id)
        entry.flags = [.needsCommit]
        self.batch(session.pendingBatch).hubs[Int(session.id.hub)].reply(entry) { _ in }
    }

    /// Takes what a producer is now into the transaction that gathers.
    private func note(_ producer: ProducerState) {
        if producer.isKept, producer.changed(in: self.gathering.number) { self.gathering.producers.append(producer) }
    }

    // MARK: Numbered publishes

    func publishNumbered(
        _ seq: UInt64,
        _ request: Request,
        in message: UnsafeRawBufferPointer,
        from session: CoreSession
    ) {
        let name = request.topic.bytes(in: message)
        guard let producer = self.turn(seq, requestBytes: request.messageBytes, session) else { return }
        if producer.window.place(of: seq) == .accepted {
            return self.acknowledgeAgain(seq, request, in: message, producer, session)
        }
        if !session.mayPublish(to: name) {
            return self.refuse(
                Self.forbidden("publish to", name, session),
                seq,
                request.messageBytes,
                producer,
                session
            )
        }
        if !request.once.isEmpty {
            let refusal = Refusal(.badEnvelope, "'seq' and 'once' together: use one of them")
            return self.refuse(refusal, seq, request.messageBytes, producer, session)
        }
        let data = request.data.bytes(in: message)
        let answer = PublishAnswer(.numbered(seq, producer), to: request)
        let refusal = self.apply(name, request, data, from: session, answer)
        if let refusal { self.refuse(refusal, seq, request.messageBytes, producer, session) }
    }

    /// Settles the number of a publish together with what it has changed.
    func settle(
        _ seq: UInt64,
        of producer: ProducerState,
        _ applied: borrowing Applied,
        requestBytes: UInt32,
        _ session: CoreSession
    ) {
        producer.settle(seq, isAccepted: true)
        self.note(producer)
        self.reply(to: session, seq, requestBytes) { buffer in
            if let why = applied.leftOut { return buffer.writeNumberedLeftOutAck(seq: seq, why: why) }
            let topic = applied.topic
            guard topic.hasAggregator else {
                return buffer.writeNumberedAck(seq: seq, topic: topic.name, offset: topic.offset)
            }
            applied.withValue { value in
                buffer.writeNumberedAck(seq: seq, topic: topic.name, offset: topic.offset, value: value)
            }
        }
    }

    /// Refuses a numbered message that is no request; that is its verdict.
    func refuseNumbered(_ refusal: Refusal, _ seq: UInt64, requestBytes: UInt32, _ session: CoreSession) {
        guard let producer = self.turn(seq, requestBytes: requestBytes, session) else { return }
        guard producer.window.place(of: seq) != .accepted else {
            // It was accepted before, so this is another publish under the same number. Nothing is applied.
            return self.reply(to: session, seq, requestBytes, needs: producer.lastBatch) {
                $0.writeNumberedAck(seq: seq, topic: nil)
            }
        }
        self.refuse(refusal, seq, requestBytes, producer, session)
    }

    /// The producer of `session` if the number may be judged now; else what is to be said has been said.
    private func turn(_ seq: UInt64, requestBytes: UInt32, _ session: CoreSession) -> ProducerState? {
        guard let producer = session.producer else {
            let refusal = Refusal(.noProducer, "'seq' needs a 'producer' in 'hello'")
            self.tell(refusal, seq, requestBytes, session)
            return nil
        }
        guard !producer.isClaimed else {
            // It may have been known under this epoch and have published: nothing can be said of its numbers.
            self.tell(Self.unknown(producer.name), seq, requestBytes, session)
            session.isEnded = true
            self.close(session, .producerUnknown)
            return nil
        }
        if let awaited = session.awaitedSeq {
            // Nothing from the awaited number on was applied, and what was sent behind it comes again.
            guard seq <= awaited else {
                self.reply(to: session, idBytes: 0, requestBytes: requestBytes) { _ in }
                return nil
            }
            if seq == awaited { session.awaitedSeq = nil }
        }
        switch producer.window.place(of: seq) {
        case .next, .refused, .accepted:
            return producer
        case .expired:
            let refusal = Refusal(.seqExpired, "'seq' \(seq) is too long ago: only the last 1024 are remembered")
            self.tell(refusal, seq, requestBytes, session)
        case .beyond:
            let refusal = Refusal(.seqGap, "'seq' \(seq) came where \(producer.window.settled + 1) was to come")
            self.tell(refusal, seq, requestBytes, session)
            session.isEnded = true
            producer.session = nil
            session.producer = nil
            self.close(session, .seqGap)
        }
        return nil
    }

    private func refuse(
        _ refusal: Refusal,
        _ seq: UInt64,
        _ requestBytes: UInt32,
        _ producer: ProducerState,
        _ session: CoreSession
    ) {
        guard refusal.code.retry == .no else {
            // No verdict: the number comes again, and what follows it waits for that.
            session.awaitedSeq = seq
            return self.tell(refusal, seq, requestBytes, session)
        }
        // A verdict that can not be stored is none either.
        if let shortage = self.storageRefusal { return self.refuse(shortage, seq, requestBytes, producer, session) }
        if producer.window.place(of: seq) == .next {
            producer.settle(seq, isAccepted: false)
            self.note(producer)
        }
        let needs = producer.lastBatch
        self.counts.refused(refusal.code)
        self.reply(to: session, seq, 0, needs: needs) {
            $0.writeError(refusal, id: Self.noBytes, seq: Self.digits(seq))
        }
        self.reply(to: session, seq, requestBytes, needs: needs) { $0.writeNumberedAck(seq: seq, topic: nil) }
    }

    private func acknowledgeAgain(
        _ seq: UInt64,
        _ request: Request,
        in message: UnsafeRawBufferPointer,
        _ producer: ProducerState,
        _ session: CoreSession
    ) {
        let name = request.topic.bytes(in: message)
        // Nobody knows which topic it was, and the one that is named now may be none of the client's business.
        let topic = session.mayPublish(to: name) ? self.readableTopic(name) : nil
        let needs = max(producer.lastBatch, topic?.lastBatch ?? 0)
        self.counts.duplicates += 1
        self.reply(to: session, seq, request.messageBytes, needs: needs) { buffer in
            guard let topic else { return buffer.writeNumberedAck(seq: seq, topic: nil) }
            topic.hasAggregator
                ? topic.withRunningValue { value in
                    let offset = topic.offset
                    buffer.writeNumberedAck(seq: seq, topic: topic.name, offset: offset, value: value, duplicates: 1)
                } : buffer.writeNumberedAck(seq: seq, topic: topic.name, offset: topic.offset, duplicates: 1)
        }
    }

    /// The topic called `name`, if there is one whose value can be told.
    func readableTopic(_ name: UnsafeRawBufferPointer) -> TopicState? {
        self.existingTopic(name).flatMap { (try? $0.load()) == nil ? nil : $0 }
    }

    /// Refuses a number without a verdict on it.
    private func tell(_ refusal: Refusal, _ seq: UInt64, _ requestBytes: UInt32, _ session: CoreSession) {
        self.counts.refused(refusal.code)
        self.reply(to: session, seq, requestBytes, isStored: false) {
            $0.writeError(refusal, id: Self.noBytes, seq: Self.digits(seq))
        }
    }

    /// Answers a numbered publish.
    ///
    /// - `isStored`: Whether the answer is untrue unless the batch that gathers is committed.
    private func reply(
        to session: CoreSession,
        _ seq: UInt64,
        _ requestBytes: UInt32,
        isStored: Bool = true,
        needs: UInt64? = nil,
        _ write: (inout ByteBuffer) -> Void
    ) {
        let needs = isStored ? needs ?? self.gathering.number : 0
        self.reply(
            to: session,
            idBytes: Self.digitCount(seq),
            requestBytes: requestBytes,
            needs: needs,
            needsCommit: needs > self.committed,
            flags: .isNumbered,
            write
        )
    }

    private static var noBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// The same without making them: every acknowledgement asks for it.
    private static func digitCount(_ number: UInt64) -> Int {
        var (count, rest) = (1, number / 10)
        while rest > 0 {
            count += 1
            rest /= 10
        }
        return count
    }

    private static func digits(_ number: UInt64) -> [UInt8] { Array("\(number)".utf8) }
}
