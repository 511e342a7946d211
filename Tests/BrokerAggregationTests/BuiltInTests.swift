import BrokerAggregation
import BrokerWire
import Testing

/// What each built-in makes of a few numbers.
@Suite struct BuiltInTests {
    private static func value(
        _ name: String,
        _ numbers: [String],
        _ format: NumberFormat = .decimal
    ) throws
        -> String
    {
        let factory = try AggregatorRegistry.builtIn.factory(name: name, parameters: Array("{}".utf8), number: format)
        let accumulator = factory.makeAccumulator()
        for (index, number) in numbers.enumerated() {
            let sample = Sample(number: try ExactDecimal(number, as: format), offset: UInt64(index + 1))
            try accumulator.add(sample)
        }
        guard case .number(let number) = accumulator.value else { return "none" }
        return "\(number)"
    }

    @Test(arguments: [
        ("sum", "10.25"), ("count", "4"), ("min", "-2.5"), ("max", "10"), ("avg", "2.5625"), ("last", "0.75"),
    ])
    func theValueOfAFewNumbers(name: String, expected: String) throws {
        #expect(try Self.value(name, ["10", "-2.5", "2", "0.75"]) == expected)
    }

    @Test(arguments: [
        ("sum", "0"), ("count", "0"), ("min", "none"), ("max", "none"), ("avg", "none"), ("last", "none"),
    ])
    func theValueOfNothing(name: String, expected: String) throws {
        #expect(try Self.value(name, []) == expected)
    }

    @Test func tenTimesATenthIsOne() throws {
        #expect(try Self.value("sum", Array(repeating: "0.1", count: 10)) == "1")
    }

    @Test func onlyCountTakesAnything() {
        let names = AggregatorRegistry.builtIn.descriptors.filter { $0.input == .anything }.map(\.name)
        #expect(names == ["count"])
    }
}
