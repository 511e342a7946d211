import BrokerWire
import Testing

@Suite("Exact decimal, writing")
struct ExactDecimalWritingTests {
    @Test(
        arguments: [
            (0, "0"), (1, "0.000000000000000001"), (-1, "-0.000000000000000001"),
            (1_000_000_000_000_000_000, "1"), (-1_000_000_000_000_000_000, "-1"),
            (100_000_000_000_000_000, "0.1"), (10_300_000_000_000_000_000, "10.3"),
            (5_000_000_000_000_000_000, "5"), (1_000_000_000_000_000_001, "1.000000000000000001"),
            (10_000_000_000_000_000_000, "10"), (123_456_789_000_000_000, "0.123456789"),
            (Int128.max, "170141183460469231731.687303715884105727"),
            (-Int128.max, "-170141183460469231731.687303715884105727"),
        ] as [(Int128, String)]
    )
    func aDecimalIsWrittenTrimmed(units: Int128, text: String) {
        #expect(ExactDecimal(units: units, scale: 18).description == text)
    }

    @Test(
        arguments: [
            (0, "0"), (10, "10"), (-10, "-10"), (18_446_744_073_709_551_615, "18446744073709551615"),
            (18_446_744_073_709_551_616, "18446744073709551616"),
            (100_000_000_000_000_000_000_000_000_000_000_000_000, "100000000000000000000000000000000000000"),
            (Int128.max, "170141183460469231731687303715884105727"),
            (Int128.min, "-170141183460469231731687303715884105728"),
        ] as [(Int128, String)]
    )
    func aWholeNumberIsWrittenInFull(units: Int128, text: String) {
        #expect(ExactDecimal(units: units, scale: 0).description == text)
    }

    @Test(arguments: [(1, "1.5"), (2, "0.15"), (3, "0.015"), (0, "15")])
    func anyNumberOfDecimalsIsWritten(scale: Int, text: String) {
        #expect(ExactDecimal(units: 15, scale: scale).description == text)
    }

    @Test func everyPowerOfTenIsWritten() {
        var units: Int128 = 1
        for zeros in 0...37 {
            let text = ExactDecimal(units: units, scale: 0).description
            #expect(text == "1" + String(repeating: "0", count: zeros))
            units *= 10
        }
    }

    @Test(arguments: [Int128.max, .min, 0, -1], [0, 1, 17, 18])
    func theTextFitsInItsRoom(units: Int128, scale: Int) {
        let room = ExactDecimal.textBytesMax
        let written = withUnsafeTemporaryAllocation(byteCount: room + 8, alignment: 1) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0xAA)
            let count = target.baseAddress.map { ExactDecimal(units: units, scale: scale).write(to: $0) } ?? 0
            return (count: count, isRestUntouched: target[count...].allSatisfy { $0 == 0xAA })
        }
        #expect(written.count <= room)
        #expect(written.isRestUntouched)
    }

    // MARK: JavaScript

    @Test(
        arguments: [
            "0", "1", "-1", "5", "10.3", "0.1", "-0.1", "9007199254740991", "-9007199254740991", "1e20", "-1e20",
            "123456789012345e6", "-123456789012345e6", "0.000001", "-0.000001", "123456789012345", "0.123456789012345",
            "0.30000000000000004", "1.7976931348623157",
        ])
    func aNumberThatJavaScriptPrintsBackSurvives(token: String) throws {
        #expect(try ExactDecimal(token).survivesJavaScript)
    }

    @Test(
        arguments: [
            "9007199254740993", "-9007199254740993", "0.1234567890123456789", "0.123456789012345678",
            "9007199254740991.5", "12345678901234567890", "0.10000000000000001", "4503599627370496.3",
            // JavaScript prints these with an exponent.
            "0.0000001", "-0.0000001", "1e-18", "0.0000009",
        ])
    func aNumberThatJavaScriptPrintsOtherwiseDoesNot(token: String) throws {
        #expect(try !ExactDecimal(token).survivesJavaScript)
    }

    @Test(arguments: [(20, true), (21, false), (37, false)])
    func aPowerOfTenSurvivesUntilJavaScriptPrintsAnExponent(exponent: Int, survives: Bool) throws {
        #expect(try ExactDecimal("1e\(exponent)", as: .int).survivesJavaScript == survives)
        #expect(try ExactDecimal("-1e\(exponent)", as: .int).survivesJavaScript == survives)
    }

    /// A whole number past 2^53 may print back and still be what its neighbour was rounded to, so it is said twice.
    @Test(arguments: ["9007199254740992", "9007199254740994", "-9007199254740992", "18014398509481984"])
    func aWholeNumberPast53BitsIsNotTrusted(token: String) throws {
        #expect(try !ExactDecimal(token).survivesJavaScript)
    }

    /// Against the rules of `Number.prototype.toString`, in both formats and all magnitudes.
    @Test(arguments: NumberFormat.allCases)
    func randomNumbersSurviveExactlyWhereJavaScriptPrintsThemBack(format: NumberFormat) throws {
        var generator = SeededGenerator(seed: 6)
        var wrong: [String] = []
        for _ in 0..<4000 {
            let digits = generator.digits(1 + generator.below(20))
            guard let whole = Int128(digits) else { continue }
            let shifted = whole * [1, 10, 1000, 1_000_000, 1_000_000_000_000_000_000][generator.below(5)]
            let value = ExactDecimal(units: generator.chance(30) ? -shifted : shifted, scale: format.scale)
            let text = value.description
            let double = try #require(Double(text))
            let isPast53Bits = double.magnitude > 9_007_199_254_740_991
            let isLong = text.filter(\.isNumber).trimmingZeros.count > 15
            let survives = ReferenceDecimal.javaScriptText(double) == text && !(isPast53Bits && isLong)
            if value.survivesJavaScript != survives { wrong.append(text) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    // MARK: Unsigned integers

    @Test func everyLengthOfIntegerIsWritten() {
        var values: [UInt64] = [0, .max - 1, .max]
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            values += [power - 1, power, power + 1, power / 3 * 5]
        }
        let wrong = values.filter { Self.text($0) != $0.description }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func text(_ value: UInt64) -> String {
        withUnsafeTemporaryAllocation(byteCount: DecimalText.bytesMax, alignment: 1) { target in
            let count = target.baseAddress.map { DecimalText.write(value, to: $0) } ?? 0
            return String(decoding: target[..<count], as: UTF8.self)
        }
    }
}

extension String {
    /// The text without the zeros at both ends.
    fileprivate var trimmingZeros: Substring {
        var trimmed = self.drop { $0 == "0" }
        while trimmed.last == "0" { trimmed.removeLast() }
        return trimmed
    }
}
