/// How many different hashes there were: the hashes themselves while they are few, and then a HyperLogLog, which keeps
/// for each of `2^precision` groups of hashes only the longest run of leading zeros.
///
/// The form follows from the hashes alone and not from their order, so that sketches merge exactly.
public struct DistinctSketch: Hashable, Sendable {
    static let precisionRange = 4...16
    static let exactUntilRange = 0...65_536

    /// How many bits of a hash say to which group it belongs.
    let precision: Int
    /// How many different hashes are kept before only the registers are.
    let exactUntil: Int
    private var hashes: Set<UInt64> = []
    /// Per group; none as long as the hashes are kept.
    private var registers: [UInt8] = []
    /// How many registers hold each value, so that an estimate need not visit them.
    private var registerCounts: [Int32] = []

    init(precision: Int, exactUntil: Int) {
        self.precision = precision
        self.exactUntil = exactUntil
        if exactUntil == 0 { self.startRegisters() }
    }

    var isExact: Bool { self.registers.isEmpty }

    var memory: Int {
        MemoryLayout<Self>.size + HeapSize.set(self.hashes) + HeapSize.array(self.registers)
            + HeapSize.array(self.registerCounts)
    }

    mutating func add(_ hash: UInt64) {
        guard self.isExact else {
            self.register(hash)
            return
        }
        self.hashes.insert(hash)
        if self.hashes.count > self.exactUntil { self.startRegisters() }
    }

    mutating func merge(_ other: Self) throws(AggregatorError) {
        guard other.precision == self.precision, other.exactUntil == self.exactUntil else {
            throw .stateCorrupt("a sketch of another precision or size")
        }
        if other.isExact {
            for hash in other.hashes { self.add(hash) }
            return
        }
        if self.isExact { self.startRegisters() }
        for (group, value) in other.registers.enumerated() { self.raise(group, to: value) }
    }

    /// How many different hashes there were: exactly, or Otmar Ertl's improved estimate ("New cardinality estimation
    /// algorithms for HyperLogLog sketches", 2017), which has hardly a bias from the first hash on and needs no table.
    var estimate: Int64 {
        guard !self.isExact else { return Int64(self.hashes.count) }
        let groups = Double(self.registers.count)
        let last = self.registerCounts.count - 1
        var sum = groups * Self.tau(1 - Double(self.registerCounts[last]) / groups)
        for value in (1..<last).reversed() { sum = 0.5 * (sum + Double(self.registerCounts[value])) }
        sum += groups * Self.sigma(Double(self.registerCounts[0]) / groups)
        // 1/(2 ln 2), which is right for very many groups; the rest is for few.
        let factor = 0.721_347_520_444_481_7 / (1 + 1.079 / groups)
        return Int64(exactly: (factor * groups * groups / sum).rounded()) ?? .max
    }

    /// What the groups without any hash stand for.
    private static func sigma(_ fraction: Double) -> Double {
        guard fraction < 1 else { return .infinity }
        var (power, weight, sum, last) = (fraction, 1.0, fraction, -1.0)
        while sum != last {
            power *= power
            last = sum
            sum += power * weight
            weight *= 2
        }
        return sum
    }

    /// What the groups stand for whose hashes have no more zeros to count.
    private static func tau(_ fraction: Double) -> Double {
        guard fraction > 0, fraction < 1 else { return 0 }
        var (root, weight, sum, last) = (fraction, 1.0, 1 - fraction, -1.0)
        while sum != last {
            root = root.squareRoot()
            last = sum
            weight *= 0.5
            sum -= (1 - root) * (1 - root) * weight
        }
        return sum / 3
    }

    /// Forgets the hashes, after their registers have learnt of them.
    private mutating func startRegisters() {
        let groups = 1 << self.precision
        self.registers = Array(repeating: 0, count: groups)
        self.registerCounts = Array(repeating: 0, count: Self.largestRegister(self.precision) + 1)
        self.registerCounts[0] = Int32(groups)
        let hashes = self.hashes
        self.hashes = []
        for hash in hashes { self.register(hash) }
    }

    private static func largestRegister(_ precision: Int) -> Int { 64 - precision + 1 }

    private mutating func register(_ hash: UInt64) {
        // The bit at the end bounds the run of zeros where the rest of the hash is nothing else.
        let rest = hash &<< UInt64(self.precision) | 1 &<< UInt64(self.precision - 1)
        let group = Int(truncatingIfNeeded: hash &>> UInt64(64 - self.precision))
        self.raise(group, to: UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1))
    }

    private mutating func raise(_ group: Int, to value: UInt8) {
        let before = self.registers[group]
        guard value > before else { return }
        self.registers[group] = value
        self.registerCounts[Int(before)] &-= 1
        self.registerCounts[Int(value)] &+= 1
    }
}

extension DistinctSketch: CompactState {
    private static let exactForm: UInt8 = 0
    private static let registerForm: UInt8 = 1

    public init(reading reader: inout StateReader) throws(AggregatorError) {
        let precision = Int(try reader.read(UInt8.self))
        let exactUntil = Int(try reader.readVarint(UInt32.self))
        guard Self.precisionRange.contains(precision), Self.exactUntilRange.contains(exactUntil) else {
            throw .stateCorrupt("a sketch of a precision or size that there is not")
        }
        switch try reader.read(UInt8.self) {
        case Self.exactForm:
            self.init(precision: precision, exactUntil: exactUntil)
            try self.readHashes(&reader)
        case Self.registerForm:
            let registers = try reader.readBytes(1 << precision)
            self.init(precision: precision, exactUntil: exactUntil)
            if self.isExact { self.startRegisters() }
            for (group, value) in registers.enumerated() {
                guard value < self.registerCounts.count else { throw .stateCorrupt("a register out of range") }
                self.raise(group, to: value)
            }
        default: throw .stateCorrupt("a form that there is not")
        }
    }

    private mutating func readHashes(_ reader: inout StateReader) throws(AggregatorError) {
        let count = Int(try reader.readVarint(UInt32.self))
        guard self.exactUntil > 0, count <= self.exactUntil, count <= reader.remaining / 8 else {
            throw .stateCorrupt("too many hashes")
        }
        self.hashes.reserveCapacity(count)
        var last: UInt64?
        for _ in 0..<count {
            let hash = try reader.read(UInt64.self)
            if let last, hash <= last { throw .stateCorrupt("hashes out of order") }
            last = hash
            self.hashes.insert(hash)
        }
    }

    public func write(to writer: inout StateWriter) {
        writer.write(UInt8(self.precision))
        writer.writeVarint(UInt32(self.exactUntil))
        if self.isExact {
            writer.write(Self.exactForm)
            writer.writeVarint(UInt32(self.hashes.count))
            for hash in self.hashes.sorted() { writer.write(hash) }
        } else {
            writer.write(Self.registerForm)
            writer.write(bytes: self.registers)
        }
    }
}
