import NIOCore

/// The publishes of one connection that were sent and not answered, found by their number without searching.
///
/// They are numbered without gaps in the order of sending, so a number is a place in a ring. The broker answers in
/// order; if it did not, every answer would still find its publish.
struct PendingPublishes<Entry> {
    private var entries = CircularBuffer<Entry?>()
    /// The number of the first entry in the ring.
    private var firstID: UInt64 = 0
    /// How many were not answered.
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// Adds the publish with the number `id`, which follows that of the one before.
    mutating func append(_ entry: Entry, id: UInt64) {
        if self.entries.isEmpty { self.firstID = id }
        precondition(id == self.firstID + UInt64(self.entries.count), "publishes are numbered without gaps")
        self.entries.append(entry)
        self.count += 1
    }

    /// Takes out the publish with the number `id`; `nil` when there is none, or it was answered before.
    mutating func take(_ id: UInt64) -> Entry? {
        guard id >= self.firstID, id - self.firstID < UInt64(self.entries.count) else { return nil }
        let place = Int(id - self.firstID)
        if place == 0 {
            let entry = self.entries.removeFirst()
            self.firstID += 1
            if entry != nil { self.count -= 1 }
            self.dropAnswered()
            return entry
        }
        let index = self.entries.index(self.entries.startIndex, offsetBy: place)
        guard let entry = self.entries[index] else { return nil }
        self.entries[index] = nil
        self.count -= 1
        return entry
    }

    /// Takes out all that were not answered, in the order of sending.
    mutating func takeAll() -> [Entry] {
        let entries = self.entries.compactMap { $0 }
        self.entries.removeAll(keepingCapacity: true)
        self.count = 0
        return entries
    }

    private mutating func dropAnswered() {
        while let first = self.entries.first, first == nil {
            self.entries.removeFirst()
            self.firstID += 1
        }
    }
}
