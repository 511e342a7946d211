import BrokerWire

/// The newest number, by offset.
public struct LastAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "last",
        summary: "The number published last.",
        traits: [.exact, .idempotent, .ordered],
        output: "7.5"
    )

    private let number: NumberFormat

    public init(configuration: NoParameters, context: AggregationContext) { self.number = context.number }

    public func identity() -> OffsetState { OffsetState() }

    public func add(_ sample: Sample, to state: inout OffsetState) { state.takeLater(OffsetState(sample)) }

    public func merge(_ other: OffsetState, into state: inout OffsetState) { state.takeLater(other) }

    public func value(of state: OffsetState) -> AggregateValue { state.value }

    public func encode(_ state: OffsetState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> OffsetState {
        try OffsetState(decoding: bytes, self.number)
    }
}
