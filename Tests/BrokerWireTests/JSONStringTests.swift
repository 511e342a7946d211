import BrokerWire
import Testing

@Suite("JSON string")
struct JSONStringTests {
    // MARK: Unescaping

    private func unescaped(_ inside: String) -> [UInt8] {
        var bytes = Array(inside.utf8)
        let count = bytes.withUnsafeMutableBytes { JSONString.unescape($0) }
        return Array(bytes[..<count])
    }

    @Test(
        arguments: [
            ("", ""), ("plain", "plain"), ("é😀", "é😀"), (#"\""#, "\""), (#"\\"#, "\\"), (#"\/"#, "/"),
            (#"\b\f\n\r\t"#, "\u{8}\u{C}\n\r\t"), (#"to\u0070ic"#, "topic"), (#"\u0000"#, "\u{0}"),
            (#"\u007f\u0080"#, "\u{7F}\u{80}"), (#"\u07FF\u0800"#, "\u{7FF}\u{800}"), (#"\uffff"#, "\u{FFFF}"),
            (#"\uD800\uDC00"#, "\u{10000}"), (#"\uD83D\uDE00"#, "😀"), (#"\uDBFF\uDFFF"#, "\u{10FFFF}"),
            (#"a\u00e9\\u0041"#, "aé\\u0041"), (#"\\\\"#, #"\\"#), (#"x\ty\uabCDz"#, "x\ty\u{ABCD}z"),
        ])
    func anEscapeBecomesWhatItStandsFor(inside: String, text: String) {
        #expect(self.unescaped(inside) == Array(text.utf8))
    }

    @Test func everyCodeUnitThatIsACharacterIsUnescaped() {
        var wrong: [UInt16] = []
        for unit in UInt16.min...UInt16.max {
            guard let scalar = Unicode.Scalar(unit) else { continue }
            if self.unescaped("\\u" + Self.hex(unit)) != Array(String(scalar).utf8) { wrong.append(unit) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func everySeventhCharacterBeyondTheBasicPlaneIsUnescaped() {
        var wrong: [UInt32] = []
        for value in stride(from: UInt32(0x10000), through: 0x10_FFFF, by: 7 * 11) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escaped = Character(scalar).utf16.map { "\\u" + Self.hex($0) }.joined()
            if self.unescaped(escaped) != Array(String(scalar).utf8) { wrong.append(value) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func hex(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    // MARK: Escaping

    private func escaped(_ text: String) -> String {
        var bytes = Array("<".utf8)
        JSONString.appendEscaped(text.utf8, to: &bytes)
        return String(decoding: bytes.dropFirst(), as: UTF8.self)
    }

    @Test(
        arguments: [
            ("plain é 😀 /", "plain é 😀 /"), ("\"", #"\""#), ("\\", #"\\"#), ("\n", #"\n"#), ("\t", #"\u0009"#),
            ("\u{0}", #"\u0000"#), ("\u{1F}", #"\u001f"#), ("\u{7F}", #"\u007f"#), ("\r\n", #"\u000d\n"#),
            ("a\"b\\c", #"a\"b\\c"#),
        ])
    func quotesBackslashesAndControlsAreEscaped(text: String, escaped: String) {
        #expect(self.escaped(text) == escaped)
    }

    @Test func everyASCIITextSurvivesEscapingAndUnescaping() {
        let text = String(decoding: Array(UInt8(0)...0x7F), as: UTF8.self)
        #expect(self.unescaped(self.escaped(text)) == Array(text.utf8))
    }

    @Test func whatIsEscapedIsAStringOfJSON() throws {
        let text = String(decoding: Array(UInt8(0)...0x7F), as: UTF8.self)
        let json = try #require(ReferenceJSON.parse(Array("\"\(self.escaped(text))\"".utf8)))
        guard case .string(let bytes) = json.value else {
            Issue.record("the text is no string")
            return
        }
        #expect(bytes == Array(text.utf8))
    }
}
