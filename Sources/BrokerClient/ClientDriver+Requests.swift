import BrokerWire
import Logging
import NIOCore

/// Subscribing, asking and giving up.
extension ClientDriver {
    /// Asks now or as soon as there is a connection.
    func ask(_ question: Question, id: UInt64) {
        if let end = self.end { return question.call.resume(throwing: end) }
        guard self.machine.canSend else {
            self.waiting.append((id, question))
            return
        }
        // What the program published before it asked goes before its question.
        self.drain()
        self.write(question, id: id)
        self.updateReading()
    }

    private func write(_ question: Question, id: UInt64) {
        var buffer = ByteBuffer()
        switch question.kind {
        case .get(let topic): self.encoder.writeGet(id: id, topic: topic, to: &buffer)
        case .ping: self.encoder.writePing(id: id, to: &buffer)
        }
        self.controls[id] = .question(question)
        self.connection?.write(buffer)
    }

    func sendWaitingQuestions() {
        let waiting = self.waiting
        self.waiting = []
        for (id, question) in waiting { self.write(question, id: id) }
    }

    /// Stops waiting for an answer, because the task that asked was cancelled.
    func cancel(_ id: UInt64) {
        if let index = self.waiting.firstIndex(where: { $0.id == id }) {
            self.waiting.remove(at: index).question.call.resume(throwing: CancellationError())
        } else if let control = self.controls.removeValue(forKey: id) {
            guard case .question(let question) = control else { return }
            question.call.resume(throwing: CancellationError())
        } else if let call = self.startCalls.removeValue(forKey: id) {
            call.resume(throwing: CancellationError())
        } else if let owner = self.subscribers.first(where: { $0.value.call?.id == id })?.key {
            self.endSubscription(owner, CancellationError())
        }
    }

    // MARK: Subscriptions

    /// Adds a subscription; `call` is answered when the broker has taken all its filters.
    func subscribe(
        owner: UInt64,
        filters: [TopicFilter],
        options: SubscriptionOptions,
        sink: any MessageSink,
        callID: UInt64,
        call: AnswerContinuation
    ) {
        do throws(ClientError) {
            if let end = self.end { throw end }
            try self.table.add(filters, owner: owner, options: options)
        } catch {
            return call.resume(throwing: error)
        }
        self.subscribers[owner] = Subscriber(sink: sink, filters: filters, call: (callID, call))
        if self.machine.canSend { self.sendSubscriptions() }
    }

    /// Sends every `sub` that the broker does not know of.
    func sendSubscriptions() {
        let requests = self.table.takeUnsent()
        guard !requests.isEmpty, let connection = self.connection else { return }
        var buffer = ByteBuffer()
        for request in requests {
            let id = self.takeControlID()
            self.controls[id] = .subscribe(request.filter)
            self.logger.debug("subscribing", metadata: ["filter": "\(request.filter)"])
            self.encoder.writeSubscribe(id: id, filter: request.filter, options: request.options, to: &buffer)
        }
        connection.write(buffer)
        self.updateReading()
    }

    private func takeControlID() -> UInt64 {
        defer { self.nextControlID += 2 }
        return self.nextControlID
    }

    /// Gives a subscription up because the program asked for it; `call` is answered when the broker knows.
    func unsubscribe(owner: UInt64, call: AnswerContinuation?) {
        guard let subscriber = self.subscribers.removeValue(forKey: owner) else {
            call?.resume(returning: nil)
            return
        }
        self.forget(subscriber, nil)
        let filters = self.table.remove(owner: owner)
        self.tellUnsubscribed(filters, call: call)
    }

    /// Ends a subscription for `error`, and gives up those of its filters that the broker took.
    func endSubscription(_ owner: UInt64, _ error: any Error) {
        guard let subscriber = self.subscribers.removeValue(forKey: owner) else { return }
        self.forget(subscriber, error)
        self.tellUnsubscribed(self.table.remove(owner: owner), call: nil)
    }

    private func forget(_ subscriber: Subscriber, _ error: (any Error)?) {
        if subscriber.isFull { self.fullCount -= 1 }
        subscriber.sink.finish(error as? ClientError)
        subscriber.call?.continuation.resume(throwing: error ?? Self.givenUp)
        self.updateReading()
    }

    private static let givenUp = ClientError(.closed, "the subscription was given up")

    private func tellUnsubscribed(_ filters: [TopicFilter], call: AnswerContinuation?) {
        guard self.machine.canSend, let connection = self.connection, !filters.isEmpty else {
            call?.resume(returning: nil)
            return
        }
        var buffer = ByteBuffer()
        for (index, filter) in filters.enumerated() {
            let id = self.takeControlID()
            // Answers come in order, so the last one stands for all.
            self.controls[id] = .unsubscribe(index == filters.count - 1 ? call : nil)
            self.encoder.writeUnsubscribe(id: id, filter: filter, to: &buffer)
        }
        connection.write(buffer)
    }

    /// A full subscription's reader has caught up.
    func hasRoom(owner: UInt64) {
        guard self.subscribers[owner]?.isFull == true else { return }
        self.subscribers[owner]?.isFull = false
        self.fullCount -= 1
        self.updateReading()
    }

    /// Reads from the broker unless a subscription is full.
    ///
    /// While an answer is awaited it reads in any case: the program may be waiting for that very answer before it
    /// goes on with its messages.
    func updateReading() {
        guard self.fullCount > 0 else {
            self.connection?.setReadingPaused(false)
            return
        }
        let awaitsAnswer =
            !self.pending.isEmpty || self.producer?.awaitsAnswer == true
            || self.controls.values.contains { self.isAwaited($0) }
        self.connection?.setReadingPaused(!awaitsAnswer)
    }

    /// Whether the program may be waiting for an answer before it goes on with its messages.
    private func isAwaited(_ control: Control) -> Bool {
        switch control {
        case .question: true
        case .unsubscribe(let call): call != nil
        case .subscribe(let filter): self.table.owner(of: filter).map { self.subscribers[$0]?.call != nil } ?? false
        }
    }
}
