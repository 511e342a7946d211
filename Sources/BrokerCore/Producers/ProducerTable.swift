/// All producers, and which one is forgotten when there are too many.
struct ProducerTable {
    /// Each principal has names of its own: nobody takes over a producer by knowing what somebody else calls it.
    struct Key: Hashable {
        /// See ``Principal/storedName``.
        var principal: [UInt8]
        var name: [UInt8]
    }

    private var byKey: [Key: ProducerState] = [:]
    /// The ones that were used longest ago come first. An entry that is not up to date is put back when its turn comes.
    private var oldest = TimerHeap<ProducerState>()
    private var uses: UInt64 = 0
    private var nextID: Int64 = 1

    var count: Int { self.byKey.count }

    func find(_ key: Key) -> ProducerState? { self.byKey[key] }

    /// Takes over a stored one.
    mutating func restore(_ producer: ProducerState) {
        self.nextID = max(self.nextID, producer.id + 1)
        self.uses = max(self.uses, producer.lastUse)
        self.insert(producer)
    }

    mutating func make(_ key: Key, epoch: UInt64) -> ProducerState {
        let producer = ProducerState(id: self.nextID, key: key, epoch: epoch)
        self.nextID += 1
        self.use(producer)
        self.insert(producer)
        return producer
    }

    private mutating func insert(_ producer: ProducerState) {
        self.byKey[producer.key] = producer
        self.oldest.insert(producer, due: producer.lastUse)
    }

    /// Notes that somebody speaks for it.
    mutating func use(_ producer: ProducerState) {
        self.uses += 1
        producer.lastUse = self.uses
    }

    mutating func remove(_ producer: ProducerState) {
        if self.byKey[producer.key] === producer { self.byKey[producer.key] = nil }
    }

    /// Takes out the one that was used longest ago, of those that may be forgotten: neither those that resume, whose
    /// numbers are places in a file, nor those that are connected.
    ///
    /// - `committed`: The last batch that is stored: what waits for a later one stays.
    mutating func evict(committed: UInt64) -> ProducerState? {
        var kept: [ProducerState] = []
        defer { for producer in kept { self.oldest.insert(producer, due: producer.lastUse) } }
        while let entry = self.oldest.popDue(at: .max) {
            let producer = entry.subject
            guard self.byKey[producer.key] === producer else { continue }
            guard entry.due == producer.lastUse else {
                self.oldest.insert(producer, due: producer.lastUse)
                continue
            }
            // One that resumes will never be forgotten, so it is not looked at again.
            if producer.resumes { continue }
            guard producer.session == nil, producer.lastBatch <= committed else {
                kept.append(producer)
                continue
            }
            self.byKey[producer.key] = nil
            return producer
        }
        return nil
    }
}
