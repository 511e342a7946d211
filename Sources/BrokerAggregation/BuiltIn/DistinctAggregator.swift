import BrokerWire

/// How many different labels there were.
public struct DistinctAggregator: Aggregator {
    public struct Configuration: Decodable, Hashable, Sendable {
        var exactUntil: Int?
        var precision: Int?

        private enum Names: CodingKey, CaseIterable {
            case exactUntil
            case precision
        }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.exactUntil = try parameters.whole(.exactUntil)
            self.precision = try parameters.whole(.precision)
        }
    }

    public static let descriptor = AggregatorDescriptor(
        name: "distinct",
        summary:
            "How many different labels there were: exactly while they are few, then with the standard error `error`.",
        input: .label,
        traits: .idempotent,
        parameters: [
            .init("exactUntil", "0 to 65536", standard: "1024", "Up to how many the answer is exact."),
            .init(
                "precision",
                "4 to 16",
                standard: "14",
                "Beyond that the standard error is 1.04/√(2^precision), for 2^precision bytes."
            ),
        ],
        output: #"{"value":8123,"exact":false,"error":0.0081}"#
    )

    private let empty: DistinctSketch
    /// The standard error of what is not exact, as a fraction.
    private let error: ExactDecimal

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        let exactUntil = configuration.exactUntil ?? 1024
        guard DistinctSketch.exactUntilRange.contains(exactUntil) else {
            throw .configuration(path: "exactUntil", reason: "has to be within 0...65536")
        }
        let precision = configuration.precision ?? 14
        guard DistinctSketch.precisionRange.contains(precision) else {
            throw .configuration(path: "precision", reason: "has to be within 4...16")
        }
        self.empty = DistinctSketch(precision: precision, exactUntil: exactUntil)
        // In ten thousandths: more digits would say more than is known.
        let error = (10_400 / Double(1 << precision).squareRoot()).rounded()
        self.error = ExactDecimal(units: Int128(exactly: error) ?? 0, scale: 4)
    }

    public var stateParameters: String {
        "(precision \(self.empty.precision), exactUntil \(self.empty.exactUntil))"
    }

    public func identity() -> DistinctSketch { self.empty }

    public func add(_ sample: Sample, to state: inout DistinctSketch) { state.add(XXHash64.hash(sample.label)) }

    public func merge(_ other: DistinctSketch, into state: inout DistinctSketch) throws(AggregatorError) {
        try state.merge(other)
    }

    public func value(of state: DistinctSketch) -> AggregateValue {
        .object(
            [
                .init("value", .count(state.estimate)),
                .init("exact", .boolean(state.isExact)),
                .init("error", .number(state.isExact ? .zero(.int) : self.error)),
            ],
            primary: "value"
        )
    }

    public func memory(of state: DistinctSketch) -> Int { state.memory }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> DistinctSketch {
        let state = try self.readCompact(bytes, version: version)
        guard state.precision == self.empty.precision, state.exactUntil == self.empty.exactUntil else {
            throw .stateCorrupt("a sketch of another precision or size")
        }
        return state
    }
}
