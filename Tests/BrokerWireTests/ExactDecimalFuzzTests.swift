import BrokerWire
import Testing

/// Seeded random inputs against arithmetic on paper.
@Suite("Exact decimal, random inputs")
struct ExactDecimalFuzzTests {
    @Test(arguments: NumberFormat.allCases, [false, true])
    func randomNumbersComeToWhatPaperSays(format: NumberFormat, strict: Bool) {
        var generator = SeededGenerator(seed: 2)
        var wrong: [String] = []
        for _ in 0..<3000 {
            let token = Self.randomNumber(&generator)
            let expected = ReferenceDecimal.units(of: token, scale: format.scale)
            switch Self.parse(token, format, strict) {
            case .success(let value):
                let mayRound = format == .decimal && !strict
                if value.units.description != expected.text || !(expected.isExact || mayRound) { wrong.append(token) }
            case .failure(.notRepresentable):
                if expected.isExact || (format == .decimal && !strict) { wrong.append(token) }
            case .failure(.outOfRange):
                if !Self.isPastTheRange(expected.text) { wrong.append(token) }
            case .failure:
                wrong.append(token)
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// Whatever the bytes are, there is an answer: a value only where JSON has a number, `notANumber` only where not.
    @Test func randomBytesAreNumbersOnlyWhereJSONSaysSo() {
        var generator = SeededGenerator(seed: 3)
        let alphabet = Array("0011234567899--++..eeEE x\u{0}\u{7F}".utf8)
        var wrong: [[UInt8]] = []
        for _ in 0..<20_000 {
            let token = (0..<generator.below(10)).map { _ in generator.pick(alphabet) }
            // Blanks around a number belong to the text and not to the number.
            let isNumber = !token.contains(0x20) && ReferenceJSON.parse(token) != nil
            switch Self.parse(String(decoding: token, as: UTF8.self), .decimal, false) {
            case .success: if !isNumber { wrong.append(token) }
            case .failure(.notANumber): if isNumber { wrong.append(token) }
            case .failure: break
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func randomLongTokensTrapNothing() {
        var generator = SeededGenerator(seed: 4)
        var values = 0
        for _ in 0..<10_000 {
            let sign = generator.chance(30) ? "-" : ""
            let whole = generator.digits(1 + generator.below(60))
            let fraction = generator.chance(30) ? ".\(generator.digits(1 + generator.below(40)))" : ""
            let exponent =
                generator.chance(30) ? "e\(generator.pick(["", "-"]))\(generator.digits(1 + generator.below(30)))" : ""
            let token = sign + whole + fraction + exponent
            for format in NumberFormat.allCases {
                if case .success = Self.parse(token, format, false) { values += 1 }
            }
        }
        #expect(values > 0)
    }

    /// What was written is read back as the same value, wherever an input may have that many digits.
    @Test(arguments: NumberFormat.allCases)
    func randomValuesSurviveWritingAndParsing(format: NumberFormat) {
        var generator = SeededGenerator(seed: 5)
        var wrong: [Int128] = []
        for index in 0..<5000 {
            let bits = Int128(truncatingIfNeeded: generator.next()) << 64 | Int128(generator.next())
            let units = (bits >> (index % 127)) % 99_999_999_999_999_999_999_999_999_999_999_999_999
            let value = ExactDecimal(units: units, scale: format.scale)
            if Self.parse(value.description, format, true) != .success(value) { wrong.append(units) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    // MARK: Inputs

    private static func parse(
        _ token: String,
        _ format: NumberFormat,
        _ strict: Bool
    ) -> Result<ExactDecimal, NumberError> {
        do throws(NumberError) {
            return .success(try ExactDecimal(token, as: format, strict: strict))
        } catch {
            return .failure(error)
        }
    }

    /// A number of at most 38 digits and 64 bytes, often with a half or a row of nines behind the 18th decimal.
    private static func randomNumber(_ generator: inout SeededGenerator) -> String {
        var text = generator.chance(30) ? "-" : ""
        text += generator.chance(30) ? "0" : generator.digits(1 + generator.below(18))
        if generator.chance(70) {
            let tails = ["5", "50", "500001", "499999", "9999", "0", ""]
            text += ".\(generator.digits(1 + generator.below(14)))\(generator.pick(tails))"
        }
        if generator.chance(50) { text += "e\(generator.pick(["", "-", "-", "+"]))\(generator.below(45))" }
        return text
    }

    private static func isPastTheRange(_ units: String) -> Bool {
        let digits = units.drop { $0 == "-" }
        let limit = Int128.max.description
        return digits.count > limit.count || (digits.count == limit.count && String(digits) > limit)
    }
}
