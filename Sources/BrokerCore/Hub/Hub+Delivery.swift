import BrokerWire
import NIOCore

/// Who gets a message.
extension Hub {
    // MARK: Subscriptions

    func change(_ change: SubscriptionChange) {
        guard let session = self.session(change.session) else { return }
        // It comes or goes with what the others know, too.
        self.tellPostponed()
        self.sendOwed(of: change.filter, to: session)
        if session.filters[change.filter] != nil { self.removeSubscriber(session.id.slot, change.filter) }
        session.filters[change.filter] = change.options
        guard let options = change.options else { return }
        let number = self.filters.insert(change.filter)
        while self.subscribers.count <= number { self.subscribers.append(Subscribers()) }
        self.subscribers[number].append(Subscriber(slot: session.id.slot, options: options))
    }

    /// Puts what is due of some topics ahead of what follows: behind a snapshot, or an unsubscription, it would be old.
    ///
    /// - `filter`: Which topics; `nil` for all.
    func sendOwed(of filter: TopicFilter?, to session: HubSession) {
        guard !session.due.isEmpty || !session.waiting.isEmpty else { return }
        let isOwed = { (key: UInt32) in
            guard let filter, let topic = self.topics[key] else { return true }
            return topic.name.withUnsafeBytes { filter.matches(topic: $0) }
        }
        for key in session.waiting.filter(isOwed).sorted() {
            session.waiting.remove(key)
            session.due.insert(key)
        }
        for key in session.due.topics where isOwed(key) {
            guard let topic = self.topics[key] else { continue }
            if topic.isCurrent {
                session.segments.append(topic.newest)
            } else {
                session.backlog.writeBytes(topic.kept)
            }
        }
        session.due.removeAll(where: isOwed)
        self.list(session)
    }

    func removeSubscriber(_ slot: UInt32, _ filter: TopicFilter) {
        guard let number = self.filters.number(of: filter) else { return }
        self.subscribers[number].remove(slot: slot)
        if self.subscribers[number].all.isEmpty { self.filters.remove(filter) }
    }

    // MARK: Delivery

    func deliver(_ entry: HubEntry, batch: Int32) {
        guard let topic = self.topics[entry.topic] else { return }
        topic.tell(
            OutputSegment(
                batch: batch,
                isAck: entry.flags.contains(.isAck),
                start: entry.start,
                end: entry.start + entry.count
            )
        )
        if !topic.isCurrent {
            topic.isCurrent = true
            self.toldTopics.append(topic)
        }
        let canWait = entry.flags.contains(.isAggregate) && !entry.flags.contains(.isFinal)
        guard canWait, self.pace.isPausing(at: self.now) else {
            topic.isPostponed = false
            return self.deliver(entry, topic, batch: batch, to: .everybody)
        }
        self.postpone(entry, topic)
        self.findMatches(of: topic)
        guard topic.matches.contains(where: { self.subscribers[$0].eagerCount > 0 }) else { return }
        self.deliver(entry, topic, batch: batch, to: .eager)
    }

    /// Which of a topic's subscribers a message is for.
    enum Audience {
        case everybody
        /// Those who asked for every message, or have a rate of their own.
        case eager
        /// The others: to them only the newest value matters, whenever it comes.
        case patient

        func includes(_ options: SubscriptionOptions, isAggregate: Bool) -> Bool {
            switch self {
            case .everybody: true
            case .eager: !(isAggregate && options.canWait)
            case .patient: isAggregate && options.canWait
            }
        }
    }

    private func findMatches(of topic: HubTopic) {
        guard topic.matchGeneration != self.filters.generation else { return }
        topic.matches.removeAll(keepingCapacity: true)
        self.filters.match(topic.name, into: &topic.matches)
        topic.matchGeneration = self.filters.generation
    }

    private func deliver(_ entry: HubEntry, _ topic: HubTopic, batch: Int32, to audience: Audience) {
        self.findMatches(of: topic)
        self.deliveryCount += 1
        guard topic.matches.count == 1 else { return self.deliverMerged(entry, topic, batch: batch, to: audience) }
        let isAggregate = entry.flags.contains(.isAggregate)
        for subscriber in self.subscribers[topic.matches[0]].all
        where audience.includes(subscriber.options, isAggregate: isAggregate) {
            guard let session = self.session(slot: subscriber.slot) else { continue }
            self.deliver(entry, batch: batch, to: session, subscriber.options)
        }
    }

    /// Delivers once to sessions that several filters of theirs would give it to.
    private func deliverMerged(_ entry: HubEntry, _ topic: HubTopic, batch: Int32, to audience: Audience) {
        var found: [HubSession] = []
        for filter in topic.matches {
            for subscriber in self.subscribers[filter].all {
                guard let session = self.session(slot: subscriber.slot) else { continue }
                let isAggregate = entry.flags.contains(.isAggregate)
                if session.mergeMark == self.deliveryCount {
                    session.merged.merge(subscriber.options, isAggregate: isAggregate)
                } else {
                    session.mergeMark = self.deliveryCount
                    session.merged = subscriber.options
                    found.append(session)
                }
            }
        }
        let isAggregate = entry.flags.contains(.isAggregate)
        for session in found where audience.includes(session.merged, isAggregate: isAggregate) {
            self.deliver(entry, batch: batch, to: session, session.merged)
        }
    }

    // MARK: Pauses

    private func postpone(_ entry: HubEntry, _ topic: HubTopic) {
        guard topic.isPostponed else {
            topic.isPostponed = true
            topic.postponedPublisher = entry.session
            return self.postponedTopics.append(entry.topic)
        }
        if topic.postponedPublisher != entry.session { topic.postponedPublisher = .none }
    }

    /// Makes due what was postponed.
    func tellPostponed() {
        guard !self.postponedTopics.isEmpty else { return }
        for key in self.postponedTopics {
            guard let topic = self.topics[key], topic.isPostponed else { continue }
            topic.isPostponed = false
            var entry = HubEntry(.deliver, session: topic.postponedPublisher)
            entry.topic = key
            entry.flags = .isAggregate
            self.deliver(entry, topic, batch: 0, to: .patient)
        }
        self.postponedTopics.removeAll(keepingCapacity: true)
    }

    private func deliver(_ entry: HubEntry, batch: Int32, to session: HubSession, _ options: SubscriptionOptions) {
        if !options.echo, entry.session == session.id { return }
        guard options.effectiveMode(isAggregate: entry.flags.contains(.isAggregate)) == .latest else {
            // Every message includes the newest one.
            session.forgetOwed(entry.topic)
            self.counts.deliveries += 1
            return self.append(entry, batch: batch, to: session)
        }
        if options.interval > 0 {
            let next = session.nextSend[entry.topic] ?? 0
            guard next <= self.now else {
                if session.waiting.insert(entry.topic).inserted {
                    self.timers.insert(RatedTopic(session: session.id, topic: entry.topic), due: next)
                } else {
                    self.counts.conflated += 1
                }
                return self.keepNewest(entry.topic)
            }
            session.nextSend[entry.topic] = self.now + options.interval
        }
        // A window that has closed is told by itself as long as the client keeps up: the next value is not its.
        if entry.flags.contains(.isFinal), options.interval == 0, session.backlog.readableBytes == 0,
            session.connection?.isWritable == true
        {
            session.forgetOwed(entry.topic)
            self.counts.deliveries += 1
            return self.append(entry, batch: batch, to: session)
        }
        session.waiting.remove(entry.topic)
        if !session.due.insert(entry.topic) { self.counts.conflated += 1 }
        self.list(session)
    }

    /// Copies the newest frame of a topic that somebody will be sent later.
    private func keepNewest(_ key: UInt32) {
        guard let topic = self.topics[key], topic.isCurrent else { return }
        self.withNewest(of: topic) { topic.keep($0) }
    }

    // MARK: Rates

    /// When ``wake(at:)`` has to be called next.
    package var nextWake: UInt64? {
        guard !self.postponedTopics.isEmpty else { return self.timers.next }
        return min(self.timers.next ?? .max, self.pace.end)
    }

    /// Makes due what has waited long enough; ``flush(at:recycle:)`` sends it.
    package func wake(at now: UInt64) {
        self.now = now
        if !self.pace.isPausing(at: now) { self.tellPostponed() }
        while let timer = self.timers.popDue(at: now)?.subject {
            guard let session = self.session(timer.session), session.waiting.contains(timer.topic) else { continue }
            // The newest may have been sent by another way in between, and what waits now came after that.
            if let next = session.nextSend[timer.topic], next > now {
                self.timers.insert(timer, due: next)
                continue
            }
            session.waiting.remove(timer.topic)
            guard let interval = self.interval(of: timer.topic, for: session) else { continue }
            session.nextSend[timer.topic] = now + interval
            session.due.insert(timer.topic)
            self.list(session)
        }
    }

    /// The shortest interval that the session's subscriptions to a topic ask for, or `nil` if it has none any more.
    private func interval(of key: UInt32, for session: HubSession) -> UInt64? {
        guard let topic = self.topics[key] else { return nil }
        let matching = session.filters.filter { filter, _ in
            topic.name.withUnsafeBytes { filter.matches(topic: $0) }
        }
        return matching.values.map(\.interval).min()
    }
}

/// A topic whose next message a session gets at a later time.
struct RatedTopic {
    var session: SessionID
    var topic: UInt32
}

extension SubscriptionOptions {
    /// Whether the newest value of a total is all that it wants, whenever that comes.
    var canWait: Bool { self.mode != .all && self.interval == 0 }

    func effectiveMode(isAggregate: Bool) -> Request.Mode { self.mode ?? (isAggregate ? .latest : .all) }

    /// What two subscriptions of one connection ask for together: every message if one of them wants that, the
    /// higher rate, and one's own publishes unless both leave them out.
    mutating func merge(_ other: Self, isAggregate: Bool) {
        let wantsAll =
            self.effectiveMode(isAggregate: isAggregate) == .all
            || other.effectiveMode(isAggregate: isAggregate) == .all
        self.mode = wantsAll ? .all : .latest
        self.interval = min(self.interval, other.interval)
        self.echo = self.echo || other.echo
    }
}
