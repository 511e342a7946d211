/// Finds the place of a label by its hash: open addressing over numbers of places, at most half full.
struct LabelTable: Sendable {
    /// A place, or ``free``; a power of two of them.
    private var slots: [Int32] = []
    /// By place.
    private var hashes: [UInt64] = []

    private static let free: Int32 = -1

    var memory: Int { HeapSize.array(self.slots) + HeapSize.array(self.hashes) }

    /// The first place with this hash that `isSame` accepts.
    func place(of hash: UInt64, where isSame: (Int) -> Bool) -> Int? {
        guard !self.slots.isEmpty else { return nil }
        let mask = self.slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while self.slots[slot] != Self.free {
            let place = Int(self.slots[slot])
            if self.hashes[place] == hash, isSame(place) { return place }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Adds the next place.
    mutating func append(_ hash: UInt64) {
        self.hashes.append(hash)
        if self.hashes.count * 2 > self.slots.count {
            self.slots = Array(repeating: Self.free, count: max(16, self.slots.count * 2))
            for place in self.hashes.indices { self.link(place) }
        } else {
            self.link(self.hashes.count - 1)
        }
    }

    /// Gives a place to another hash.
    mutating func replace(_ place: Int, with hash: UInt64) {
        self.unlink(place)
        self.hashes[place] = hash
        self.link(place)
    }

    private mutating func link(_ place: Int) {
        let mask = self.slots.count - 1
        var slot = Int(truncatingIfNeeded: self.hashes[place]) & mask
        while self.slots[slot] != Self.free { slot = (slot + 1) & mask }
        self.slots[slot] = Int32(truncatingIfNeeded: place)
    }

    /// Frees a slot, and moves those behind it up that would not be found across the gap.
    private mutating func unlink(_ place: Int) {
        let mask = self.slots.count - 1
        var gap = Int(truncatingIfNeeded: self.hashes[place]) & mask
        while self.slots[gap] != Int32(truncatingIfNeeded: place) { gap = (gap + 1) & mask }
        var slot = (gap + 1) & mask
        while self.slots[slot] != Self.free {
            let home = Int(truncatingIfNeeded: self.hashes[Int(self.slots[slot])]) & mask
            if (slot - home) & mask >= (slot - gap) & mask {
                self.slots[gap] = self.slots[slot]
                gap = slot
            }
            slot = (slot + 1) & mask
        }
        self.slots[gap] = Self.free
    }
}
