/// Finds topics by the bytes of their names without making an array of them first.
///
/// An open-addressing table of topic numbers with linear probing. Hashes are Swift's seeded ones, so that nobody can
/// choose names that collide.
struct TopicTable {
    private struct Slot {
        var hash: Int
        /// The topic's number, or -1 for a free slot.
        var index: Int32
    }

    private static let free = Slot(hash: 0, index: -1)
    private var slots: [Slot]
    private(set) var count = 0

    init(minimumCapacity: Int = 0) {
        var capacity = 64
        while capacity * 3 < minimumCapacity * 4 { capacity *= 2 }
        self.slots = Array(repeating: Self.free, count: capacity)
    }

    static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: name)
        return hasher.finalize()
    }

    /// The number of the topic called `name`; `isNamed` compares a candidate's name.
    @inline(__always)
    func find(hash: Int, isNamed: (Int) -> Bool) -> Int? {
        let mask = self.slots.count - 1
        var place = hash & mask
        while true {
            let slot = self.slots[place]
            if slot.index < 0 { return nil }
            if slot.hash == hash, isNamed(Int(slot.index)) { return Int(slot.index) }
            place = (place + 1) & mask
        }
    }

    /// Adds a topic that is not there yet.
    mutating func insert(hash: Int, index: Int) {
        if (self.count + 1) * 4 > self.slots.count * 3 { self.grow() }
        self.place(Slot(hash: hash, index: Int32(index)))
        self.count += 1
    }

    /// Takes out the topic with this number.
    mutating func remove(hash: Int, index: Int) {
        let mask = self.slots.count - 1
        var hole = hash & mask
        while self.slots[hole].index != Int32(index) {
            if self.slots[hole].index < 0 { return }
            hole = (hole + 1) & mask
        }
        self.count -= 1
        // Move back whatever was pushed past its own place by the one that goes.
        var place = hole
        while true {
            place = (place + 1) & mask
            let slot = self.slots[place]
            guard slot.index >= 0 else { break }
            let distance = (place &- slot.hash) & mask
            if distance >= (place - hole) & mask {
                self.slots[hole] = slot
                hole = place
            }
        }
        self.slots[hole] = Self.free
    }

    private mutating func place(_ slot: Slot) {
        let mask = self.slots.count - 1
        var place = slot.hash & mask
        while self.slots[place].index >= 0 { place = (place + 1) & mask }
        self.slots[place] = slot
    }

    private mutating func grow() {
        let old = self.slots
        self.slots = Array(repeating: Self.free, count: old.count * 2)
        for slot in old where slot.index >= 0 { self.place(slot) }
    }
}
