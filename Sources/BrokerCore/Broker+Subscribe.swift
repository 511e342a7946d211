import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// Subscribing, and asking once.
extension Broker {
    func get(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        guard session.may(.subscribe, topic: name) else {
            return self.refuse(
                Self.forbidden("subscribe to", name, session),
                id: id,
                requestBytes: request.messageBytes,
                session
            )
        }
        let topic = self.existingTopic(name)
        if let topic, let refusal = self.load(topic) {
            return self.refuse(refusal, id: id, requestBytes: request.messageBytes, session)
        }
        guard let topic, topic.hasValue else {
            let refusal = Refusal(.noValue, "the topic has no value")
            let needs = topic?.lastBatch ?? 0
            return self.refuse(refusal, id: id, requestBytes: request.messageBytes, needs: needs, session)
        }
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: request.messageBytes,
            needs: topic.lastBatch,
            needsCommit: topic.lastBatch > self.committed
        ) { buffer in
            topic.withValue { value in
                buffer.writeValueAck(
                    id: id,
                    topic: topic.name,
                    position: Position(epoch: topic.epoch, offset: topic.offset),
                    timestamp: topic.timestamp,
                    value: value
                )
            }
        }
    }

    func load(_ topic: TopicState) -> Refusal? {
        do throws(AggregatorError) {
            try topic.load()
            return nil
        } catch {
            self.logger.error("a stored state can not be used", metadata: ["error": "\(error)"])
            return Refusal(.internal, "\(error)")
        }
    }

    func subscribe(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        let name = request.topic.bytes(in: message)
        let filter = TopicFilter(unchecked: name)
        func refuse(_ refusal: Refusal) {
            // A session that asks with wildcards is not read until it is answered; another hold is not this one's.
            let flags: HubEntry.Flags = filter.hasWildcards ? .resumes : []
            self.refuse(refusal, id: id, requestBytes: request.messageBytes, flags: flags, session)
        }
        if let refusal = self.refusal(of: request, filter, name, in: message, session) {
            return refuse(refusal)
        }
        let options = SubscriptionOptions(
            mode: request.mode,
            interval: request.maxRate > 0 ? UInt64(Double(BrokerTime.nanosecondsPerSecond) / request.maxRate) : 0,
            echo: request.echo
        )
        // The snapshot in the answer may show what is not committed yet; nothing is shown before it is.
        let topic = filter.hasWildcards ? nil : self.topic(name)
        guard topic != nil || filter.hasWildcards else {
            return refuse(self.tooManyTopics)
        }
        if let topic, let refusal = self.load(topic) {
            return refuse(refusal)
        }
        let needs = max(session.pendingBatch, topic?.lastBatch ?? 0)
        session.pendingBatch = needs
        // What happens to the topic after the snapshot has to be told after it, even if the snapshot waits.
        topic?.lastBatch = needs
        let batch = self.batch(needs)
        // Changes that are told before this point must not reach the new subscription, later ones must.
        self.putInOrder(batch)
        let before = self.note(filter, wantsAll: request.mode == .all, session)
        batch.hubs[Int(session.id.hub)].subscribe(
            SubscriptionChange(session: session.id, filter: filter, options: options, replacesAll: before),
            flags: needs > self.committed && !filter.hasWildcards ? .needsCommit : []
        )
        guard let topic else {
            session.snapshot = Snapshot(
                filter: filter,
                requestID: Array(id),
                cursor: request.wantsRetained ? 0 : self.topics.count,
                requestBytes: request.messageBytes
            )
            return self.readySnapshots.append(session.id)
        }
        self.acknowledge(request, topic, id, to: session)
    }

    var tooManyTopics: Refusal {
        Refusal(.limitReached, "there are \(self.limits.topics) topics already (limits.topics)")
    }

    /// Notes an interest; returns whether the subscription that it replaces, if there is one, asked for every message.
    private func note(_ filter: TopicFilter, wantsAll: Bool, _ session: CoreSession) -> Bool? {
        // The same filter again replaces its options: the new interest comes before the old one goes.
        self.addInterest(filter, wantsAll: wantsAll, hub: session.id.hub)
        guard let before = session.filters.updateValue(wantsAll, forKey: filter) else { return nil }
        self.dropInterest(filter, wantsAll: before, hub: session.id.hub)
        return before
    }

    private func refusal(
        of request: Request,
        _ filter: TopicFilter,
        _ name: UnsafeRawBufferPointer,
        in message: UnsafeRawBufferPointer,
        _ session: CoreSession
    ) -> Refusal? {
        guard session.may(.subscribe, filter: filter) else { return Self.forbidden("subscribe to", name, session) }
        let isNew = session.filters[filter] == nil
        guard !isNew || session.filters.count < self.limits.subscriptionsPerConnection else {
            let most = self.limits.subscriptionsPerConnection
            return Refusal(
                .limitReached,
                "a connection has at most \(most) subscriptions (limits.subscriptionsPerConnection)"
            )
        }
        guard request.hasSince else { return nil }
        guard !filter.hasWildcards else {
            return Refusal(.badEnvelope, "'since' needs a topic without wildcards")
        }
        // There is no history yet, so only a position that misses nothing can be gone on from.
        guard let topic = self.existingTopic(name), request.sinceOffset == topic.offset,
            request.sinceEpoch.bytes(in: message).elementsEqual(topic.epoch.utf8)
        else {
            return Refusal(
                .positionUnrecoverable,
                "what came after this position is not kept; subscribe without 'since'"
            )
        }
        return nil
    }

    private func acknowledge(
        _ request: Request,
        _ topic: TopicState,
        _ id: UnsafeRawBufferPointer,
        to session: CoreSession
    ) {
        let needsCommit = session.pendingBatch > self.committed
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: request.messageBytes,
            needs: session.pendingBatch,
            needsCommit: needsCommit
        ) { buffer in
            let position = Position(epoch: topic.epoch, offset: topic.offset)
            topic.withValue { value in
                buffer.writeValueAck(
                    id: id,
                    topic: topic.name,
                    position: position,
                    value: request.wantsRetained ? value : .none
                )
            }
        }
    }

    func unsubscribe(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let filter = TopicFilter(unchecked: request.topic.bytes(in: message))
        self.endSubscription(filter, session)
        self.answer(request, in: message, to: session) { $0.writeAck(id: $1) }
    }

    /// Ends a subscription, if there is such a one: what happens from now on is not told any more.
    func endSubscription(_ filter: TopicFilter, _ session: CoreSession) {
        guard let wantsAll = session.filters.removeValue(forKey: filter) else { return }
        let batch = self.batch(session.pendingBatch)
        self.putInOrder(batch)
        self.dropInterest(filter, wantsAll: wantsAll, hub: session.id.hub)
        self.noteUnwanted(filter)
        batch.hubs[Int(session.id.hub)].subscribe(
            SubscriptionChange(session: session.id, filter: filter, options: nil),
            flags: []
        )
    }

    // MARK: Retained messages of wildcard subscriptions

    /// How many topics one step looks at and how many bytes it makes, so that a subscription to a million topics
    /// holds up nobody else.
    private static var pageTopics: Int { 4096 }
    private static var pageBytes: Int { 64 * 1024 }

    /// Notes that a session has taken its last page.
    package func sessionDrained(_ id: SessionID) {
        guard self.existingSession(id)?.snapshot != nil else { return }
        self.readySnapshots.append(id)
    }

    /// Whether the next tick has something to go on with that waits for nobody.
    package var hasWork: Bool { !self.readySnapshots.isEmpty || self.searches.contains { self.canAdvance($0) } }

    /// How many pages one tick makes, so that many who ask for everything do not keep the loop from its sockets.
    private static var tickPages: Int { 4 }

    /// Makes the next page of the subscriptions that can take one and have waited longest.
    func makeSnapshotPages() {
        let ready = self.readySnapshots.prefix(Self.tickPages)
        self.readySnapshots.removeFirst(ready.count)
        for id in ready {
            guard let session = self.existingSession(id), let snapshot = session.snapshot else { continue }
            self.makePage(snapshot, session)
        }
    }

    private func makePage(_ snapshot: Snapshot, _ session: CoreSession) {
        var snapshot = snapshot
        var page = ByteBuffer()
        var paged: [TopicState] = []
        var looked = 0
        while snapshot.cursor < self.topics.count, looked < Self.pageTopics, page.readableBytes < Self.pageBytes {
            let topic = self.topics[snapshot.cursor]
            snapshot.cursor += 1
            looked += 1
            guard let topic, topic.name.withUnsafeBytes({ snapshot.filter.matches(topic: $0) }),
                self.load(topic) == nil
            else { continue }
            // That there is nothing has to be true too.
            session.pendingBatch = max(session.pendingBatch, topic.lastBatch)
            guard topic.hasValue else { continue }
            paged.append(topic)
            topic.withValue { value in
                page.writeMessage(
                    topic: topic.name,
                    offset: topic.offset,
                    timestamp: topic.timestamp,
                    value: value,
                    isRetained: true
                )
            }
        }
        // What happens to these topics from now on has to be told after the page, even if the page waits.
        for topic in paged { topic.lastBatch = session.pendingBatch }
        let isDone = snapshot.cursor >= self.topics.count
        let batch = self.batch(session.pendingBatch)
        let hub = Int(session.id.hub)
        // A page is never older than what the session got before it, and never newer than what comes after it.
        self.putInOrder(batch)
        if page.readableBytes > 0 || !isDone {
            var entry = HubEntry(.push, session: session.id)
            entry.flags = isDone ? [] : [.reportsDrain]
            if batch.number > self.committed { entry.flags.insert(.needsCommit) }
            batch.hubs[hub].reply(entry) { $0.writeImmutableBuffer(page) }
        }
        session.snapshot = isDone ? nil : snapshot
        guard isDone else { return }
        var entry = HubEntry(.reply, session: session.id)
        entry.idBytes = UInt16(truncatingIfNeeded: snapshot.requestID.count)
        entry.requestBytes = snapshot.requestBytes
        entry.flags = [.resumes]
        batch.hubs[hub].reply(entry) { buffer in
            snapshot.requestID.withUnsafeBytes { id in
                let topic = snapshot.filter.bytes
                buffer.writeFilterAck(id: id, topic: topic)
            }
        }
    }
}
