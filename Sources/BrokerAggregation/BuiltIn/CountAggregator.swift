/// Counts publishes, whatever they carry.
public struct CountAggregator: Aggregator {
    public struct State: Codable, Hashable, Sendable {
        public var count: Int64 = 0
    }

    public static let descriptor = AggregatorDescriptor(
        name: "count",
        summary: "How many publishes there were.",
        input: .anything,
        traits: [.exact],
        output: "1042"
    )

    public init(configuration: NoParameters, context: AggregationContext) {}

    public func identity() -> State { State() }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        try Self.increase(&state.count, by: 1)
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        try Self.increase(&state.count, by: other.count)
    }

    public func value(of state: State) -> AggregateValue {
        .count(state.count)
    }

    public func encode(_ state: State, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        writer.write(state.count)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        var reader = StateReader(bytes)
        let count = try reader.read(Int64.self)
        try reader.finish()
        guard count >= 0 else { throw .stateCorrupt("a count below zero") }
        return State(count: count)
    }

    /// Adds to a count, which never wraps.
    static func increase(_ count: inout Int64, by step: Int64) throws(AggregatorError) {
        let (sum, overflow) = count.addingReportingOverflow(step)
        guard !overflow else { throw .overflow }
        count = sum
    }
}
