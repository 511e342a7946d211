import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// Publishing: check, fold, answer, tell.
extension Broker {
    func publish(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        if let seq = request.seq { return self.publishNumbered(seq, request, in: message, from: session) }
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        guard session.mayPublish(to: name) else {
            return self.refuse(Self.forbidden("publish to", name, session), of: request, in: message, session)
        }
        if !request.once.isEmpty { return self.publishOnce(request, in: message, from: session) }
        let answer = PublishAnswer(.acknowledgement(id: id), to: request)
        let refusal = self.apply(name, request, request.data.bytes(in: message), from: session, answer)
        if let refusal { self.refuse(refusal, of: request, in: message, session) }
    }

    /// Refuses a publish that has no number.
    func refuse(
        _ refusal: Refusal,
        of request: Request,
        in message: UnsafeRawBufferPointer,
        _ session: CoreSession
    ) {
        let id = request.id.bytes(in: message)
        self.refuse(
            refusal,
            id: id,
            // Without an `id` the topic is all that tells the client which publish is meant.
            topic: id.isEmpty ? request.topic.bytes(in: message) : nil,
            requestBytes: request.isAnswered ? request.messageBytes : 0,
            session
        )
    }

    /// Publishes a bare number and answers with the bare running value.
    func publishPlain(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let data = request.data.bytes(in: message)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        guard self.plainTopic.withUnsafeBytes({ session.mayPublish(to: $0) }) else {
            return self.refuse(
                self.plainTopic.withUnsafeBytes { Self.forbidden("publish to", $0, session) },
                id: empty,
                requestBytes: request.messageBytes,
                session
            )
        }
        let answer = PublishAnswer(.plainValue(data: data), to: request)
        let refusal = self.plainTopic.withUnsafeBytes { self.apply($0, request, data, from: session, answer) }
        guard let refusal else { return }
        self.refuse(refusal, id: empty, requestBytes: request.messageBytes, session)
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
        guard session.may(.admin, topic: name) else { return refuse(Self.forbidden("reset of", name, session)) }
        guard let topic = self.existingTopic(name), let accumulator = topic.accumulator else {
            return refuse(Refusal(.noValue, "the topic has no aggregate"))
        }
        let isStored = topic.isStored(retaining: false)
        if isStored, let refusal = self.storageRefusal { return refuse(refusal) }
        do throws(AggregatorError) { try topic.load() } catch { return refuse(Refusal(.internal, "\(error)")) }
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, session))
        accumulator.reset()
        var transaction = Transaction(binds: isStored)
        var change = Change(topic)
        change.isMeasured = false
        transaction.append(change)
        self.publish(topic.alerts.reset(at: self.now.monotonic), depth: 1, into: &transaction)
        // The watch for silence begins anew.
        try? self.watchSilence(of: topic)
        self.raiseAlerts(&transaction)
        self.carryOut(transaction, session, PublishAnswer(.acknowledgement(id: id), to: request))
        let metadata: Logger.Metadata = ["topic": "\(topic)", "principal": "\(session.principal.name)"]
        self.note("a topic was reset", metadata)
    }
}
