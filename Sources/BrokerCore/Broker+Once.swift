import BrokerAggregation
import BrokerWire

/// Stateless publishers: the same `once` counts once for some minutes.
extension Broker {
    func publishOnce(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        let data = request.data.bytes(in: message)
        let key = OnceTable.Key(
            principal: session.principal.storedName,
            topic: Array(name),
            once: Array(request.once.bytes(in: message))
        )
        let content = XXHash64.hash(data) ^ (request.retain ? 1 : 0)
        if let entry = self.onces.find(key) {
            guard entry.content == content else {
                let refusal = Refusal(.onceConflict, "this 'once' was another publish to the topic")
                return self.refuse(refusal, of: request, in: message, session)
            }
            return self.acknowledgeAgain(request, id, entry, self.readableTopic(name), session)
        }
        guard self.onces.count < self.limits.onces else {
            let reason = "there are \(self.limits.onces) publishes with 'once' in the time of one (limits.onces)"
            return self.refuse(Refusal(.limitReached, reason), of: request, in: message, session)
        }
        let answer = PublishAnswer(.once(key, content: content, id: id), to: request)
        let refusal = self.apply(name, request, data, from: session, answer)
        if let refusal { self.refuse(refusal, of: request, in: message, session) }
    }

    /// Remembers a publish with what it has changed.
    func remember(_ key: OnceTable.Key, content: UInt64) {
        let batch = self.gathering.number
        let entry = self.onces.add(key, content: content, running: self.runningMilliseconds, batch: batch)
        self.gathering.onces.append(entry)
    }

    private func acknowledgeAgain(
        _ request: Request,
        _ id: UnsafeRawBufferPointer,
        _ entry: OnceTable.Entry,
        _ topic: TopicState?,
        _ session: CoreSession
    ) {
        self.counts.duplicates += 1
        guard request.isAnswered else { return }
        let needs = max(entry.batch, topic?.lastBatch ?? 0)
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: request.messageBytes,
            needs: needs,
            needsCommit: needs > self.committed
        ) { buffer in
            guard let topic else { return buffer.writeDuplicateAck(id: id, offset: 0, value: .none) }
            topic.hasAggregator
                ? topic.withRunningValue { buffer.writeDuplicateAck(id: id, offset: topic.offset, value: $0) }
                : buffer.writeDuplicateAck(id: id, offset: topic.offset, value: .none)
        }
    }

    /// How long the broker has been running.
    private var runningMilliseconds: UInt64 {
        (self.now.monotonic - self.startTime) / BrokerTime.nanosecondsPerMillisecond
    }

    /// Forgets those whose time is over, a bounded number at a time.
    func expireOnces() {
        guard self.storageRefusal == nil else { return }
        self.gathering.forgottenOnces += self.onces.expire(
            window: UInt64(self.limits.onceSeconds) * 1000,
            running: self.runningMilliseconds,
            committed: self.committed,
            most: Self.expiredMax
        )
    }

    /// So many rows are deleted in one commit; more wait for the next second.
    private static var expiredMax: Int { 10_000 }
}
