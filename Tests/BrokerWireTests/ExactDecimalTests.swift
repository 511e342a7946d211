import BrokerWire
import Testing

@Suite("Exact decimal")
struct ExactDecimalTests {
    @Test func tenTimesATenthIsOne() throws {
        var total = ExactDecimal.zero(.decimal)
        for _ in 0..<10 { try total.add(ExactDecimal("0.1")) }
        #expect(try total == ExactDecimal("1"))
        #expect(total.description == "1")
    }

    @Test(arguments: [
        ("9007199254740992", "1", "9007199254740993"), ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"), ("1", "-1", "0"), ("-0.5", "0.25", "-0.25"),
    ])
    func sumsAreExact(left: String, right: String, sum: String) throws {
        var total = try ExactDecimal(left)
        try total.add(ExactDecimal(right))
        #expect(total.description == sum)
    }

    @Test func aWholeNumberSumPasses64Bits() throws {
        var total = try ExactDecimal("9223372036854775807", as: .int)
        try total.add(ExactDecimal("1", as: .int))
        #expect(total.description == "9223372036854775808")
    }

    @Test func theOrderOfInputsDoesNotMatter() throws {
        var generator = SeededGenerator(seed: 1)
        var inputs = try (0..<200).map { index in
            try ExactDecimal("\(generator.chance(50) ? "-" : "")\(generator.digits(12))e-\(index % 30)")
        }
        var sums = Set<Int128>()
        for _ in 0..<20 {
            inputs.shuffle(using: &generator)
            var total = ExactDecimal.zero(.decimal)
            for input in inputs { try total.add(input) }
            sums.insert(total.units)
        }
        #expect(sums.count == 1)
    }

    @Test(arguments: NumberFormat.allCases)
    func aSumAtTheLimitIsKept(format: NumberFormat) throws {
        var total = ExactDecimal(units: .max - 1, scale: format.scale)
        try total.add(ExactDecimal(units: 1, scale: format.scale))
        #expect(total.units == .max)
    }

    @Test(arguments: NumberFormat.allCases, [Int128(1), -1])
    func aSumPastTheLimitIsRefusedAndLeavesTheTotalAlone(format: NumberFormat, sign: Int128) {
        let total = ExactDecimal(units: sign * .max, scale: format.scale)
        var sum = total
        #expect(throws: NumberError.overflow) { try sum.add(ExactDecimal(units: sign, scale: format.scale)) }
        #expect(sum == total)
    }

    @Test(arguments: NumberFormat.allCases)
    func zeroHasTheDecimalsOfItsFormat(format: NumberFormat) {
        #expect(ExactDecimal.zero(format) == ExactDecimal(units: 0, scale: format.scale))
    }

    @Test func theyCompareByValue() throws {
        let texts = ["-170141183460469231731", "-1", "-0.000000000000000001", "0", "0.1", "0.5", "5", "10.3", "1e20"]
        let values = try texts.map { try ExactDecimal($0) }
        var generator = SeededGenerator(seed: 7)
        #expect(values.shuffled(using: &generator).sorted() == values)
    }

    @Test func minusZeroIsZero() throws {
        #expect(try ExactDecimal("-0.0") == ExactDecimal.zero(.decimal))
        #expect(try ExactDecimal("-0").description == "0")
    }

    @Test(arguments: [("1", "1.0"), ("100", "1e2"), ("0.5", "5e-1"), ("0", "0e99"), ("1.5", "1.500000")])
    func spellingsOfOneNumberAreEqual(left: String, right: String) throws {
        #expect(try ExactDecimal(left) == ExactDecimal(right))
    }
}
