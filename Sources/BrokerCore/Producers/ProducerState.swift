/// What the broker knows of a publisher that numbers its publishes.
final class ProducerState {
    /// The key of its row; 0 for one that is not kept.
    private(set) var id: Int64 = 0
    /// Whose it is, and what that one calls it.
    let key: ProducerTable.Key
    var name: [UInt8] { self.key.name }
    /// Whether it is only the client who says that there is such an epoch: nothing is known of its numbers, so nothing
    /// is ever taken under it, and it is never kept.
    let isClaimed: Bool
    /// Which run of numbers counts: an older one is fenced off.
    private(set) var epoch: UInt64
    private(set) var window = SequenceWindow()
    /// Whether its numbers are places in something that it reads again, so that it must never be forgotten.
    private(set) var resumes = false
    /// When it was last used, counted in uses of all producers.
    var lastUse: UInt64 = 0
    /// The connection that speaks for it.
    var session: SessionID?

    /// The last batch that what is known here waits for.
    private(set) var lastBatch: UInt64 = 0
    /// What is known to be stored.
    private var committed: ProducerRow?

    /// One that is not kept yet.
    init(key: ProducerTable.Key, epoch: UInt64, isClaimed: Bool = false) {
        self.isClaimed = isClaimed
        self.key = key
        self.epoch = epoch
    }

    /// As it was stored; `nil` if that makes no sense.
    init?(_ row: ProducerRow) {
        guard let window = SequenceWindow(settled: row.settled, accepted: row.accepted) else { return nil }
        self.isClaimed = false
        self.id = row.id
        self.key = ProducerTable.Key(principal: row.principal, name: row.name)
        self.epoch = row.epoch
        self.window = window
        self.resumes = row.resumes
        self.lastUse = row.lastUse
        self.committed = row
    }

    /// Whether it outlives its connection: that of a client who may publish nothing has nothing to remember.
    var isKept: Bool { self.id != 0 }

    func kept(as id: Int64) { self.id = id }

    /// Whether it is known to be stored.
    var isStored: Bool { self.committed != nil }

    /// Begins to count anew under another epoch.
    func restart(epoch: UInt64) {
        self.epoch = epoch
        self.window = SequenceWindow()
    }

    func setResumes() { self.resumes = true }

    func settle(_ number: UInt64, isAccepted: Bool) { self.window.settle(number, isAccepted: isAccepted) }

    func advance(to number: UInt64) { self.window.advance(to: number) }

    /// Notes that it has changed in the batch that gathers; returns whether that is its first change in it.
    func changed(in batch: UInt64) -> Bool {
        defer { self.lastBatch = batch }
        return self.lastBatch != batch
    }

    var row: ProducerRow {
        ProducerRow(
            id: self.id,
            principal: self.key.principal,
            name: self.key.name,
            epoch: self.epoch,
            settled: self.window.settled,
            accepted: self.window.accepted,
            resumes: self.resumes,
            lastUse: self.lastUse
        )
    }

    func committed(_ row: ProducerRow) { self.committed = row }

    /// Goes back to what is stored; returns whether there is anything.
    func rollBack() -> Bool {
        guard let row = self.committed, let window = SequenceWindow(settled: row.settled, accepted: row.accepted) else {
            return false
        }
        self.epoch = row.epoch
        self.window = window
        self.resumes = row.resumes
        return true
    }
}

/// A producer as it is stored.
package struct ProducerRow: Hashable, Sendable {
    package var id: Int64
    /// Whose it is; empty for anonymous.
    package var principal: [UInt8]
    package var name: [UInt8]
    package var epoch: UInt64
    package var settled: UInt64
    /// 128 bytes: which of the last 1,024 numbers were accepted.
    package var accepted: [UInt8]
    package var resumes: Bool
    package var lastUse: UInt64

    package init(
        id: Int64,
        principal: [UInt8] = [],
        name: [UInt8],
        epoch: UInt64,
        settled: UInt64,
        accepted: [UInt8],
        resumes: Bool,
        lastUse: UInt64
    ) {
        self.id = id
        self.principal = principal
        self.name = name
        self.epoch = epoch
        self.settled = settled
        self.accepted = accepted
        self.resumes = resumes
        self.lastUse = lastUse
    }
}
