import BrokerAggregation
import BrokerWire
import Testing

/// How far apart the largest and the smallest number are, written as a stranger would write it: its state goes through
/// JSON, and it has a parameter.
private struct SpreadAggregator: Aggregator {
    struct Configuration: Codable {
        var factor: Int
    }

    struct State: Codable, Hashable {
        var lowest: ExactDecimal?
        var highest: ExactDecimal?
    }

    static let descriptor = AggregatorDescriptor(name: "test.spread", summary: "The spread.", stateVersion: 3)

    private let factor: Int
    private let number: NumberFormat

    init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        guard configuration.factor > 0 else { throw .configuration(path: "factor", reason: "has to be positive") }
        self.factor = configuration.factor
        self.number = context.number
    }

    func identity() -> State { State() }

    func add(_ sample: Sample, to state: inout State) {
        self.merge(State(lowest: sample.number, highest: sample.number), into: &state)
    }

    func merge(_ other: State, into state: inout State) {
        guard let lowest = other.lowest, let highest = other.highest else { return }
        state.lowest = min(state.lowest ?? lowest, lowest)
        state.highest = max(state.highest ?? highest, highest)
    }

    func value(of state: State) -> AggregateValue {
        guard let lowest = state.lowest, let highest = state.highest else { return .none }
        let units = (highest.units - lowest.units) * Int128(self.factor)
        return .number(ExactDecimal(units: units, scale: self.number.scale))
    }
}

@Suite struct AggregatorRegistryTests {
    private static func factory(
        _ name: String,
        _ parameters: String = "{}"
    ) throws(AggregatorError) -> AggregatorRegistry.Factory {
        var registry = AggregatorRegistry.builtIn
        registry.register(SpreadAggregator.self)
        return try registry.factory(
            name: name,
            parameters: Array(parameters.utf8),
            context: AggregationContext(number: .int)
        )
    }

    @Test func theBuiltInsAreThere() {
        let names = AggregatorRegistry.builtIn.descriptors.map(\.name)
        let expected = [
            "avg", "count", "distinct", "first", "histogram", "last", "max", "min", "quantile", "range", "rate",
            "stats",
            "stddev", "sum", "topk", "variance",
        ]
        #expect(names == expected)
    }

    @Test func anUnknownNameIsRefusedWithTheKnownOnes() {
        var registry = AggregatorRegistry()
        registry.register(SumAggregator.self)
        #expect(throws: AggregatorError.unknown(name: "summ", known: ["sum"])) {
            try registry.factory(name: "summ", context: AggregationContext(number: .int))
        }
    }

    @Test func aParameterThatNobodyAskedForIsNamed() {
        let error = AggregatorError.configuration(path: "size", reason: "this aggregator has no such parameter")
        #expect(throws: error) { try Self.factory("sum", #"{"size":1}"#) }
    }

    @Test func aMissingParameterIsNamed() {
        #expect(throws: AggregatorError.configuration(path: "factor", reason: "is missing")) {
            try Self.factory("test.spread")
        }
    }

    @Test func aParameterOfTheWrongTypeIsNamed() {
        #expect {
            try Self.factory("test.spread", #"{"factor":"two"}"#)
        } throws: { error in
            guard case .configuration(path: "factor", _)? = error as? AggregatorError else { return false }
            return true
        }
    }

    @Test func anAggregatorMayRefuseItsParameters() {
        #expect(throws: AggregatorError.configuration(path: "factor", reason: "has to be positive")) {
            try Self.factory("test.spread", #"{"factor":0}"#)
        }
    }

    @Test(arguments: ["", "[]", "{", "7"])
    func parametersThatAreNoObjectAreRefused(text: String) {
        #expect(throws: AggregatorError.self) { try Self.factory("sum", text) }
    }

    @Test func aNameCanBeGivenOnce() async {
        await #expect(processExitsWith: .failure) {
            var registry = AggregatorRegistry.builtIn
            registry.register(SumAggregator.self)
        }
    }

    @Test func anAggregatorOfOnesOwnAggregates() throws {
        let accumulator = try Self.factory("test.spread", #"{"factor":2}"#).makeAccumulator()
        #expect(accumulator.value == .none)
        for units in [5, -3, 1] {
            try accumulator.add(Sample(number: ExactDecimal(units: Int128(units), scale: 0)))
        }
        #expect(accumulator.value == .number(ExactDecimal(units: 16, scale: 0)))
    }

    @Test func theStateOfAnAggregatorOfOnesOwnGoesThroughJSON() throws {
        let factory = try Self.factory("test.spread", #"{"factor":1}"#)
        let (one, two) = (factory.makeAccumulator(), factory.makeAccumulator())
        for units in [Int128.max, 1 << 100] {
            try one.add(Sample(number: ExactDecimal(units: units, scale: 0)))
        }
        try two.restore(try one.encoded(), version: 3)
        #expect(two.value == one.value)
    }

    @Test(arguments: ["", "{", "[]", #"{"lowest":{"units":"x","scale":0}}"#, #"{"lowest":{"units":"1","scale":99}}"#])
    func aDamagedStateOfAnAggregatorOfOnesOwnIsRefused(text: String) throws {
        let accumulator = try Self.factory("test.spread", #"{"factor":1}"#).makeAccumulator()
        #expect(throws: AggregatorError.self) { try accumulator.restore(Array(text.utf8), version: 3) }
    }
}
