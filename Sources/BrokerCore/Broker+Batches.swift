import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// In which batch something is told, and how batches end.
extension Broker {
    /// The batch that what waits for `number` belongs to.
    func batch(_ number: UInt64) -> EffectBatch {
        if number <= self.committed { return self.immediate }
        if let committing = self.committing, committing.number >= number { return committing }
        return self.gathering
    }

    /// Adds an answer that waits for `needs`, and for whatever the session's earlier answers wait for.
    ///
    /// - `needsCommit`: Whether the answer is untrue if that batch fails.
    func reply(
        to session: CoreSession,
        idBytes: Int,
        requestBytes: UInt32,
        needs: UInt64 = 0,
        needsCommit: Bool = false,
        flags: HubEntry.Flags = [],
        _ write: (inout ByteBuffer) -> Void
    ) {
        session.pendingBatch = max(session.pendingBatch, needs)
        var entry = HubEntry(.reply, session: session.id)
        entry.idBytes = UInt16(truncatingIfNeeded: idBytes)
        entry.requestBytes = requestBytes
        entry.flags = flags
        if needsCommit { entry.flags.insert(.needsCommit) }
        self.batch(session.pendingBatch).hubs[Int(session.id.hub)].reply(entry, write)
    }

    /// Answers a request that no topic has to do with.
    func answer(
        _ request: Request,
        in message: UnsafeRawBufferPointer,
        to session: CoreSession,
        _ write: (inout ByteBuffer, UnsafeRawBufferPointer) -> Void
    ) {
        let id = request.id.bytes(in: message)
        self.reply(to: session, idBytes: id.count, requestBytes: request.messageBytes) { write(&$0, id) }
    }

    func refuse(
        _ refusal: Refusal,
        id: UnsafeRawBufferPointer,
        topic: UnsafeRawBufferPointer? = nil,
        requestBytes: UInt32,
        needs: UInt64 = 0,
        flags: HubEntry.Flags = [],
        _ session: CoreSession
    ) {
        self.counts.refused(refusal.code)
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: requestBytes,
            needs: needs,
            needsCommit: needs > self.committed,
            flags: flags
        ) { buffer in
            buffer.writeError(refusal, id: id, topic: topic.map(Array.init) ?? [])
        }
    }

    /// Everything that `batch` tells so far comes before everything that it tells from now on.
    func putInOrder(_ batch: EffectBatch) {
        self.tellAnnounced(batch)
        for hub in batch.hubs.indices { batch.hubs[hub].putInOrder() }
    }

    /// Writes the newest value of every topic that promised one: once, however often it changed.
    func tellAnnounced(_ batch: EffectBatch) {
        for topic in batch.announced where topic.isAnnounced && topic.announcedBatch == batch.number {
            topic.isAnnounced = false
            self.deliver(topic, in: batch, value: nil, needsCommit: self.waits(topic))
            topic.publisher = .none
        }
        batch.announced.removeAll(keepingCapacity: true)
    }

    /// Tells what `topic` announced in an earlier batch, before a change that can only be told with `needs`.
    func tellEarlierChange(of topic: TopicState, before needs: UInt64) {
        guard topic.isAnnounced else { return }
        let batch = self.batch(topic.announcedBatch)
        guard batch !== self.batch(needs) else { return }
        topic.isAnnounced = false
        self.deliver(topic, in: batch, value: nil, needsCommit: self.waits(topic))
    }

    /// Whether what `topic` has to say is untrue if a commit fails.
    func waits(_ topic: TopicState) -> Bool { topic.isStored(retaining: false) || topic.tiedBatch > self.committed }

    /// Sees to it that what is about to change in `topic` can be taken back, though the topic is not stored: the
    /// number of the publish is.
    func tie(_ topic: TopicState) {
        guard topic.tiedBatch != self.gathering.number else { return }
        topic.tie(to: self.gathering.number, isTied: topic.tiedBatch > self.committed)
        self.gathering.tied.append(topic)
    }

    /// Hands over what can be told now, in order; `take` is called once for each hub's part.
    package func takeEffects(_ take: (Int, HubBatch) -> Void) {
        self.makeSnapshotPages()
        self.advanceSearches()
        for batch in self.ready { self.emit(batch, take) }
        self.ready.removeAll(keepingCapacity: true)
        self.emit(self.immediate, take)
    }

    /// Takes back a batch's memory after it was told, for the next one.
    package func recycle(_ batch: HubBatch, hub: Int) {
        guard self.immediate.hubs[hub].isEmpty else { return }
        self.immediate.hubs[hub] = batch
        self.immediate.hubs[hub].clear()
    }

    private func emit(_ batch: EffectBatch, _ take: (Int, HubBatch) -> Void) {
        self.tellAnnounced(batch)
        for hub in batch.hubs.indices where !batch.hubs[hub].isEmpty {
            let part = batch.hubs[hub]
            batch.hubs[hub] = HubBatch()
            take(hub, part)
        }
    }

    /// Why nothing can be stored now, if that is so.
    var storageRefusal: Refusal? {
        if let failure = self.storageFailure { return Refusal(.storageUnknown, "the store has stopped: \(failure)") }
        return self.storageShortage.map { Refusal(.storageFull, $0) }
    }

    /// Whether something waits to be stored or is being stored.
    package var isStoring: Bool { self.committing != nil || self.gathering.isStored }

    /// What to store next, if anything is to be stored and nothing is being stored: while one batch is written, the
    /// next one gathers.
    package func takeStoreBatch() -> StoreBatch? {
        guard self.committing == nil, self.gathering.isStored else { return nil }
        let batch = self.gathering
        self.tellAnnounced(batch)
        self.gathering = EffectBatch(number: batch.number + 1, hubCount: self.hubCount)
        self.committing = batch
        self.committingRows = batch.stored.map { self.row(of: $0) }
        self.committingProducers = batch.producers.map(\.row)
        var stored = StoreBatch(number: batch.number, rows: self.committingRows.compactMap(\.self))
        stored.producers = self.committingProducers
        stored.onces = batch.onces.map(\.row)
        stored.forgottenProducers = batch.forgottenProducers
        stored.forgottenOnces = batch.forgottenOnces
        stored.forgottenTopics = batch.forgottenTopics
        stored.deletions = batch.forgottenTopics.isEmpty ? nil : self.deletions
        return stored
    }

    private func row(of topic: TopicState) -> TopicRow? {
        guard let id = topic.rowID else { return nil }
        do throws(AggregatorError) {
            return try topic.row(id: id)
        } catch {
            // Only a third party's own encoder can fail here; what it can not write it can not promise.
            self.logger.error("a state can not be encoded", metadata: ["topic": "\(topic)", "error": "\(error)"])
            return nil
        }
    }

    /// Takes note of how the commit of the batch taken last ended. What it held back can be told after this.
    package func finishCommit(_ outcome: CommitOutcome) {
        guard let batch = self.committing else { return }
        self.committing = nil
        switch outcome {
        case .committed:
            self.committed = batch.number
            for topic in batch.deleted { topic.deletionCommitted() }
            for (topic, row) in zip(batch.stored, self.committingRows) {
                if let row { topic.committed(row) }
            }
            for (producer, row) in zip(batch.producers, self.committingProducers) { producer.committed(row) }
            for topic in batch.tied { topic.untie(from: batch.number) }
            self.makeReady(batch)
            for topic in batch.deleted { self.forgetIfUnused(topic) }
        case .full(let reason):
            self.fail(batch, Refusal(.storageFull, "nothing was stored: \(reason)"))
        case .unknown(let reason):
            self.storageFailure = reason
            self.fail(batch, Refusal(.storageUnknown, "whether this was stored is unknown: \(reason)"))
        }
        self.committingRows = []
        self.committingProducers = []
    }

    /// Queues a batch behind everything that could be told before it.
    private func makeReady(_ batch: EffectBatch) {
        if !self.immediate.isEmpty {
            self.tellAnnounced(self.immediate)
            self.ready.append(self.immediate)
            self.immediate = EffectBatch(number: 0, hubCount: self.hubCount)
        }
        self.tellAnnounced(batch)
        self.ready.append(batch)
    }

    /// Drops a batch, and the one that gathered behind it and built on it.
    private func fail(_ batch: EffectBatch, _ refusal: Refusal) {
        self.failureCount += 1
        let later = self.gathering
        self.gathering = EffectBatch(number: later.number + 1, hubCount: self.hubCount)
        self.committed = later.number
        let tied = batch.tied + later.tied
        for topic in batch.stored + later.stored { self.rollBack(topic) }
        for topic in tied { topic.rollBackTie() }
        for entry in batch.onces + later.onces { self.onces.remove(entry) }
        self.rollBackProducers(of: [batch, later])
        self.rollBackSubscriptions(of: [later, batch])
        var awaited: Set<SessionID> = []
        for failed in [batch, later] {
            // Memory topics go on: what they announce is still true.
            failed.announced.removeAll { topic in topic.isStored(retaining: false) || tied.contains { $0 === topic } }
            for topic in batch.stored + later.stored + tied { topic.isAnnounced = false }
            failed.hubs = failed.hubs.map { $0.refused(with: refusal, awaited: &awaited) }
            self.makeReady(failed)
        }
        // What could not be deleted is deleted another time.
        self.gathering.forgottenOnces = batch.forgottenOnces + later.forgottenOnces
        self.gathering.forgottenProducers = batch.forgottenProducers + later.forgottenProducers
    }

    /// Takes back what producers have settled. What they sent behind it is dropped until that comes again.
    private func rollBackProducers(of batches: [EffectBatch]) {
        for producer in batches.flatMap(\.producers) {
            let session = producer.session.flatMap { self.existingSession($0) }
            if producer.rollBack() {
                session?.awaitedSeq = producer.window.settled + 1
            } else {
                // It was never stored: whoever speaks for it is told so, and closed.
                self.producers.remove(producer)
                session?.producer = nil
                session?.isEnded = true
            }
        }
    }

    private func rollBack(_ topic: TopicState) {
        topic.rollBack(storeEpoch: self.storeEpoch)
        guard topic.timed != nil || !topic.alerts.isEmpty else { return }
        do throws(AggregatorError) {
            try topic.load()
            try topic.restoreAlerts(at: self.now.monotonic)
            try self.watchSilence(of: topic)
        } catch {
            // It was written by this broker, and read by it.
            self.logger.error("a state can not be read back", metadata: ["topic": "\(topic)", "error": "\(error)"])
        }
        topic.retryTime = self.now.monotonic + BrokerTime.nanosecondsPerSecond
        topic.deadline = nil
        self.setTimer(of: topic)
    }

    /// Takes back the interest of subscriptions that never came to be.
    ///
    /// - `batches`: The latest first.
    private func rollBackSubscriptions(of batches: [EffectBatch]) {
        for hub in 0..<self.hubCount {
            // Subscriptions about which something later was said that still holds.
            var settled: Set<SubscriptionKey> = []
            for part in batches.map({ $0.hubs[hub] }) {
                for entry in (part.ordered + part.replies).reversed() where entry.kind == .subscription {
                    let change = part.subscriptions[Int(entry.topic)]
                    let key = SubscriptionKey(session: change.session, filter: change.filter)
                    if entry.flags.contains(.needsCommit) {
                        if !settled.contains(key) { self.rollBack(change) }
                    } else {
                        settled.insert(key)
                    }
                }
            }
        }
    }

    private struct SubscriptionKey: Hashable {
        var session: SessionID
        var filter: TopicFilter
    }

    private func rollBack(_ change: SubscriptionChange) {
        guard let session = self.existingSession(change.session), let wantsAll = session.filters[change.filter] else {
            return
        }
        session.filters[change.filter] = change.replacesAll
        if let before = change.replacesAll {
            self.addInterest(change.filter, wantsAll: before, hub: session.id.hub)
        }
        self.dropInterest(change.filter, wantsAll: wantsAll, hub: session.id.hub)
    }
}
