import BrokerWire
import Logging
import NIOCore

/// What the broker says.
extension ClientDriver: ConnectionDelegate {
    func connectionOpened(_ connection: ClientChannelHandler) {
        var buffer = ByteBuffer()
        let greeting = self.producer?.greeting
        self.encoder.writeHello(client: self.configuration.clientName, producer: greeting, to: &buffer)
        connection.write(buffer)
    }

    func connectionEnded(_ connection: ClientChannelHandler, _ error: ClientError) {
        guard connection === self.connection else { return }
        var error = error
        if error.code == .closedByBroker, let refusal = self.lastRefusal, refusal.number == error.brokerCode {
            error.message = "the broker closed the connection: \(refusal)"
            error.refusal = refusal
        }
        self.lastRefusal = nil
        if error.brokerCode == ErrorCode.replaced.rawValue, self.producer?.isNameUnknown == true {
            error = ClientError(.connectionLost, "an older connection of this client was taken for a newer one")
        }
        self.ended(error)
    }

    func connectionReadCompleted(_ connection: ClientChannelHandler) {
        self.handOver()
        self.releaseAnswered()
        self.updateReading()
    }

    func connection(
        _ connection: ClientChannelHandler,
        received message: UnsafeMutableRawBufferPointer
    )
        throws(FrameViolation)
    {
        let reply: Reply
        do throws(JSONSkipper.Problem) {
            reply = try ReplyScanner.scan(message)
        } catch {
            throw FrameViolation(.policy, "a message that is not a JSON object")
        }
        let bytes = UnsafeRawBufferPointer(message)
        switch reply.operation {
        case .acknowledgement, .pong: self.acknowledged(reply, bytes)
        case .message: self.receivedMessage(reply, bytes)
        case .error: self.refused(reply, bytes)
        case .welcome where !self.machine.awaitsWelcome: self.renewed()
        case .welcome:
            if let max = reply.messageBytesMax {
                self.messageBytesMax = Int(clamping: max)
                self.outbox.limitMessages(toBytes: self.messageBytesMax)
            }
            if self.welcomedProducer(reply, bytes) { self.opened() }
        case .bye: self.machine.receivedBye(afterMilliseconds: reply.afterMilliseconds)
        case .notice: if reply.code == ErrorCode.tokenExpired.rawValue { self.credentialsEndSoon() }
        case .ended:
            let filter = TopicFilter(unchecked: reply.topic.bytes(in: bytes))
            guard let owner = self.table.owner(of: filter) else { return }
            self.handOver()
            self.endSubscription(owner, ClientError(reply.refusal(in: bytes)))
        case .unknown: break
        }
    }

    // MARK: Answers

    private func acknowledged(_ reply: Reply, _ bytes: UnsafeRawBufferPointer) {
        if let seq = reply.seq {
            // Without a topic it says no more than that the number has its verdict, unless a rule left it out.
            let own = reply.topic.isEmpty && reply.isApplied ? nil : Self.acknowledgement(reply, bytes)
            self.producer?.acknowledged(seq, own: own) { self.publishEnded($0, $1) }
            return
        }
        switch reply.id {
        case .publish(let id):
            guard let publish = self.pending.take(id) else { return }
            self.publishEnded(publish, .acknowledged(Self.acknowledgement(reply, bytes)))
        case .control(let id):
            switch self.controls.removeValue(forKey: id) {
            case .subscribe(let filter): self.subscribed(filter, reply, bytes)
            case .unsubscribe(let call): call?.resume(returning: nil)
            case .question(let question):
                guard case .get(let topic) = question.kind else { return question.call.resume(returning: nil) }
                question.call.resume(returning: Self.message(topic, reply, bytes))
            case nil: break
            }
        case nil:
            break
        }
    }

    private static func acknowledgement(_ reply: Reply, _ bytes: UnsafeRawBufferPointer) -> PublishAcknowledgement {
        PublishAcknowledgement(
            offset: reply.offset,
            data: reply.data.isEmpty ? nil : Array(reply.data.bytes(in: bytes)),
            exact: Self.text(reply.exact, bytes),
            isDuplicate: reply.isDuplicate,
            isApplied: reply.isApplied,
            why: Self.text(reply.why, bytes)
        )
    }

    private func refused(_ reply: Reply, _ bytes: UnsafeRawBufferPointer) {
        let refusal = reply.refusal(in: bytes)
        if let seq = reply.seq, self.producer != nil { return self.producerRefused(seq, refusal) }
        switch reply.id {
        case .publish(let id):
            guard let publish = self.pending.take(id) else { return }
            self.publishEnded(publish, .refused(refusal))
        case .control(let id):
            switch self.controls.removeValue(forKey: id) {
            case .subscribe(let filter): self.subscribeRefused(filter, refusal)
            case .unsubscribe(let call): call?.resume(returning: nil)
            case .question(let question) where refusal.code == .noValue: question.call.resume(returning: nil)
            case .question(let question): question.call.resume(throwing: ClientError(refusal))
            case nil: break
            }
        case nil:
            self.lastRefusal = refusal
            if self.machine.awaitsWelcome, self.producerForgotten(refusal) { return }
            // Who published without an answer is told by the topic.
            if !self.machine.awaitsWelcome, reply.topic.isEmpty, self.renewal.refused() {
                return self.renewalFailed(ClientError(refusal))
            }
            self.logger.info("refused", metadata: ["reason": "\(refusal)"])
            // An error before the welcome can only be about `hello`, and there will be no welcome after it: the end of
            // the connection says it.
            if self.machine.awaitsWelcome {
                self.connection?.abort(ClientError(refusal), code: .normal)
            } else {
                self.configuration.onEvent?(.refused(refusal, topic: Self.text(reply.topic, bytes)))
            }
        }
    }

    // MARK: Subscriptions

    private func subscribed(_ filter: TopicFilter, _ reply: Reply, _ bytes: UnsafeRawBufferPointer) {
        let position = Position(epoch: Self.text(reply.epoch, bytes) ?? "", offset: reply.offset)
        let action = self.table.acknowledged(filter, at: position, hasValue: !reply.data.isEmpty)
        guard case .active(let owner, let isNew, let deliversSnapshot) = action else { return }
        if deliversSnapshot {
            let topic = filter.bytes.withUnsafeBytes { Topic(unchecked: $0) }
            if var message = Self.message(topic, reply, bytes) {
                message.isRetained = true
                self.stage(message, for: owner)
            }
        }
        if isNew, self.table.isComplete(owner: owner) {
            self.handOver()
            self.subscribers[owner]?.sink.snapshotEnded()
            self.begin(owner)
        }
    }

    /// Lets whoever subscribed read.
    private func begin(_ owner: UInt64) {
        guard let call = self.subscribers[owner]?.call else { return }
        self.subscribers[owner]?.call = nil
        call.continuation.resume(returning: nil)
    }

    private func subscribeRefused(_ filter: TopicFilter, _ refusal: BrokerRefusal) {
        switch self.table.refused(filter, retry: refusal.retry) {
        case .ignore:
            break
        case .end(let owner):
            self.handOver()
            self.endSubscription(owner, ClientError(refusal))
        case .sendLater:
            let wait = max(refusal.afterMilliseconds ?? Refusal.retryMilliseconds, 100)
            self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(wait))) {
                self.table.sendAgain(filter)
                if self.machine.canSend { self.sendSubscriptions() }
            }
        }
    }

    // MARK: Messages

    private func receivedMessage(_ reply: Reply, _ bytes: UnsafeRawBufferPointer) {
        guard !reply.topic.isEmpty else { return }
        let name = reply.topic.bytes(in: bytes)
        self.table.route(topic: name, offset: reply.offset, isRetained: reply.isRetained) { owner, topic, epoch in
            guard var message = Self.message(topic ?? self.topic(name), reply, bytes) else { return }
            if !epoch.isEmpty { message.epoch = epoch }
            self.stage(message, for: owner)
        }
    }

    /// The topic with this name, without a new one for each message of the same.
    private func topic(_ name: UnsafeRawBufferPointer) -> Topic {
        if let last = self.lastTopic, last.bytes.count == name.count, last.bytes.elementsEqual(name) { return last }
        let topic = Topic(unchecked: name)
        self.lastTopic = topic
        return topic
    }

    private func stage(_ message: Message, for owner: UInt64) {
        guard let index = self.subscribers.index(forKey: owner) else { return }
        if self.subscribers.values[index].staged.isEmpty { self.touched.append(owner) }
        self.subscribers.values[index].staged.append(message)
    }

    /// Hands the messages of this read to their readers, so that a reader is woken once for all of them.
    func handOver() {
        guard !self.touched.isEmpty else { return }
        let touched = self.touched
        self.touched.removeAll(keepingCapacity: true)
        for owner in touched {
            guard let index = self.subscribers.index(forKey: owner) else { continue }
            let sink = self.subscribers.values[index].sink
            switch sink.push(&self.subscribers.values[index].staged) {
            case .some:
                break
            case .full:
                if !self.subscribers.values[index].isFull { self.fullCount += 1 }
                self.subscribers.values[index].isFull = true
                // The broker acknowledges behind what it retains, and that may be more than is kept.
                self.begin(owner)
            case .overflowing:
                if !self.subscribers.values[index].isFull { self.fullCount += 1 }
                self.subscribers.values[index].isFull = true
                self.endSubscription(owner, ClientError(.slowConsumer, Self.overflowText))
            }
        }
    }

    private static let overflowText =
        "the subscription was not read while the client went on publishing; use a client of its own for it"

    private static func message(_ topic: Topic, _ reply: Reply, _ bytes: UnsafeRawBufferPointer) -> Message? {
        guard !reply.data.isEmpty else { return nil }
        return Message(
            topic: topic,
            epoch: Self.text(reply.epoch, bytes),
            offset: reply.offset,
            timestampMilliseconds: reply.timestamp,
            data: Array(reply.data.bytes(in: bytes)),
            exact: Self.text(reply.exact, bytes),
            isRetained: reply.isRetained
        )
    }

    private static func text(_ range: ByteRange, _ bytes: UnsafeRawBufferPointer) -> String? {
        range.isEmpty ? nil : String(decoding: range.bytes(in: bytes), as: UTF8.self)
    }
}
