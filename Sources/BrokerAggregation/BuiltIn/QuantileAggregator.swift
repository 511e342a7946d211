import BrokerWire

/// Quantiles, each to a stated fraction of itself.
public struct QuantileAggregator: Aggregator {
    static let quantilesMax = 32

    public struct Configuration: Decodable, Hashable, Sendable {
        var q: [DecimalParameter]?
        var accuracy: DecimalParameter?
        var maxBins: Int?

        private enum Names: CodingKey, CaseIterable {
            case q
            case accuracy
            case maxBins
        }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.q = try parameters.decodeIfPresent([DecimalParameter].self, forKey: .q)
            self.accuracy = try parameters.decodeIfPresent(DecimalParameter.self, forKey: .accuracy)
            self.maxBins = try parameters.whole(.maxBins)
        }
    }

    public static let descriptor = AggregatorDescriptor(
        name: "quantile",
        summary: "Quantiles (percentiles) of the numbers, each within a fraction of itself that `accuracy` states.",
        parameters: [
            .init("q", "a list of 1 to 32 numbers from 0 to 1", standard: "[0.5,0.95,0.99]", "Which; `0.95` is `p95`."),
            .init("accuracy", "a number from 0.0001 to 0.5", standard: "0.01", "How far off each may be: 0.01 is 1 %."),
            .init(
                "maxBins",
                "16 to 65536",
                standard: "2048",
                "How many counts are kept of positive numbers, and of negative ones. If they do not suffice, the "
                    + "numbers nearest zero are counted together: `collapsed` says so."
            ),
        ],
        output: #"{"p50":12.1,"p95":80.4,"p99":99.7,"count":1042,"min":0.5,"max":103,"accuracy":0.01}"#
    )

    /// One of the quantiles.
    private struct Quantile: Hashable, Sendable {
        var name: String
        var fraction: Double
    }

    private let number: NumberFormat
    private let quantiles: [Quantile]
    /// The places of the quantiles, the smallest quantile first.
    private let ascending: [Int]
    private let accuracy: ExactDecimal
    private let bins: LogarithmicBins
    private let empty: QuantileSketch

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        self.number = context.number
        if let list = configuration.q {
            self.quantiles = try Self.quantiles(list)
        } else {
            self.quantiles = [
                Quantile(name: "p50", fraction: 0.5),
                Quantile(name: "p95", fraction: 0.95),
                Quantile(name: "p99", fraction: 0.99),
            ]
        }
        let fractions = self.quantiles.map(\.fraction)
        self.ascending = fractions.indices.sorted { fractions[$0] < fractions[$1] }
        let hundredth = ExactDecimal(units: 10_000_000_000_000_000, scale: 18)
        self.accuracy = try configuration.accuracy?.exact(.decimal, path: "accuracy") ?? hundredth
        let accuracy = self.accuracy.double
        guard QuantileSketch.accuracyRange.contains(accuracy) else {
            throw .configuration(path: "accuracy", reason: "has to be within 0.0001...0.5")
        }
        let binsMax = configuration.maxBins ?? 2048
        guard QuantileSketch.binsRange.contains(binsMax) else {
            throw .configuration(path: "maxBins", reason: "has to be within 16...65536")
        }
        self.bins = LogarithmicBins(accuracy: accuracy)
        self.empty = QuantileSketch(accuracy: accuracy, binsMax: binsMax)
    }

    private static let one = ExactDecimal(units: 1_000_000_000_000_000_000, scale: 18)

    private static func quantiles(_ list: [DecimalParameter]) throws(AggregatorError) -> [Quantile] {
        guard (1...Self.quantilesMax).contains(list.count) else {
            throw .configuration(path: "q", reason: "has to have 1 to \(Self.quantilesMax) numbers")
        }
        var quantiles: [Quantile] = []
        for (index, parameter) in list.enumerated() {
            let path = "q.\(index)"
            let fraction = try parameter.exact(.decimal, path: path)
            guard fraction.units >= 0, fraction <= Self.one else {
                throw .configuration(path: path, reason: "has to be within 0...1")
            }
            let name = "p\(ExactDecimal(units: fraction.units * 100, scale: fraction.scale))"
            guard !quantiles.contains(where: { $0.name == name }) else {
                throw .configuration(path: path, reason: "is there twice")
            }
            quantiles.append(Quantile(name: name, fraction: fraction.double))
        }
        return quantiles
    }

    public var stateParameters: String { "(accuracy \(self.empty.accuracy), maxBins \(self.empty.binsMax))" }

    public func identity() -> QuantileSketch { self.empty }

    public func add(_ sample: Sample, to state: inout QuantileSketch) throws(AggregatorError) {
        try state.add(units: sample.number.units, magnitude: abs(sample.number.double), bins: self.bins)
    }

    public func merge(_ other: QuantileSketch, into state: inout QuantileSketch) throws(AggregatorError) {
        try state.merge(other)
    }

    public func value(of state: QuantileSketch) -> AggregateValue {
        let isEmpty = state.count == 0
        let (lowest, highest) = (self.decimal(state.lowest), self.decimal(state.highest))
        let ranks = isEmpty ? [] : self.ascending.map { Self.rank(of: self.quantiles[$0].fraction, state.count) }
        var values = [AggregateValue](repeating: .none, count: self.quantiles.count)
        for (position, value) in state.values(at: ranks, bins: self.bins).enumerated() {
            // The outermost numbers are known exactly, and no quantile is beyond them.
            if ranks[position] == 0 || value <= lowest.double {
                values[self.ascending[position]] = .number(lowest)
            } else if ranks[position] == state.count - 1 || value >= highest.double {
                values[self.ascending[position]] = .number(highest)
            } else {
                values[self.ascending[position]] = .double(value)
            }
        }
        var fields = zip(self.quantiles, values).map { AggregateValue.Field($0.name, $1) }
        fields.append(.init("count", .count(state.count)))
        fields.append(.init("min", isEmpty ? .none : .number(lowest)))
        fields.append(.init("max", isEmpty ? .none : .number(highest)))
        fields.append(.init("accuracy", .number(self.accuracy)))
        if state.isCollapsed { fields.append(.init("collapsed", .boolean(true))) }
        return .object(fields, primary: self.quantiles[0].name)
    }

    private func decimal(_ units: Int128) -> ExactDecimal { ExactDecimal(units: units, scale: self.number.scale) }

    /// Which of `count` numbers in ascending order, the first being 0, is the quantile.
    private static func rank(of fraction: Double, _ count: Int64) -> Int64 {
        let rank = Int64(exactly: (fraction * Double(count - 1)).rounded(.down)) ?? .max
        return min(rank, count - 1)
    }

    public func memory(of state: QuantileSketch) -> Int { state.memory }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> QuantileSketch {
        let state = try self.readCompact(bytes, version: version)
        guard state.accuracy == self.empty.accuracy, state.binsMax == self.empty.binsMax else {
            throw .stateCorrupt("a sketch of another accuracy or size")
        }
        guard state.fits(self.bins, double: { self.decimal($0).double }) else {
            throw .stateCorrupt("extremes that the counts do not know")
        }
        return state
    }
}
