import BrokerAggregation
import BrokerWire
import Logging
import NIOCore

/// Commands about many topics: carried out in steps, between which everybody else has a turn.
extension Broker {
    /// How many topics one step looks at, and how many it deletes: a step takes about a millisecond.
    private static var stepTopics: Int { 4096 }
    private static var stepDeletions: Int { 500 }
    /// How many searches go on in one tick; the others have their turn in the next ones.
    private static var stepSearches: Int { 4 }
    /// So many deletions in one batch, and the next ones wait for the next batch: a commit holds up every publish.
    private static var batchDeletions: Int { 5000 }
    /// The most bytes of one list, which is put together in memory. It has one topic at least.
    private static var listBytesMax: Int { 1 << 20 }

    /// Takes a command, which is answered when it is carried out, with the token `id`.
    package func receive(_ command: TopicCommand, id: [UInt8], from sessionID: SessionID, at now: BrokerTime) {
        if now != self.now {
            self.now = now
            self.checkClock()
        }
        if let deadline = self.timers.next, deadline <= now.monotonic { self.timePassed(at: now) }
        let session = self.session(sessionID)
        session.hasSpoken = true
        if let refusal = self.refusal(of: command, session) { return self.refuse(refusal, id: id, session) }
        var search = TopicSearch(command, session, requestID: id, failures: self.failureCount)
        guard !command.filter.hasWildcards else { return self.searches.append(search) }
        let topic = command.filter.bytes.withUnsafeBytes { self.existingTopic($0) }
        if let topic, let refusal = self.look(at: topic, &search, session) {
            return self.refuse(refusal, id: id, session)
        }
        self.finish(search, session)
    }

    /// A list is of those topics that the session may read, and so is one of none.
    private func refusal(of command: TopicCommand, _ session: CoreSession) -> Refusal? {
        let name = command.filter.bytes
        switch command {
        case .list where !session.principal.permissions.maySomewhere(.subscribe):
            return name.withUnsafeBytes { Self.forbidden("subscribe to", $0, session) }
        case .delete where !session.may(.admin, filter: command.filter):
            return name.withUnsafeBytes { Self.forbidden("deletion of", $0, session) }
        case .list, .delete:
            return nil
        }
    }

    private func refuse(_ refusal: Refusal, id: [UInt8], _ session: CoreSession) {
        id.withUnsafeBytes { self.refuse(refusal, id: $0, requestBytes: 0, session) }
    }

    // MARK: Steps

    /// Whether a search can go on without waiting for a commit.
    func canAdvance(_ search: TopicSearch) -> Bool {
        guard case .delete = search.command else { return true }
        return self.gathering.deleted.count < Self.batchDeletions
    }

    /// Takes the next step of every search that can.
    func advanceSearches() {
        guard !self.searches.isEmpty else { return }
        var remaining = Array(self.searches.dropFirst(Self.stepSearches))
        for var search in self.searches.prefix(Self.stepSearches) {
            guard let session = self.existingSession(search.session) else {
                self.noteDeletions(search)
                continue
            }
            guard self.canAdvance(search) else {
                remaining.append(search)
                continue
            }
            if let refusal = self.step(&search, session) {
                self.noteDeletions(search)
                self.refuse(refusal, id: search.requestID, session)
            } else if search.cursor < self.topics.count {
                remaining.append(search)
            } else {
                self.finish(search, session)
            }
        }
        self.searches = remaining
    }

    private func step(_ search: inout TopicSearch, _ session: CoreSession) -> Refusal? {
        if self.failureCount != search.failures, case .delete = search.command {
            return Refusal(.storageFull, "a part of it could not be stored and is as before; ask again")
        }
        let filter = search.command.filter
        let deleted = search.deleted
        let end = min(self.topics.count, search.cursor + Self.stepTopics)
        while search.cursor < end, search.deleted - deleted < Self.stepDeletions {
            let topic = self.topics[search.cursor]
            search.cursor += 1
            guard let topic, topic.name.withUnsafeBytes({ filter.matches(topic: $0) }) else { continue }
            if let refusal = self.look(at: topic, &search, session) { return refusal }
        }
        return nil
    }

    /// Does with a topic that matches what the command says.
    private func look(at topic: TopicState, _ search: inout TopicSearch, _ session: CoreSession) -> Refusal? {
        if case .list = search.command, !topic.name.withUnsafeBytes({ session.may(.subscribe, topic: $0) }) {
            return nil
        }
        guard topic.isThere else {
            // That there is nothing has to be true too.
            search.needs = max(search.needs, topic.lastBatch)
            return nil
        }
        switch search.command {
        case .list(_, let limit, let after):
            if after.isEmpty || after.precedes(topic.name) { search.find(topic, limit: limit) }
        case .delete:
            if let refusal = self.delete(topic, session) { return refusal }
            search.deleted += 1
            search.needs = max(search.needs, topic.lastBatch)
        }
        return nil
    }

    // MARK: Answers

    private func finish(_ search: TopicSearch, _ session: CoreSession) {
        let id = search.requestID
        switch search.command {
        case .delete:
            self.noteDeletions(search)
            self.answer(id, needs: search.needs, session) { $0.writeDeletedAck(id: $1, count: search.deleted) }
        case .list(_, let limit, _):
            self.finish(list: search, limit: limit, session)
        }
    }

    private func finish(list search: TopicSearch, limit: Int, _ session: CoreSession) {
        var entries = ByteBuffer()
        var needs = search.needs
        var last: TopicState?
        var hasMore = search.found.count > limit
        for topic in search.found.prefix(limit) {
            guard entries.readableBytes < Self.listBytesMax else {
                hasMore = true
                break
            }
            last = topic
            needs = max(needs, topic.lastBatch)
            // It may have been deleted since it was found.
            guard !topic.isForgotten, topic.isThere, self.load(topic) == nil else { continue }
            topic.withValue { value in
                entries.writeListedTopic(
                    topic: topic.name,
                    aggregate: topic.rule.aggregator?.descriptor.name,
                    position: Position(epoch: topic.epoch, offset: topic.offset),
                    timestamp: topic.timestamp,
                    value: value,
                    isRetained: topic.holdsMessage
                )
            }
        }
        self.answer(search.requestID, needs: needs, session) { buffer, id in
            buffer.writeTopicList(id: id, entries: entries, next: hasMore ? last?.name : nil)
        }
    }

    /// Writes down what a search has deleted, all of it or not: somebody will ask who that was.
    private func noteDeletions(_ search: TopicSearch) {
        guard search.deleted > 0 else { return }
        let metadata: Logger.Metadata = [
            "filter": "\(search.command.filter)", "topics": "\(search.deleted)", "principal": "\(search.principal)",
        ]
        self.note("topics were deleted", metadata)
    }

    private func answer(
        _ id: [UInt8],
        needs: UInt64,
        _ session: CoreSession,
        _ write: (inout ByteBuffer, UnsafeRawBufferPointer) -> Void
    ) {
        let needsCommit = needs > self.committed
        self.reply(to: session, idBytes: id.count, requestBytes: 0, needs: needs, needsCommit: needsCommit) { buffer in
            id.withUnsafeBytes { write(&buffer, $0) }
        }
    }
}
