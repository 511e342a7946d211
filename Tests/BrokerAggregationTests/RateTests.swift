import BrokerWire
import Testing

@testable import BrokerAggregation

/// The one built-in that needs a window.
@Suite struct RateTests {
    private static func accumulator(
        per: String,
        windowMilliseconds: Int64,
        _ number: NumberFormat = .int
    ) throws -> any Accumulator {
        try BuiltInRules.factory("rate", #"{"per":"\#(per)"}"#, number, windowMilliseconds: windowMilliseconds)
            .makeAccumulator()
    }

    private static func sample(_ units: Int128) -> Sample { Sample(number: ExactDecimal(units: units, scale: 0)) }

    @Test(arguments: [
        ("1s", 60_000, #"{"value":12.5,"delta":750,"over":60}"#),
        ("1m", 60_000, #"{"value":750,"delta":750,"over":60}"#),
        ("1h", 60_000, #"{"value":45000,"delta":750,"over":60}"#),
        ("7s", 90_000, #"{"value":58.3333333333333,"delta":750,"over":90}"#),
        ("500ms", 1500, #"{"value":250,"delta":750,"over":1.5}"#),
        ("1s", 1, #"{"value":750000,"delta":750,"over":0.001}"#),
        ("1d", 3_600_000, #"{"value":18000,"delta":750,"over":3600}"#),
    ])
    func theSumIsForTheTimeThatIsAskedFor(per: String, windowMilliseconds: Int64, expected: String) throws {
        let accumulator = try Self.accumulator(per: per, windowMilliseconds: windowMilliseconds)
        for units in [Int128(1000), -250] { try accumulator.add(Self.sample(units)) }
        #expect(accumulator.value.json == expected)
        #expect(accumulator.value.primaryNumber?.description == accumulator.value["value"]?.json)
    }

    /// A sum that leaves no room for multiplying it, but its rate does.
    @Test func theLargestSumHasARate() throws {
        for (per, window, divisor) in [("3s", Int64(9000), Int64(3)), ("1s", .max / 1000 * 1000, .max / 1000)] {
            let accumulator = try Self.accumulator(per: per, windowMilliseconds: window)
            try accumulator.add(Self.sample(-.max))
            let expected = ExactDecimal(units: -.max, scale: 0).divided(by: divisor)
            #expect(accumulator.value["value"]?.json == expected.description)
        }
    }

    @Test func aRateThatHasNoRoomIsRefused() throws {
        for sign in [Int128(1), -1] {
            let accumulator = try Self.accumulator(per: "2s", windowMilliseconds: 1000)
            try accumulator.add(Self.sample(sign * (.max / 2)))
            let before = try accumulator.encoded()
            #expect(accumulator.value["value"]?.json == "\(sign * (.max - 1))")
            #expect(throws: AggregatorError.overflow) { try accumulator.add(Self.sample(sign)) }
            #expect(try accumulator.encoded() == before)
        }
    }

    @Test func aSumThatHasNoRoomIsRefused() throws {
        let accumulator = try Self.accumulator(per: "1s", windowMilliseconds: 60_000)
        try accumulator.add(Self.sample(.max))
        let before = try accumulator.encoded()
        #expect(throws: AggregatorError.overflow) { try accumulator.add(Self.sample(1)) }
        #expect(try accumulator.encoded() == before)
    }

    /// A rule that was changed finds the sum of its older self, and with it perhaps no rate.
    @Test func aStoredSumWithoutARateHasNone() throws {
        let (old, new) = (
            try Self.accumulator(per: "1s", windowMilliseconds: 1000),
            try Self.accumulator(per: "2s", windowMilliseconds: 1000)
        )
        try old.add(Self.sample(.max))
        try new.restore(try old.encoded(), version: 1)
        #expect(new.value["value"] == AggregateValue.none)
        #expect(new.value["delta"] == .number(ExactDecimal(units: .max, scale: 0)))
    }

    /// Against multiplying first, where there is room for it.
    @Test func multiplyingAndDividingRoundsOnce() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<1000 {
            let scale = random.pick([0, 18])
            let units = Int128(truncatingIfNeeded: random.next()) >> Int128(random.below(40))
            let (numerator, denominator) = (UInt64(1 + random.below(1_000_000)), UInt64(1 + random.below(1_000_000)))
            let found = ExactDecimal(units: units, scale: scale).multiplied(by: numerator, dividedBy: denominator)
            let product = ExactDecimal(units: units * Int128(numerator), scale: scale)
            #expect(found == product.divided(by: Int64(denominator)))
        }
    }
}
