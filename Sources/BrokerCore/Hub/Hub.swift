import BrokerWire
import NIOCore

/// The sessions of one event loop: who subscribes to what, and what is due to whom.
///
/// The core says what has changed; the hub knows who wants it. A message for all subscribers is kept once and sent
/// from there; a total is never queued: the hub notes that it changed and takes the newest one when the connection is
/// written, so that ten thousand counts cost a slow reader one frame.
///
/// It is confined to its event loop and is not `Sendable`. It opens no socket and reads no clock.
package final class Hub {
    package let index: UInt16
    let limits: BrokerLimits

    private var sessions: [HubSession?] = []
    private var generations: [UInt16] = []
    private var freeSlots: [UInt32] = []
    package private(set) var sessionCount = 0
    /// What has been counted; ``figures`` adds how things are now.
    package var counts = HubFigures()

    var filters = FilterTree()
    /// Who subscribes by each filter.
    var subscribers: [Subscribers] = []
    var topics: [UInt32: HubTopic] = [:]
    /// Topics whose newest frame lies in a batch of this tick.
    var toldTopics: [HubTopic] = []
    var deliveryCount: UInt64 = 0
    var timers = TimerHeap<RatedTopic>()
    var pace: ConflationPace
    /// Topics that are told at the end of the pause.
    var postponedTopics: [UInt32] = []
    /// To how many the newest totals have gone in this tick.
    private var totalDeliveries = 0
    var now: UInt64 = 0

    /// The batches of this tick; segments point into them.
    var batches: [HubBatch] = []
    /// Sessions that have something to be written.
    private var listed: [HubSession] = []
    /// Where the bytes for one connection are put together.
    private var scratch = ByteBuffer()
    /// Sessions whose last page is on its way, for the core.
    private var drained: [SessionID] = []

    struct Subscriber {
        var slot: UInt32
        var options: SubscriptionOptions
    }

    /// The subscriptions by one filter.
    struct Subscribers {
        private(set) var all: [Subscriber] = []
        /// How many of them have to hear of each change of a total.
        private(set) var eagerCount = 0

        mutating func append(_ subscriber: Subscriber) {
            self.all.append(subscriber)
            if !subscriber.options.canWait { self.eagerCount += 1 }
        }

        mutating func remove(slot: UInt32) {
            guard let index = self.all.firstIndex(where: { $0.slot == slot }) else { return }
            if !self.all[index].options.canWait { self.eagerCount -= 1 }
            // The order of subscribers means nothing, so the last one can take the place.
            self.all.swapAt(index, self.all.count - 1)
            self.all.removeLast()
        }
    }

    package init(index: UInt16, limits: BrokerLimits) {
        self.index = index
        self.limits = limits
        self.pace = ConflationPace(pauseMax: limits.totalsPauseMax)
    }

    // MARK: Sessions

    /// Takes in a new client.
    package func open(_ connection: any SessionConnection) -> HubSession {
        let slot = self.freeSlots.popLast() ?? UInt32(self.sessions.count)
        if Int(slot) == self.sessions.count {
            self.sessions.append(nil)
            self.generations.append(0)
        }
        let id = SessionID(hub: self.index, generation: self.generations[Int(slot)], slot: slot)
        let session = HubSession(id: id, connection: connection)
        self.sessions[Int(slot)] = session
        self.sessionCount += 1
        self.counts.opened += 1
        return session
    }

    /// Lets go of a client. The core has to be told too.
    package func close(_ session: HubSession) {
        guard self.session(session.id) === session else { return }
        for filter in session.filters.keys { self.removeSubscriber(session.id.slot, filter) }
        session.filters = [:]
        session.connection = nil
        session.isClosing = true
        let slot = Int(session.id.slot)
        self.sessions[slot] = nil
        self.generations[slot] &+= 1
        self.freeSlots.append(session.id.slot)
        self.sessionCount -= 1
    }

    func session(_ id: SessionID) -> HubSession? {
        guard Int(id.slot) < self.sessions.count, let session = self.sessions[Int(id.slot)], session.id == id else {
            return nil
        }
        return session
    }

    func session(slot: UInt32) -> HubSession? { self.sessions[Int(slot)] }

    /// Runs `body` for every session.
    package func forEachSession(_ body: (HubSession) -> Void) {
        for case let session? in self.sessions { body(session) }
    }

    /// Notes that something is to be written to `session` at the end of the tick.
    func list(_ session: HubSession) {
        guard !session.isListed else { return }
        session.isListed = true
        self.listed.append(session)
    }

    // MARK: Batches

    /// Takes in what the core says. Nothing is written before ``flush(at:)``.
    package func apply(_ batch: HubBatch, at now: UInt64) {
        self.now = now
        for (key, name) in batch.names { self.topics[key] = HubTopic(name: name) }
        for key in batch.forgotten { self.topics[key] = nil }
        let number = Int32(self.batches.count)
        self.batches.append(batch)
        for entry in batch.ordered { self.apply(entry, batch, number) }
        for entry in batch.replies { self.apply(entry, batch, number) }
        for entry in batch.deliveries { self.apply(entry, batch, number) }
    }

    private func apply(_ entry: HubEntry, _ batch: HubBatch, _ number: Int32) {
        switch entry.kind {
        case .reply, .push:
            guard let session = self.session(entry.session) else { return }
            if entry.kind == .push {
                self.tellPostponed()
                self.sendOwed(of: nil, to: session)
            }
            self.append(entry, batch: number, to: session)
            if entry.flags.contains(.reportsDrain) { session.reportsDrain = true }
            if entry.flags.contains(.resumes) { session.isHeld = false }
            if entry.requestBytes > 0 { session.answered(bytes: Int(entry.requestBytes)) }
        case .deliver:
            self.deliver(entry, batch: number)
        case .subscription:
            self.change(batch.subscriptions[Int(entry.topic)])
        case .close:
            guard let session = self.session(entry.session) else { return }
            self.flush(session)
            let code = CloseCode(rawValue: UInt16(truncatingIfNeeded: entry.topic))
            session.connection?.close(code, reason: ErrorCode(rawValue: code.rawValue).map { "\($0.name)" } ?? "")
        case .silent:
            break
        }
    }

    /// Adds bytes of a batch to what a session gets, joined to what it has if they follow it.
    func append(_ entry: HubEntry, batch: Int32, to session: HubSession) {
        let isAck = entry.flags.contains(.isAck)
        self.list(session)
        if let last = session.segments.indices.last {
            let segment = session.segments[last]
            if segment.end == entry.start, segment.isAck == isAck, segment.batch == batch {
                session.segments[last].end += entry.count
                return
            }
        }
        session.segments.append(
            OutputSegment(batch: batch, isAck: isAck, start: entry.start, end: entry.start + entry.count)
        )
    }

    // MARK: Writing

    /// Writes every session that has something, once.
    ///
    /// - `recycle`: Is given the batches, whose bytes nobody needs any more.
    package func flush(at now: UInt64, recycle: (HubBatch) -> Void = { _ in }) {
        self.now = now
        var index = 0
        // A session may be listed while others are written.
        while index < self.listed.count {
            let session = self.listed[index]
            index += 1
            session.isListed = false
            self.flush(session)
        }
        self.listed.removeAll(keepingCapacity: true)
        self.pace.noteRound(of: self.totalDeliveries, at: now)
        self.totalDeliveries = 0
        for topic in self.toldTopics {
            if topic.isPostponed { self.withNewest(of: topic) { topic.keep($0) } }
            topic.isCurrent = false
        }
        self.toldTopics.removeAll(keepingCapacity: true)
        let done = self.batches
        self.batches.removeAll(keepingCapacity: true)
        for batch in done { recycle(batch) }
    }

    private func flush(_ session: HubSession) {
        guard let connection = session.connection else {
            session.segments = []
            return
        }
        if connection.isWritable {
            if !session.due.isEmpty { self.totalDeliveries += 1 }
            self.write(session, connection)
        } else {
            self.keep(session, connection)
        }
        if session.reportsDrain, connection.isWritable {
            session.reportsDrain = false
            self.drained.append(session.id)
        }
        connection.answered()
    }

    private func write(_ session: HubSession, _ connection: any SessionConnection) {
        // Nearly always one run of bytes is all there is, and it is sent from where it lies.
        if session.backlog.readableBytes == 0, session.due.isEmpty, session.segments.count == 1 {
            let segment = session.segments[0]
            session.segments.removeAll(keepingCapacity: true)
            self.counts.sentBytes += UInt64(segment.end - segment.start)
            return self.withBytes(of: segment) { connection.write($0) }
        }
        if session.backlog.readableBytes == 0, session.segments.isEmpty, session.due.topics.count == 1 {
            let topic = self.topics[session.due.topics[0]]
            session.dueIsSent()
            guard let topic else { return }
            self.counts.deliveries += 1
            return self.withNewest(of: topic) { bytes in
                self.counts.sentBytes += UInt64(bytes.count)
                connection.write(bytes)
            }
        }
        self.scratch.clear()
        self.scratch.writeBuffer(&session.backlog)
        if session.backlog.capacity > 0 { session.backlog = ByteBuffer() }
        for segment in session.segments { self.withBytes(of: segment) { _ = self.scratch.writeBytes($0) } }
        session.segments.removeAll(keepingCapacity: true)
        for key in session.due.topics {
            guard let topic = self.topics[key] else { continue }
            self.withNewest(of: topic) { _ = self.scratch.writeBytes($0) }
            self.counts.deliveries += 1
        }
        session.dueIsSent()
        guard self.scratch.readableBytes > 0 else { return }
        self.counts.sentBytes += UInt64(self.scratch.readableBytes)
        self.scratch.withUnsafeReadableBytes { connection.write($0) }
    }

    /// Keeps for later what the socket does not take now: messages in order up to a limit, totals as a note each.
    private func keep(_ session: HubSession, _ connection: any SessionConnection) {
        for key in session.due.topics {
            guard let topic = self.topics[key], topic.isCurrent else { continue }
            self.withNewest(of: topic) { topic.keep($0) }
        }
        let added = session.segments.reduce(0) { $0 + Int($1.end - $1.start) }
        guard session.pendingBytes + added <= self.limits.outboxBytes else {
            session.segments = []
            session.backlog = ByteBuffer()
            session.due.removeAll()
            guard !session.isClosing else { return }
            session.isClosing = true
            self.counts.slowConsumers += 1
            let reason = "more than \(self.limits.outboxBytes) bytes were waiting (limits.outboxBytes)"
            return connection.close(CloseCode(.slowConsumer), reason: reason)
        }
        for segment in session.segments { self.withBytes(of: segment) { _ = session.backlog.writeBytes($0) } }
        session.segments.removeAll(keepingCapacity: true)
    }

    private func withBytes(of segment: OutputSegment, _ body: (UnsafeRawBufferPointer) -> Void) {
        let batch = Int(segment.batch)
        let range = Int(segment.start)..<Int(segment.end)
        if segment.isAck {
            self.batches[batch].acks.withVeryUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        } else {
            self.batches[batch].frames.withVeryUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }

    func withNewest(of topic: HubTopic, _ body: (UnsafeRawBufferPointer) -> Void) {
        if topic.isCurrent {
            self.withBytes(of: topic.newest, body)
        } else {
            topic.kept.withUnsafeBytes(body)
        }
    }

    /// The socket took all that it was given: send what has come since.
    package func connectionBecameWritable(_ session: HubSession, at now: UInt64) {
        self.now = now
        guard session.backlog.readableBytes > 0 || !session.due.isEmpty || session.reportsDrain else { return }
        self.list(session)
    }

    /// Sessions that can take more of their retained messages.
    package func takeDrained() -> [SessionID] {
        defer { self.drained.removeAll(keepingCapacity: true) }
        return self.drained
    }

    package var hasDrained: Bool { !self.drained.isEmpty }
}

@available(*, unavailable)
extension Hub: Sendable {}
