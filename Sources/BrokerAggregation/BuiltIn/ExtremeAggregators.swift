public import BrokerWire

/// A number that is there after the first sample: the state of `min`, `max` and `last`.
public struct OptionalNumberState: Codable, Hashable, Sendable {
    public var number: ExactDecimal?

    var value: AggregateValue { self.number.map(AggregateValue.number) ?? .none }

    func encode(into bytes: inout [UInt8]) {
        guard let number = self.number else { return }
        var writer = StateWriter()
        writer.write(number)
        bytes += writer.bytes
    }

    init(number: ExactDecimal? = nil) { self.number = number }

    init(decoding bytes: [UInt8], _ format: NumberFormat) throws(AggregatorError) {
        guard !bytes.isEmpty else { return }
        var reader = StateReader(bytes)
        self.number = try reader.read(format)
        try reader.finish()
    }
}

/// The smallest number.
public struct MinimumAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(name: "min", summary: "The smallest number so far.")

    private let number: NumberFormat

    public init(configuration: NoParameters, number: NumberFormat) { self.number = number }

    public func identity() -> OptionalNumberState { OptionalNumberState() }

    public func add(_ sample: Sample, to state: inout OptionalNumberState) {
        state.number = min(state.number ?? sample.number, sample.number)
    }

    public func merge(_ other: OptionalNumberState, into state: inout OptionalNumberState) {
        guard let number = other.number else { return }
        state.number = min(state.number ?? number, number)
    }

    public func value(of state: OptionalNumberState) -> AggregateValue { state.value }

    public func encode(_ state: OptionalNumberState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> OptionalNumberState {
        try OptionalNumberState(decoding: bytes, self.number)
    }
}

/// The largest number.
public struct MaximumAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(name: "max", summary: "The largest number so far.")

    private let number: NumberFormat

    public init(configuration: NoParameters, number: NumberFormat) { self.number = number }

    public func identity() -> OptionalNumberState { OptionalNumberState() }

    public func add(_ sample: Sample, to state: inout OptionalNumberState) {
        state.number = max(state.number ?? sample.number, sample.number)
    }

    public func merge(_ other: OptionalNumberState, into state: inout OptionalNumberState) {
        guard let number = other.number else { return }
        state.number = max(state.number ?? number, number)
    }

    public func value(of state: OptionalNumberState) -> AggregateValue { state.value }

    public func encode(_ state: OptionalNumberState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> OptionalNumberState {
        try OptionalNumberState(decoding: bytes, self.number)
    }
}
