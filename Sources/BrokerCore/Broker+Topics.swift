import BrokerAggregation
import BrokerWire
import NIOCore

/// Which topics there are.
extension Broker {
    /// Takes over what the store knew, or says why it does not fit the rules.
    func restore(_ rows: [TopicRow]) throws(RestoreError) {
        self.table = TopicTable(minimumCapacity: rows.count)
        self.topics.reserveCapacity(rows.count)
        for row in rows {
            let topic = self.makeTopic(row.name, hash: row.name.withUnsafeBytes(TopicTable.hash))
            try TopicHolding(row.content).check(against: topic.rule, of: row.name)
            topic.restore(row, storeEpoch: self.storeEpoch)
            // A store that was put together from a damaged one may know only the lives.
            self.deletions = max(self.deletions, row.life)
            self.nextRowID = max(self.nextRowID, row.id + 1)
            try self.restoreTimed(topic)
        }
        try self.watchExpectedTopics()
    }

    /// Who never spoke is missed too, where a rule names a topic that is always there.
    func watchExpectedTopics() throws(RestoreError) {
        for rule in self.rules.rules where rule.alerts.contains(where: \.watchesSilence) {
            guard !rule.filter.hasWildcards, let topic = rule.filter.bytes.withUnsafeBytes({ self.topic($0) }) else {
                continue
            }
            do throws(AggregatorError) { try self.watchSilence(of: topic) } catch {
                throw Self.unreadable(topic, error)
            }
            self.setTimer(of: topic)
        }
    }

    /// Sets the timer of a restored topic. Only for that its state is read at once.
    private func restoreTimed(_ topic: TopicState) throws(RestoreError) {
        guard topic.timed != nil || !topic.alerts.isEmpty else { return }
        do throws(AggregatorError) {
            try topic.load()
            try topic.restoreAlerts(at: self.now.monotonic)
            try self.watchSilence(of: topic)
        } catch {
            throw Self.unreadable(topic, error)
        }
        self.setTimer(of: topic)
    }

    static func unreadable(_ topic: TopicState, _ error: AggregatorError) -> RestoreError {
        .unreadable(topic: "\(topic)", reason: "\(error)")
    }

    /// The topic called `name`, if there is one.
    func existingTopic(_ name: UnsafeRawBufferPointer) -> TopicState? {
        self.existingTopic(name, hash: TopicTable.hash(name))
    }

    private func existingTopic(_ name: UnsafeRawBufferPointer, hash: Int) -> TopicState? {
        guard let index = self.index(of: name, hash: hash), let topic = self.topics[index] else { return nil }
        topic.lastUse = self.now.monotonic
        return topic
    }

    private func index(of name: UnsafeRawBufferPointer, hash: Int) -> Int? {
        self.table.find(hash: hash) { index in
            self.topics[index]?.isNamed(name) == true
        }
    }

    /// The epoch of what is stored, in the life of a topic with this number.
    func storedEpoch(life: UInt64) -> String { TopicRow.epoch(of: self.storeEpoch, life: life) }

    /// The epoch of a life of what is not stored; `key` was never used before.
    private func runEpoch(of key: UInt32) -> String { "\(self.runEpoch)-\(String(key, radix: 36))" }

    /// An epoch that `topic` has never had: a topic that is not stored comes again with offsets from 1.
    func nextEpoch(of topic: TopicState) -> String {
        guard topic.isOnDisk, topic.hasAggregator else {
            defer { self.nextTopicKey += 1 }
            return self.runEpoch(of: self.nextTopicKey)
        }
        return self.storedEpoch(life: self.deletions)
    }

    /// The topic called `name`, which is made if there is none; `nil` if there are too many.
    func topic(_ name: UnsafeRawBufferPointer) -> TopicState? {
        let hash = TopicTable.hash(name)
        if let topic = self.existingTopic(name, hash: hash) { return topic }
        // The broker's own are no client's to count.
        let isSystem = name.first == UInt8(ascii: "$")
        guard isSystem || self.topicCount < self.limits.topics else { return nil }
        return self.makeTopic(Array(name), hash: hash)
    }

    /// The same for a publish, which most often goes where the session's last one went.
    func topic(_ name: UnsafeRawBufferPointer, publishedBy session: CoreSession) -> TopicState? {
        if let last = session.lastTopic, !last.isForgotten, last.isNamed(name) {
            last.lastUse = self.now.monotonic
            return last
        }
        let topic = self.topic(name)
        session.lastTopic = topic
        return topic
    }

    private func makeTopic(_ name: [UInt8], hash: Int) -> TopicState {
        let shared = name.withUnsafeBytes { self.rules.sharedRule(for: $0) }
        let rule = shared.rule
        let key = self.nextTopicKey
        self.nextTopicKey += 1
        let isStored = rule.durability == .disk && rule.aggregator != nil
        // A topic that is not stored can be forgotten and come again, with offsets from 1: another life each time.
        let epoch = isStored ? self.storedEpoch(life: self.deletions) : self.runEpoch(of: key)
        let views = name.withUnsafeBytes { self.rules.views(of: $0) }
        let topic = TopicState(
            name: name,
            rule: shared,
            views: views,
            key: key,
            epoch: epoch,
            life: self.deletions,
            watchedSince: max(self.windowClock.start, shared.since)
        )
        topic.lastUse = self.now.monotonic
        let index = self.freeTopics.popLast() ?? self.topics.count
        if index == self.topics.count {
            self.topics.append(topic)
        } else {
            self.topics[index] = topic
        }
        self.table.insert(hash: hash, index: index)
        if topic.isSystem { self.systemTopics += 1 }
        self.list(topic)
        return topic
    }

    /// Notes whether something happens to a topic by itself, and whether it is measured.
    func list(_ topic: TopicState) {
        if topic.rule.staleAfter != nil { self.keyedTopics.append(topic) }
        if topic.timed != nil || !topic.alerts.isEmpty { self.timedTopics.append(topic) }
        if topic.rule.isMeasured || !topic.alerts.isEmpty { self.watchedTopics.append(topic) }
    }

    /// Forgets event topics that nobody has used for a while; looks at a bounded number of topics each time.
    package func sweep(at now: BrokerTime) {
        self.now = now
        self.checkClock()
        self.timePassed(at: now)
        self.dropStaleKeys()
        self.expireOnces()
        self.expireCredentials()
        for _ in 0..<min(Self.sweepStep, self.topics.count) {
            if self.sweepCursor >= self.topics.count { self.sweepCursor = 0 }
            let index = self.sweepCursor
            self.sweepCursor += 1
            guard let topic = self.topics[index], topic.isEphemeral,
                now.monotonic - topic.lastUse > self.limits.idleTopicAge,
                max(topic.lastBatch, topic.tiedBatch) <= self.committed, !topic.isAnnounced,
                self.interest(in: topic).any == 0
            else { continue }
            self.forget(topic, at: index)
        }
    }

    private static var sweepStep: Int { 10_000 }

    /// Forgets a topic whose deletion is committed, unless it is there again or somebody wants to hear of it.
    func forgetIfUnused(_ topic: TopicState) {
        guard !topic.isForgotten, topic.isEphemeral, max(topic.lastBatch, topic.tiedBatch) <= self.committed,
            !topic.isAnnounced, self.interest(in: topic).any == 0,
            let index = topic.name.withUnsafeBytes({ self.index(of: $0, hash: TopicTable.hash($0)) })
        else { return }
        self.forget(topic, at: index)
    }

    /// Notes that somebody does not want to hear of a topic any more.
    ///
    /// One that never had anything stays for a while, for a subscriber who comes again. Of those only so many stay:
    /// else who may only subscribe could fill the table with names that it has made up.
    func noteUnwanted(_ filter: TopicFilter) {
        guard !filter.hasWildcards, let topic = filter.bytes.withUnsafeBytes({ self.existingTopic($0) }),
            topic.offset == 0, topic.isEphemeral, !topic.isUnwanted, self.interest(in: topic).any == 0
        else { return }
        topic.isUnwanted = true
        self.unwantedTopics.append(topic)
        guard self.unwantedTopics.count > Self.unwantedTopicsMax, let oldest = self.unwantedTopics.popFirst() else {
            return
        }
        oldest.isUnwanted = false
        if oldest.offset == 0 { self.forgetIfUnused(oldest) }
    }

    /// As many as a few hundred connections have subscriptions.
    static var unwantedTopicsMax: Int { 10_000 }

    private func forget(_ topic: TopicState, at index: Int) {
        self.table.remove(hash: topic.name.withUnsafeBytes(TopicTable.hash), index: index)
        self.topics[index] = nil
        topic.isForgotten = true
        if topic.isSystem { self.systemTopics -= 1 }
        self.freeTopics.append(index)
        for hub in 0..<self.hubCount where topic.namedHubs & (1 << UInt64(hub)) != 0 {
            self.immediate.hubs[hub].forget(topic.key)
        }
    }

    // MARK: Who wants it

    /// Which hubs subscribe to `topic`, found again only after subscriptions have come or gone.
    func interest(in topic: TopicState) -> TopicState.Interest {
        guard topic.interestGeneration != self.filters.generation else { return topic.interest }
        self.scratchMatches.removeAll(keepingCapacity: true)
        self.filters.match(topic.name, into: &self.scratchMatches)
        var interest = TopicState.Interest()
        for filter in self.scratchMatches {
            for hub in 0..<self.hubCount {
                if self.interests[filter].any[hub] > 0 { interest.any |= 1 << UInt64(hub) }
                if self.interests[filter].all[hub] > 0 { interest.all |= 1 << UInt64(hub) }
            }
        }
        topic.interest = interest
        topic.interestGeneration = self.filters.generation
        return interest
    }

    func addInterest(_ filter: TopicFilter, wantsAll: Bool, hub: UInt16) {
        let number = self.filters.insert(filter)
        while self.interests.count <= number {
            let none = Array(repeating: 0, count: self.hubCount)
            self.interests.append(FilterInterest(any: none, all: none))
        }
        let before = self.interests[number]
        self.interests[number].any[Int(hub)] += 1
        if wantsAll { self.interests[number].all[Int(hub)] += 1 }
        let isFirst = before.any[Int(hub)] == 0 || (wantsAll && before.all[Int(hub)] == 0)
        if isFirst { self.filters.noteChange() }
    }

    func dropInterest(_ filter: TopicFilter, wantsAll: Bool, hub: UInt16) {
        guard let number = self.filters.number(of: filter) else { return }
        self.interests[number].any[Int(hub)] -= 1
        if wantsAll { self.interests[number].all[Int(hub)] -= 1 }
        if self.interests[number].any.allSatisfy({ $0 == 0 }) {
            self.filters.remove(filter)
        } else {
            self.filters.noteChange()
        }
    }

    /// Adds a message of `topic` to the parts of all hubs that subscribe to it.
    ///
    /// - `value`: What it carries, or `nil` for the running value.
    func deliver(
        _ topic: TopicState,
        in batch: EffectBatch,
        value: WireValue?,
        needsCommit: Bool,
        isFinal: Bool = false
    ) {
        let hubs = self.interest(in: topic).any
        guard hubs != 0 else { return }
        var entry = HubEntry(.deliver, session: topic.publisher)
        entry.topic = topic.key
        if topic.hasAggregator { entry.flags.insert(.isAggregate) }
        if needsCommit { entry.flags.insert(.needsCommit) }
        if isFinal { entry.flags.insert(.isFinal) }
        for hub in 0..<self.hubCount where hubs & (1 << UInt64(hub)) != 0 {
            if topic.namedHubs & (1 << UInt64(hub)) == 0 {
                topic.namedHubs |= 1 << UInt64(hub)
                batch.hubs[hub].name(topic.key, topic.name)
            }
            batch.hubs[hub].deliver(entry) { buffer in
                if let value {
                    Self.write(topic, value, to: &buffer)
                } else {
                    topic.withValue { Self.write(topic, $0, to: &buffer) }
                }
            }
        }
    }

    private static func write(_ topic: TopicState, _ value: WireValue, to buffer: inout ByteBuffer) {
        buffer.writeMessage(topic: topic.name, offset: topic.offset, timestamp: topic.timestamp, value: value)
    }
}
