public import BrokerWire

/// The newest number, by offset.
public struct LastAggregator: Aggregator {
    public struct State: Codable, Hashable, Sendable {
        public var number: ExactDecimal?
        public var offset: UInt64 = 0
    }

    public static let descriptor = AggregatorDescriptor(name: "last", summary: "The number published last.")

    private let number: NumberFormat

    public init(configuration: NoParameters, number: NumberFormat) { self.number = number }

    public func identity() -> State { State() }

    public func add(_ sample: Sample, to state: inout State) {
        state = State(number: sample.number, offset: sample.offset)
    }

    public func merge(_ other: State, into state: inout State) {
        guard other.number != nil, state.number == nil || other.offset > state.offset else { return }
        state = other
    }

    public func value(of state: State) -> AggregateValue { state.number.map(AggregateValue.number) ?? .none }

    public func encode(_ state: State, into bytes: inout [UInt8]) {
        guard let number = state.number else { return }
        var writer = StateWriter()
        writer.write(number)
        writer.write(state.offset)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        guard !bytes.isEmpty else { return State() }
        var reader = StateReader(bytes)
        let state = State(number: try reader.read(self.number), offset: try reader.read(UInt64.self))
        try reader.finish()
        return state
    }
}
