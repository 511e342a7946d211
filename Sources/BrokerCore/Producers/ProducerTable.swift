/// All producers, and which one is forgotten when there are too many.
struct ProducerTable {
    /// Each principal has names of its own: nobody takes over a producer by knowing what somebody else calls it.
    struct Key: Hashable {
        /// See ``Principal/storedName``.
        var principal: [UInt8]
        var name: [UInt8]
    }

    /// Producers of which the one that was used longest ago comes first. An entry that is not up to date is put back
    /// when its turn comes.
    private typealias ByUse = TimerHeap<ProducerState>

    /// What one principal has of all.
    private struct Share {
        var count = 0
        var oldest = ByUse()
    }

    private var byKey: [Key: ProducerState] = [:]
    private var oldest = ByUse()
    private var shares: [[UInt8]: Share] = [:]
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

    /// Keeps one from now on that was not kept.
    mutating func keep(_ producer: ProducerState) {
        producer.kept(as: self.nextID)
        self.nextID += 1
        self.use(producer)
        self.insert(producer)
    }

    private mutating func insert(_ producer: ProducerState) {
        self.byKey[producer.key] = producer
        Self.insert(producer, into: &self.oldest, among: self.byKey, count: self.byKey.count)
        var share = self.shares.removeValue(forKey: producer.key.principal) ?? Share()
        share.count += 1
        Self.insert(producer, into: &share.oldest, among: self.byKey, count: share.count)
        self.shares[producer.key.principal] = share
    }

    /// - `count`: How many entries there should be; those of forgotten producers are dropped when they are as many.
    private static func insert(
        _ producer: ProducerState,
        into order: inout ByUse,
        among known: [Key: ProducerState],
        count: Int
    ) {
        order.insert(producer, due: producer.lastUse)
        if order.count > 2 * count { order.removeAll { known[$0.key] !== $0 } }
    }

    /// Notes that somebody speaks for it.
    mutating func use(_ producer: ProducerState) {
        self.uses += 1
        producer.lastUse = self.uses
    }

    mutating func remove(_ producer: ProducerState) {
        guard self.byKey[producer.key] === producer else { return }
        let principal = producer.key.principal
        self.byKey[producer.key] = nil
        self.shares[principal]?.count -= 1
        if self.shares[principal]?.count == 0 { self.shares[principal] = nil }
    }

    /// Takes out the one that was used longest ago, of those that may be forgotten: neither those that resume, whose
    /// numbers are places in a file, nor those that are connected.
    ///
    /// - Parameters:
    ///   - principal: For whom there has to be room. Who has an equal share of all already takes it from its own, and
    ///     others from whoever has most: nobody makes others be forgotten by making ever more.
    ///   - committed: The last batch that is stored: what waits for a later one stays.
    /// - Returns: What was taken out, or `nil` if everything has to stay.
    mutating func evict(for principal: [UInt8], committed: UInt64) -> ProducerState? {
        let average = self.shares.isEmpty ? 0 : self.count / self.shares.count
        let victim: ProducerState?
        if let share = self.shares[principal], share.count >= average {
            victim = self.popOldest(of: principal, committed)
        } else {
            let largest = self.shares.max { $0.value.count < $1.value.count }
            let isAboveOthers = largest.map { $0.value.count > average } ?? false
            victim =
                (isAboveOthers ? largest.flatMap { self.popOldest(of: $0.key, committed) } : nil)
                ?? Self.popOldest(of: &self.oldest, among: self.byKey, committed)
        }
        if let victim { self.remove(victim) }
        return victim
    }

    private mutating func popOldest(of principal: [UInt8], _ committed: UInt64) -> ProducerState? {
        guard var share = self.shares.removeValue(forKey: principal) else { return nil }
        defer { self.shares[principal] = share }
        return Self.popOldest(of: &share.oldest, among: self.byKey, committed)
    }

    private static func popOldest(
        of oldest: inout ByUse,
        among known: [Key: ProducerState],
        _ committed: UInt64
    ) -> ProducerState? {
        var kept: [ProducerState] = []
        defer { for producer in kept { oldest.insert(producer, due: producer.lastUse) } }
        while let entry = oldest.popDue(at: .max) {
            let producer = entry.subject
            guard known[producer.key] === producer else { continue }
            guard entry.due == producer.lastUse else {
                oldest.insert(producer, due: producer.lastUse)
                continue
            }
            // One that resumes will never be forgotten, so it is not looked at again.
            if producer.resumes { continue }
            guard producer.session == nil, producer.lastBatch <= committed else {
                kept.append(producer)
                continue
            }
            return producer
        }
        return nil
    }
}
