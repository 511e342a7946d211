/// The keys of one topic: what is known of each, and where. A place is free again when its key has gone.
struct KeyTable {
    struct Entry {
        let key: [UInt8]
        var fold: any Accumulator
        /// Of the last sample, from which the leaf is made again after a restart.
        var last: Moment
    }

    /// When a sample came.
    struct Moment: Comparable {
        var timestamp: UInt64
        var offset: UInt64

        init(timestamp: UInt64, offset: UInt64) {
            self.timestamp = timestamp
            self.offset = offset
        }

        init(_ sample: Sample) { self.init(timestamp: sample.timestamp, offset: sample.offset) }

        static func < (left: Self, right: Self) -> Bool {
            left.timestamp == right.timestamp ? left.offset < right.offset : left.timestamp < right.timestamp
        }
    }

    /// Hashes the bytes at once. An array hashes them one by one, which costs an update some 25 ns more.
    private struct Key: Hashable {
        var bytes: [UInt8]

        func hash(into hasher: inout Hasher) { self.bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }

    /// By place.
    private var slots: [Entry?] = []
    private var places: [Key: Int] = [:]
    private var freePlaces: [Int] = []

    var count: Int { self.places.count }

    /// The keys in no order.
    var keys: some Sequence<[UInt8]> { self.places.keys.lazy.map(\.bytes) }

    /// In the order of their places.
    var entries: some Sequence<Entry> { self.slots.lazy.compactMap { $0 } }

    /// Where a new key goes.
    var nextPlace: Int { self.freePlaces.last ?? self.slots.count }

    func place(of key: [UInt8]) -> Int? { self.places[Key(bytes: key)] }

    subscript(_ place: Int) -> Entry? { self.slots[place] }

    /// The place of the key whose last sample is the oldest; of two that came at once, of the lower key.
    var oldestPlace: Int? {
        var oldest: (place: Int, last: Moment)?
        for place in self.slots.indices {
            guard let last = self.slots[place]?.last else { continue }
            if let oldest, last > oldest.last || (last == oldest.last && !self.isKey(at: place, below: oldest.place)) {
                continue
            }
            oldest = (place, last)
        }
        return oldest?.place
    }

    private func isKey(at place: Int, below other: Int) -> Bool {
        guard let key = self.slots[place]?.key, let other = self.slots[other]?.key else { return false }
        return key.lexicographicallyPrecedes(other)
    }

    /// Notes when a key was heard last.
    mutating func touch(_ place: Int, _ moment: Moment) { self.slots[place]?.last = moment }

    /// Puts a key in the next place, or in that of another, which leaves.
    mutating func put(_ entry: Entry, at place: Int) {
        if place == self.slots.count {
            self.slots.append(entry)
        } else {
            if let before = self.slots[place] {
                self.places[Key(bytes: before.key)] = nil
            } else {
                self.freePlaces.removeLast()
            }
            self.slots[place] = entry
        }
        self.places[Key(bytes: entry.key)] = place
    }

    mutating func remove(at place: Int) {
        guard let entry = self.slots[place] else { return }
        self.places[Key(bytes: entry.key)] = nil
        self.slots[place] = nil
        self.freePlaces.append(place)
    }
}
