import BrokerAggregation
import BrokerWire
import Testing

/// What each built-in makes of a few numbers.
@Suite struct BuiltInTests {
    @Test(arguments: [
        ("sum", "10.25"), ("count", "4"), ("min", "-2.5"), ("max", "10"), ("avg", "2.5625"), ("last", "0.75"),
        ("first", "10"), ("range", #"{"value":12.5,"min":-2.5,"max":10}"#),
        ("variance", #"{"value":28.182291666666668,"mean":2.5625,"count":4}"#),
        ("stddev", #"{"value":5.308699621062268,"mean":2.5625,"count":4}"#),
        ("rate", #"{"value":0.170833333333333,"delta":10.25,"over":60}"#),
    ])
    func theValueOfAFewNumbers(name: String, expected: String) throws {
        #expect(try BuiltInRules.value(name, ["10", "-2.5", "2", "0.75"]) == expected)
    }

    @Test(arguments: [
        ("sum", "0"), ("count", "0"), ("min", "null"), ("max", "null"), ("avg", "null"), ("last", "null"),
        ("first", "null"), ("range", "null"), ("variance", "null"), ("stddev", "null"),
        ("rate", #"{"value":0,"delta":0,"over":60}"#),
        (
            "stats",
            #"{"count":0,"sum":0,"min":null,"max":null,"avg":null,"stddev":null,"first":null,"last":null}"#
        ),
    ])
    func theValueOfNothing(name: String, expected: String) throws {
        #expect(try BuiltInRules.value(name, []) == expected)
    }

    @Test func tenTimesATenthIsOne() throws {
        #expect(try BuiltInRules.value("sum", Array(repeating: "0.1", count: 10)) == "1")
    }

    @Test func onlyCountTakesAnything() {
        let names = AggregatorRegistry.builtIn.descriptors.filter { $0.input == .anything }.map(\.name)
        #expect(names == ["count"])
    }
}
