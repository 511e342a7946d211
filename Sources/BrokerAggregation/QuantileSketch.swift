/// A DDSketch: how many numbers there are in each of bins that grow with what they hold, negative and positive ones
/// apart, so that every quantile is known to a fraction of itself.
///
/// Counts are whole numbers and bins do not depend on what came before, so that two sketches merge to exactly the one
/// that would have seen everything.
public struct QuantileSketch: Hashable, Sendable {
    /// How far a quantile may be off, as a fraction of itself. Only sketches of one accuracy merge.
    let accuracy: Double
    /// The most bins on either side of zero.
    let binsMax: Int
    private var positive = BinStore()
    /// By magnitude.
    private var negative = BinStore()
    private var zeroCount: Int64 = 0
    private(set) var count: Int64 = 0
    /// The smallest and the largest number, exactly, in units of the topic's number format; 0 if there is none.
    private(set) var lowest: Int128 = 0
    private(set) var highest: Int128 = 0

    init(accuracy: Double, binsMax: Int) {
        self.accuracy = accuracy
        self.binsMax = binsMax
    }

    /// Whether numbers near zero were counted with larger ones, because the bins did not suffice.
    var isCollapsed: Bool { self.positive.isCollapsed || self.negative.isCollapsed }

    var memory: Int { MemoryLayout<Self>.size + self.positive.memory + self.negative.memory }

    /// Counts a number.
    ///
    /// - `magnitude`: The double next to the magnitude of `units`.
    mutating func add(units: Int128, magnitude: Double, bins: LogarithmicBins) throws(AggregatorError) {
        if self.count == 0 {
            (self.lowest, self.highest) = (units, units)
        }
        try CountAggregator.increase(&self.count, by: 1)
        if units < self.lowest { self.lowest = units }
        if units > self.highest { self.highest = units }
        if units > 0 {
            self.positive.add(1, to: bins.index(of: magnitude), binsMax: self.binsMax)
        } else if units < 0 {
            self.negative.add(1, to: bins.index(of: magnitude), binsMax: self.binsMax)
        } else {
            self.zeroCount &+= 1
        }
    }

    mutating func merge(_ other: Self) throws(AggregatorError) {
        guard other.accuracy == self.accuracy, other.binsMax == self.binsMax else {
            throw .stateCorrupt("a sketch of another accuracy or size")
        }
        guard other.count > 0 else { return }
        let isFirst = self.count == 0
        try CountAggregator.increase(&self.count, by: other.count)
        self.lowest = isFirst ? other.lowest : min(self.lowest, other.lowest)
        self.highest = isFirst ? other.highest : max(self.highest, other.highest)
        self.positive.merge(other.positive, binsMax: self.binsMax)
        self.negative.merge(other.negative, binsMax: self.binsMax)
        self.zeroCount &+= other.zeroCount
    }

    /// What stands for the bin of each of `ranks`, which are in ascending order, below the count, and at least 0.
    func values(at ranks: [Int64], bins: LogarithmicBins) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(ranks.count)
        var passed: Int64 = 0
        /// Notes the ranks that a run of `count` numbers holds.
        func pass(_ count: Int64, _ value: @autoclosure () -> Double) {
            passed &+= count
            while values.count < ranks.count, ranks[values.count] < passed { values.append(value()) }
        }
        if !self.negative.isEmpty {
            for index in (self.negative.lowest...self.negative.highest).reversed()
            where values.count < ranks.count {
                pass(self.negative[index], -bins.value(of: index))
            }
        }
        pass(self.zeroCount, 0)
        if !self.positive.isEmpty {
            for index in self.positive.lowest...self.positive.highest where values.count < ranks.count {
                pass(self.positive[index], bins.value(of: index))
            }
        }
        return values
    }

    /// Whether the smallest and the largest number are in the outermost bins and the other bins are some number's.
    func fits(_ bins: LogarithmicBins, double: (Int128) -> Double) -> Bool {
        func bin(_ units: Int128) -> Int { bins.index(of: abs(double(units))) }
        if self.highest > 0, self.positive.highest != bin(self.highest) { return false }
        if self.lowest < 0, self.negative.highest != bin(self.lowest) { return false }
        // What was collapsed is not in the bin of the innermost number.
        if self.lowest > 0, !self.positive.isCollapsed, self.positive.lowest != bin(self.lowest) { return false }
        if self.highest < 0, !self.negative.isCollapsed, self.negative.lowest != bin(self.highest) { return false }
        let smallest = bin(1)
        return [self.positive, self.negative].allSatisfy { $0.isEmpty || $0.lowest >= smallest }
    }
}

extension QuantileSketch: CompactState {
    static let accuracyRange = 0.0001...0.5
    static let binsRange = 16...65_536

    public init(reading reader: inout StateReader) throws(AggregatorError) {
        let accuracy = Double(bitPattern: try reader.read(UInt64.self))
        let binsMax = Int(try reader.readVarint(UInt32.self))
        guard Self.accuracyRange.contains(accuracy), Self.binsRange.contains(binsMax) else {
            throw .stateCorrupt("a sketch of an accuracy or size that there is not")
        }
        self.init(accuracy: accuracy, binsMax: binsMax)
        self.lowest = try reader.readUnits()
        self.highest = try reader.readUnits()
        self.zeroCount = try reader.readCount()
        var room = Int64.max - self.zeroCount
        self.positive = try BinStore(reading: &reader, room: &room, binsMax: binsMax)
        self.negative = try BinStore(reading: &reader, room: &room, binsMax: binsMax)
        self.count = .max - room
        let isSound =
            self.lowest <= self.highest
            && self.positive.isEmpty == (self.highest <= 0)
            && self.negative.isEmpty == (self.lowest >= 0)
            && (self.zeroCount == 0 || (self.lowest <= 0 && self.highest >= 0))
            && (self.zeroCount > 0 || self.count == 0 || (self.lowest != 0 && self.highest != 0))
        guard isSound else { throw .stateCorrupt("extremes that the counts do not know") }
    }

    public func write(to writer: inout StateWriter) {
        writer.write(self.accuracy.bitPattern)
        writer.writeVarint(UInt32(self.binsMax))
        writer.write(self.lowest)
        writer.write(self.highest)
        writer.writeVarint(UInt64(self.zeroCount))
        self.positive.write(to: &writer)
        self.negative.write(to: &writer)
    }
}
