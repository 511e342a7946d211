import BrokerWire

/// Counts the numbers up to each of some bounds, exactly.
public struct HistogramAggregator: Aggregator {
    /// The most bounds that a rule may give.
    static let boundsMax = 256

    /// Exactly one of the two is to be given.
    public struct Configuration: Decodable, Hashable, Sendable {
        var bounds: [DecimalParameter]?
        var exponential: ExponentialBounds?

        private enum Names: CodingKey, CaseIterable {
            case bounds
            case exponential
        }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.bounds = try parameters.decodeIfPresent([DecimalParameter].self, forKey: .bounds)
            self.exponential = try parameters.decodeIfPresent(ExponentialBounds.self, forKey: .exponential)
        }
    }

    public struct State: CompactState, Hashable {
        /// Tells bounds apart, so that counts of others are never taken for counts of these.
        var fingerprint: UInt64
        /// How many numbers are above the bound before and not above the bound at the same index; the last has none.
        var counts: [Int64]
        var count: Int64 = 0
        /// The sum of all numbers, in units of the topic's number format.
        var sum: Int128 = 0
    }

    public static let descriptor = AggregatorDescriptor(
        name: "histogram",
        summary: "How many numbers there are up to each bound, and their sum.",
        traits: .exact,
        parameters: [
            .init(
                "bounds",
                "a list of 1 to 256 increasing numbers",
                standard: nil,
                "The upper bounds, which belong to it."
            ),
            .init(
                "exponential",
                #"{"start": a positive number, "factor": a number above 1, "count": 1 to 256}"#,
                standard: nil,
                "Instead of `bounds`: the first bound, what each next one is multiplied by, and how many there are."
            ),
        ],
        output: #"{"count":9,"sum":12.5,"buckets":[[5,3],[10,8],["inf",9]]}"#
    )

    private let number: NumberFormat
    /// In units of the number format.
    private let bounds: [Int128]
    private let fingerprint: UInt64

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        self.number = context.number
        switch (configuration.bounds, configuration.exponential) {
        case (let bounds?, nil): self.bounds = try Self.units(bounds, context.number)
        case (nil, let exponential?): self.bounds = try exponential.units(context.number)
        case (nil, nil), (_?, _?):
            throw .configuration(path: "bounds", reason: "exactly one of 'bounds' and 'exponential' has to be given")
        }
        var writer = StateWriter()
        writer.write(UInt8(context.number.scale))
        for bound in self.bounds { writer.write(bound) }
        self.fingerprint = XXHash64.hash(writer.bytes)
    }

    private static func units(
        _ bounds: [DecimalParameter],
        _ number: NumberFormat
    )
        throws(AggregatorError) -> [Int128]
    {
        guard (1...Self.boundsMax).contains(bounds.count) else {
            throw .configuration(path: "bounds", reason: "has to have 1 to \(Self.boundsMax) numbers")
        }
        var units: [Int128] = []
        for (index, bound) in bounds.enumerated() {
            let next = try bound.exact(number, path: "bounds.\(index)").units
            if let last = units.last, next <= last {
                throw .configuration(path: "bounds.\(index)", reason: "has to be above the one before")
            }
            units.append(next)
        }
        return units
    }

    public var stateParameters: String { "(bounds \(String(self.fingerprint, radix: 16)))" }

    public func identity() -> State {
        State(fingerprint: self.fingerprint, counts: Array(repeating: 0, count: self.bounds.count + 1))
    }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        let units = sample.number.units
        try Self.increase(&state, count: 1, sum: units)
        state.counts[self.bucket(of: units)] &+= 1
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        guard other.fingerprint == state.fingerprint, other.counts.count == state.counts.count else {
            throw .stateCorrupt("a histogram with other bounds")
        }
        try Self.increase(&state, count: other.count, sum: other.sum)
        for (index, count) in other.counts.enumerated() { state.counts[index] &+= count }
    }

    /// The first bucket whose bound is not below `units`.
    private func bucket(of units: Int128) -> Int {
        var (low, high) = (0, self.bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if self.bounds[middle] < units { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Adds to both totals or to neither. As no bucket holds more than the total, none of them overflows after this.
    private static func increase(_ state: inout State, count: Int64, sum: Int128) throws(AggregatorError) {
        let (total, overflow) = state.sum.addingReportingOverflow(sum)
        guard !overflow, total != .min else { throw .overflow }
        try CountAggregator.increase(&state.count, by: count)
        state.sum = total
    }

    public func value(of state: State) -> AggregateValue {
        let scale = self.number.scale
        var buckets: [AggregateValue] = []
        buckets.reserveCapacity(state.counts.count)
        var total: Int64 = 0
        for (index, count) in state.counts.enumerated() {
            total &+= count
            let isLast = index == self.bounds.count
            let bound = isLast ? .text("inf") : AggregateValue.number(.init(units: self.bounds[index], scale: scale))
            buckets.append(.list([bound, .count(total)]))
        }
        let sum = ExactDecimal(units: state.sum, scale: scale)
        return .object(
            [.init("count", .count(state.count)), .init("sum", .number(sum)), .init("buckets", .list(buckets))],
            primary: "count"
        )
    }

    public func memory(of state: State) -> Int {
        MemoryLayout<State>.size + HeapSize.array(state.counts)
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        let state = try self.readCompact(bytes, version: version)
        guard state.fingerprint == self.fingerprint, state.counts.count == self.bounds.count + 1 else {
            throw .stateCorrupt("a histogram with other bounds")
        }
        return state
    }
}

extension HistogramAggregator.State {
    public init(reading reader: inout StateReader) throws(AggregatorError) {
        self.fingerprint = try reader.read(UInt64.self)
        self.sum = try reader.readUnits()
        let buckets = try reader.readVarint(UInt16.self)
        guard buckets >= 2, Int(buckets) <= HistogramAggregator.boundsMax + 1 else {
            throw .stateCorrupt("a histogram of \(buckets) buckets")
        }
        self.counts = []
        for _ in 0..<buckets {
            let count = try reader.readCount()
            self.counts.append(count)
            do throws(AggregatorError) {
                try CountAggregator.increase(&self.count, by: count)
            } catch {
                throw .stateCorrupt("counts out of range")
            }
        }
        guard self.count > 0 || self.sum == 0 else { throw .stateCorrupt("a sum of nothing") }
    }

    public func write(to writer: inout StateWriter) {
        writer.write(self.fingerprint)
        writer.write(self.sum)
        writer.writeVarint(UInt16(self.counts.count))
        for count in self.counts { writer.writeVarint(UInt64(count)) }
    }
}
