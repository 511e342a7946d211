public import BrokerWire

/// The arithmetic mean. Sum and count are exact; only the division at the end can round.
public struct AverageAggregator: Aggregator {
    public struct State: Codable, Hashable, Sendable {
        public var total: ExactDecimal
        public var count: Int64 = 0
    }

    public static let descriptor = AggregatorDescriptor(
        name: "avg",
        summary: "The mean of the numbers: exact where the division comes out, else rounded to 15 digits.",
        traits: [.exact],
        output: "21.53"
    )

    private let number: NumberFormat

    public init(configuration: NoParameters, context: AggregationContext) { self.number = context.number }

    public func identity() -> State { State(total: .zero(self.number)) }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        try self.merge(State(total: sample.number, count: 1), into: &state)
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        var sum = state
        try CountAggregator.increase(&sum.count, by: other.count)
        do { try sum.total.add(other.total) } catch { throw .overflow }
        state = sum
    }

    public func value(of state: State) -> AggregateValue {
        state.count == 0 ? .none : .number(state.total.divided(by: state.count))
    }

    public func encode(_ state: State, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        writer.write(state.total)
        writer.write(state.count)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        var reader = StateReader(bytes)
        let state = State(total: try reader.read(self.number), count: try reader.read(Int64.self))
        try reader.finish()
        guard state.count >= 0 else { throw .stateCorrupt("a count below zero") }
        return state
    }
}
