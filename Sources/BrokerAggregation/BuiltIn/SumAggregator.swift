public import BrokerWire

/// Adds up, exactly: the order of the publishes never matters and ten times `0.1` is `1`.
public struct SumAggregator: Aggregator {
    public struct State: Codable, Hashable, Sendable {
        public var total: ExactDecimal
    }

    public static let descriptor = AggregatorDescriptor(
        name: "sum",
        summary: "The exact sum of the numbers.",
        traits: [.exact],
        output: "10.3"
    )

    private let number: NumberFormat

    public init(configuration: NoParameters, context: AggregationContext) { self.number = context.number }

    public func identity() -> State { State(total: .zero(self.number)) }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        do { try state.total.add(sample.number) } catch { throw .overflow }
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        do { try state.total.add(other.total) } catch { throw .overflow }
    }

    public func value(of state: State) -> AggregateValue { .number(state.total) }

    public func encode(_ state: State, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        writer.write(state.total)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        var reader = StateReader(bytes)
        let total = try reader.read(self.number)
        try reader.finish()
        return State(total: total)
    }
}
