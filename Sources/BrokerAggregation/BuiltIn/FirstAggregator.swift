import BrokerWire

/// The oldest number, by offset.
public struct FirstAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "first",
        summary: "The number published first.",
        traits: [.exact, .idempotent, .ordered],
        output: "7.5"
    )

    private let number: NumberFormat

    public init(configuration: NoParameters, context: AggregationContext) { self.number = context.number }

    public func identity() -> OffsetState { OffsetState() }

    public func add(_ sample: Sample, to state: inout OffsetState) { state.takeEarlier(OffsetState(sample)) }

    public func merge(_ other: OffsetState, into state: inout OffsetState) { state.takeEarlier(other) }

    public func value(of state: OffsetState) -> AggregateValue { state.value }

    public func encode(_ state: OffsetState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> OffsetState {
        try OffsetState(decoding: bytes, self.number)
    }
}
