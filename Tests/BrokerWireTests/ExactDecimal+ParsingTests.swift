import BrokerWire
import Testing

@Suite("Exact decimal, parsing")
struct ExactDecimalParsingTests {
    // MARK: Values

    @Test(
        arguments: [
            ("0", "0"), ("6", "6"), ("-6", "-6"), ("10.3", "10.3"), ("0.1", "0.1"), ("-0.1", "-0.1"),
            ("1e0", "1"), ("1E2", "100"), ("1e+2", "100"), ("1.25e1", "12.5"), ("125e-2", "1.25"), ("0e400", "0"),
            ("0.000000000000000001", "0.000000000000000001"), ("1e-18", "0.000000000000000001"),
            ("1e20", "100000000000000000000"), ("9007199254740993", "9007199254740993"),
            ("123456789.987654321", "123456789.987654321"), ("0.1e-0", "0.1"), ("-1.50", "-1.5"),
        ])
    func aNumberMeansWhatItSays(token: String, text: String) throws {
        #expect(try ExactDecimal(token).description == text)
    }

    @Test(arguments: [("1.0", "1"), ("1e2", "100"), ("-100e-2", "-1"), ("12.50e1", "125"), ("0.0", "0")])
    func aWholeNumberMayBeSpelledWithAFraction(token: String, text: String) throws {
        #expect(try ExactDecimal(token, as: .int).description == text)
    }

    // MARK: Rounding

    /// `tail` begins at the 18th decimal, which is the last one that is kept; a half goes to the even neighbour.
    @Test(
        arguments: [
            ("04", 0), ("05", 0), ("0500", 0), ("0501", 1), ("06", 1), ("14", 1), ("15", 2), ("16", 2), ("25", 2),
            ("249999999999999999999", 2), ("250000000000000000001", 3), ("35", 4), ("45", 4), ("55", 6), ("65", 6),
            ("75", 8), ("85", 8), ("95", 10),
        ] as [(String, Int128)],
        [Int128(1), -1]
    )
    func aHalfStepIsRoundedToEven(step: (tail: String, units: Int128), sign: Int128) throws {
        let value = try ExactDecimal((sign < 0 ? "-0." : "0.") + String(repeating: "0", count: 17) + step.tail)
        #expect(value.units == sign * step.units)
    }

    @Test func eachInputIsRoundedByItself() throws {
        var total = ExactDecimal.zero(.decimal)
        for _ in 0..<10 { try total.add(ExactDecimal("0.0000000000000000004")) }
        #expect(total == .zero(.decimal))
    }

    /// However small a number is, it comes to nothing, and not to an error.
    @Test(arguments: ["1e-19", "1e-39", "9e-57", "1e-400", "-1e-400", "99999999999999999999999999999999999999e-57"])
    func aNumberBelowHalfAStepIsZero(token: String) throws {
        #expect(try ExactDecimal(token) == .zero(.decimal))
    }

    @Test(arguments: ["1e-19", "0.0000000000000000001", "1e-400", "1.0000000000000000001", "99e-57"])
    func strictRefusesWhatWouldHaveToBeRounded(token: String) {
        #expect(throws: NumberError.notRepresentable) { try ExactDecimal(token, strict: true) }
    }

    @Test(arguments: ["0.000000000000000001", "1e-18", "0.1000000000000000000000", "10e-19", "0e-400", "5"])
    func strictTakesWhatFits(token: String) throws {
        #expect(try ExactDecimal(token, strict: true) == ExactDecimal(token))
    }

    @Test(arguments: ["1.5", "0.1", "1e-1", "1e-400", "-0.5", "100e-3"])
    func aFractionIsNoWholeNumber(token: String) {
        #expect(throws: NumberError.notRepresentable) { try ExactDecimal(token, as: .int) }
    }

    // MARK: Grammar

    @Test(
        arguments: [
            "", "-", "+1", "01", "-01", "00", ".5", "5.", "-.5", "1.e1", "1e", "1e+", "1e-", "e1", "1e1.5", "1e1e1",
            "1.2.3", "1,5", "1_000", " 1", "1 ", "--1", "0x10", "1f", "NaN", "nan", "Infinity", "-Infinity", "inf",
            "\"5\"", "true", "null", "[]", "{}", "١", "1\u{0}", "½",
        ])
    func whatIsNoJSONNumberIsRefused(token: String) {
        #expect(throws: NumberError.notANumber) { try ExactDecimal(token) }
    }

    // MARK: Limits

    @Test func aTokenOf64BytesIsTaken() throws {
        let token = "0." + String(repeating: "0", count: 61) + "1"
        #expect(try ExactDecimal(token) == .zero(.decimal))
    }

    @Test func aTokenOf65BytesIsTooLong() {
        let token = "0." + String(repeating: "0", count: 62) + "1"
        #expect(throws: NumberError.tokenTooLong) { try ExactDecimal(token) }
    }

    @Test func aTokenOfAHundredThousandDigitsIsTooLong() {
        #expect(throws: NumberError.tokenTooLong) { try ExactDecimal(String(repeating: "9", count: 100_000)) }
    }

    @Test(arguments: ["", "-", "0.", "-0."])
    func a38DigitNumberIsTaken(front: String) throws {
        let value = try ExactDecimal(front + String(repeating: "1", count: 38) + "e-17")
        #expect(value != .zero(.decimal))
    }

    @Test(arguments: ["", "-", "0.", "-0.000"])
    func a39DigitNumberHasTooMany(front: String) {
        let token = front + String(repeating: "1", count: 39) + "e-17"
        #expect(throws: NumberError.tooManyDigits) { try ExactDecimal(token) }
    }

    @Test func leadingZerosAreNotSignificant() throws {
        let token = "0." + String(repeating: "0", count: 20) + String(repeating: "1", count: 38)
        #expect(try ExactDecimal(token + "e4").units == 11)
    }

    @Test(arguments: ["1e400", "-1e400", "1E+400"])
    func anExponentAtTheLimitIsOnlyTooLargeAValue(token: String) {
        #expect(throws: NumberError.outOfRange) { try ExactDecimal(token) }
    }

    @Test(arguments: [
        "1e401", "1e-401", "-1e401", "0e401", "1e99999999999999999999999999999999999999999999999999999999",
        "1e-9223372036854775808",
    ])
    func anExponentPastTheLimitIsRefused(token: String) {
        #expect(throws: NumberError.exponentOutOfRange) { try ExactDecimal(token) }
    }

    @Test func zerosInFrontOfAnExponentDoNotCount() throws {
        #expect(try ExactDecimal("1e00000000000000000000000000000000000002").description == "100")
    }

    @Test(
        arguments: [
            (NumberFormat.int, "170141183460469231731687303715884105720"),
            (.int, "99999999999999999999999999999999999999"),
            (.int, "100000000000000000000000000000000000000"),
            (.decimal, "170141183460469231731.68730371588410572"),
        ],
        ["", "-"]
    )
    func theLargestValuesAreTaken(largest: (format: NumberFormat, text: String), sign: String) throws {
        let token = sign + Self.withExponent(largest.text)
        #expect(try ExactDecimal(token, as: largest.format).description == sign + largest.text)
    }

    @Test(
        arguments: [
            (NumberFormat.int, "170141183460469231731687303715884105730"),
            (.int, "200000000000000000000000000000000000000"),
            (.decimal, "170141183460469231731.68730371588410573"),
            (.decimal, "200000000000000000000"), (.decimal, "340282366920938463464"),
        ],
        ["", "-"]
    )
    func oneStepMoreIsOutOfRange(past: (format: NumberFormat, text: String), sign: String) {
        let token = sign + Self.withExponent(past.text)
        #expect(throws: NumberError.outOfRange) { try ExactDecimal(token, as: past.format) }
    }

    /// 39 digits are one too many to be written out, so the last zero becomes an exponent.
    private static func withExponent(_ text: String) -> String {
        text.count > 38 && !text.contains(".") ? "\(text.dropLast())e1" : text
    }
}
