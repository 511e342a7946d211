/// Counts in consecutive bins, at most so many of them: what falls below the lowest is counted in the lowest.
///
/// Which bin is the lowest follows from the highest that was ever used, so that the counts are the same in whatever
/// order they came in.
struct BinStore: Sendable {
    /// A ring: a bin is at the place that the low bits of its index say, and moving the range moves no count.
    private var ring: [Int64] = []
    /// The lowest and the highest bin in use, neither of which is empty; the other way round if there are none.
    private(set) var lowest = 0
    private(set) var highest = -1
    /// Whether something was counted in a higher bin than its own.
    private(set) var isCollapsed = false

    var isEmpty: Bool { self.highest < self.lowest }

    subscript(_ index: Int) -> Int64 { self.ring[index & (self.ring.count - 1)] }

    /// Adds `count`, above zero; the caller makes sure that the total has room.
    mutating func add(_ count: Int64, to index: Int, binsMax: Int) {
        if index < self.lowest || index > self.highest {
            self.addOutside(count, to: index, binsMax: binsMax)
        } else {
            self.ring[index & (self.ring.count - 1)] &+= count
        }
    }

    private mutating func addOutside(_ count: Int64, to index: Int, binsMax: Int) {
        var index = index
        if self.isEmpty {
            self.reserve(1)
            (self.lowest, self.highest) = (index, index)
        } else if index > self.highest {
            self.collapse(below: index - binsMax + 1, highest: index)
            self.reserve(index - self.lowest + 1)
            self.highest = index
        } else {
            let floor = self.highest - binsMax + 1
            if index < floor {
                index = floor
                self.isCollapsed = true
            }
            if index < self.lowest {
                self.reserve(self.highest - index + 1)
                self.lowest = index
            }
        }
        self.ring[index & (self.ring.count - 1)] &+= count
    }

    /// Counts what is below `floor` in that bin; `highest` is about to become the highest one.
    private mutating func collapse(below floor: Int, highest: Int) {
        guard self.lowest < floor else { return }
        var sum: Int64 = 0
        for index in self.lowest...min(floor - 1, self.highest) {
            sum &+= self[index]
            self.ring[index & (self.ring.count - 1)] = 0
        }
        self.isCollapsed = true
        self.lowest = floor
        self.highest = max(self.highest, floor)
        self.ring[floor & (self.ring.count - 1)] &+= sum
    }

    /// Makes the ring large enough for `width` bins.
    private mutating func reserve(_ width: Int) {
        guard width > self.ring.count else { return }
        var places = max(16, self.ring.count)
        while places < width { places *= 2 }
        var ring = [Int64](repeating: 0, count: places)
        if !self.isEmpty {
            for index in self.lowest...self.highest { ring[index & (places - 1)] = self[index] }
        }
        self.ring = ring
    }

    /// Takes over the counts of `other`; the caller makes sure that the total has room.
    mutating func merge(_ other: Self, binsMax: Int) {
        self.isCollapsed = self.isCollapsed || other.isCollapsed
        guard !other.isEmpty else { return }
        // From the top, so that what has to be collapsed is collapsed once.
        for index in stride(from: other.highest, through: other.lowest, by: -1) where other[index] > 0 {
            self.add(other[index], to: index, binsMax: binsMax)
        }
    }

    var memory: Int { HeapSize.array(self.ring) }
}

extension BinStore: Hashable {
    static func == (left: Self, right: Self) -> Bool {
        guard left.lowest == right.lowest, left.highest == right.highest else { return false }
        guard left.isCollapsed == right.isCollapsed, !left.isEmpty else { return left.isCollapsed == right.isCollapsed }
        return (left.lowest...left.highest).allSatisfy { left[$0] == right[$0] }
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.lowest)
        hasher.combine(self.highest)
    }
}

extension BinStore {
    /// Reads the counts, which fit in `binsMax` bins and together in what is left of `room`.
    init(
        reading reader: inout StateReader,
        room: inout Int64,
        binsMax: Int
    )
        throws(AggregatorError)
    {
        let flag = try reader.read(UInt8.self)
        guard flag <= 1 else { throw .stateCorrupt("neither true nor false") }
        let bins = Int(try reader.readVarint(UInt32.self))
        // Every bin takes two bytes or more.
        guard bins <= binsMax, bins <= reader.remaining / 2 else { throw .stateCorrupt("too many bins") }
        guard bins > 0 || flag == 0 else { throw .stateCorrupt("bins of nothing") }
        var index = 0
        for position in 0..<bins {
            // From the top, as in merging.
            index = try position == 0 ? Self.readTop(&reader) : index - Int(reader.readVarint(UInt32.self)) - 1
            let count = try reader.readCount()
            let fits = index >= -LogarithmicBins.indexMagnitudeMax && (position == 0 || index > self.highest - binsMax)
            guard fits, count > 0, count <= room else { throw .stateCorrupt("a bin out of range") }
            room -= count
            self.add(count, to: index, binsMax: binsMax)
        }
        // The lowest bin is where the highest puts it as soon as anything was collapsed.
        guard flag == 0 || self.highest - self.lowest == binsMax - 1 else { throw .stateCorrupt("bins out of place") }
        self.isCollapsed = flag == 1
    }

    private static func readTop(_ reader: inout StateReader) throws(AggregatorError) -> Int {
        let index = Int(try reader.read(Int32.self))
        let range = -LogarithmicBins.indexMagnitudeMax...LogarithmicBins.indexMagnitudeMax
        guard range.contains(index) else { throw .stateCorrupt("a bin out of range") }
        return index
    }

    func write(to writer: inout StateWriter) {
        writer.write(UInt8(self.isCollapsed ? 1 : 0))
        let used = self.isEmpty ? [] : (self.lowest...self.highest).reversed().filter { self[$0] > 0 }
        writer.writeVarint(UInt32(used.count))
        for (position, index) in used.enumerated() {
            if position == 0 {
                writer.write(Int32(index))
            } else {
                writer.writeVarint(UInt32(used[position - 1] - index - 1))
            }
            writer.writeVarint(UInt64(self[index]))
        }
    }
}
