public import BrokerWire

/// How far apart the smallest and the largest number are.
public struct RangeAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "range",
        summary: "The distance between the smallest and the largest number.",
        traits: [.exact, .idempotent],
        output: #"{"value":12.9,"min":-2.5,"max":10.4}"#
    )

    private let number: NumberFormat

    public init(configuration: NoParameters, context: AggregationContext) { self.number = context.number }

    public func identity() -> Bounds? { nil }

    public func add(_ sample: Sample, to state: inout Bounds?) throws(AggregatorError) {
        try self.merge(Bounds(sample.number), into: &state)
    }

    public func merge(_ other: Bounds?, into state: inout Bounds?) throws(AggregatorError) {
        let bounds = Bounds.merged(state, other)
        guard let bounds else { return }
        guard bounds.width != nil else { throw .overflow }
        state = bounds
    }

    public func value(of state: Bounds?) -> AggregateValue {
        guard let state else { return .none }
        return .object(
            [
                .init("value", state.width.map(AggregateValue.number) ?? .none),
                .init("min", .number(state.lowest)),
                .init("max", .number(state.highest)),
            ],
            primary: "value"
        )
    }

    public func encode(_ state: Bounds?, into bytes: inout [UInt8]) {
        guard let state else { return }
        var writer = StateWriter()
        state.write(to: &writer)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> Bounds? {
        guard !bytes.isEmpty else { return nil }
        var reader = StateReader(bytes)
        let bounds = try Bounds(from: &reader, self.number)
        try reader.finish()
        guard bounds.width != nil else { throw .stateCorrupt("numbers too far apart") }
        return bounds
    }
}

/// The smallest and the largest of some numbers.
public struct Bounds: Codable, Hashable, Sendable {
    public private(set) var lowest: ExactDecimal
    public private(set) var highest: ExactDecimal

    init(_ number: ExactDecimal) {
        self.lowest = number
        self.highest = number
    }

    static func merged(_ one: Self?, _ two: Self?) -> Self? {
        guard var one, let two else { return one ?? two }
        one.lowest = min(one.lowest, two.lowest)
        one.highest = max(one.highest, two.highest)
        return one
    }

    /// How far apart they are, or `nil` if that has no room.
    var width: ExactDecimal? {
        let (units, overflow) = self.highest.units.subtractingReportingOverflow(self.lowest.units)
        return overflow ? nil : ExactDecimal(units: units, scale: self.highest.scale)
    }

    func write(to writer: inout StateWriter) {
        writer.write(self.lowest)
        writer.write(self.highest)
    }

    init(from reader: inout StateReader, _ format: NumberFormat) throws(AggregatorError) {
        self.lowest = try reader.read(format)
        self.highest = try reader.read(format)
        guard self.lowest <= self.highest else { throw .stateCorrupt("a smallest number above the largest") }
    }
}
