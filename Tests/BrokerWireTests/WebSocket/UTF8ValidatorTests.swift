import BrokerWire
import Testing

@Suite("UTF-8 validator")
struct UTF8ValidatorTests {
    /// Bytes at the borders of every range in Unicode's table of well-formed sequences.
    private static let borders: [UInt8] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
        0xF1,
        0xF3, 0xF4, 0xF5, 0xFF,
    ]

    private static func isValid(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeBytes { validator.accept($0) } && validator.isComplete
    }

    /// The same byte by byte.
    private static func isValidInPieces(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        let isPossible = bytes.allSatisfy { byte in withUnsafeBytes(of: byte) { validator.accept($0) } }
        return isPossible && validator.isComplete
    }

    private static func disagrees(_ bytes: [UInt8]) -> Bool {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        return Self.isValid(bytes) != isText || Self.isValidInPieces(bytes) != isText
    }

    @Test func nothingIsText() {
        #expect(Self.isValid([]))
    }

    @Test func everyByteAloneIsJudgedAsBySwift() {
        #expect((UInt8.min...UInt8.max).filter { Self.disagrees([$0]) }.isEmpty)
    }

    @Test func everyTwoBytesAreJudgedAsBySwift() {
        var wrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max where Self.disagrees([first, second]) {
                wrong.append([first, second])
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func threeBytesAtTheBordersAreJudgedAsBySwift() {
        var wrong: [[UInt8]] = []
        for first in UInt8(0xC0)...0xFF {
            for second in Self.borders {
                for third in Self.borders where Self.disagrees([first, second, third]) {
                    wrong.append([first, second, third])
                }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func fourBytesAtTheBordersAreJudgedAsBySwift() {
        var wrong: [[UInt8]] = []
        for first in UInt8(0xEF)...0xF8 {
            for second in Self.borders {
                for third in [0x7F, 0x80, 0xBF, 0xC2] as [UInt8] {
                    for fourth in [0x00, 0x80, 0xBF, 0xC0, 0xF0] as [UInt8]
                    where Self.disagrees([first, second, third, fourth]) {
                        wrong.append([first, second, third, fourth])
                    }
                }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func everyCharacterIsText() {
        var wrong: [UInt32] = []
        // Every character up to the surrogates' plane's end, and a sample of those beyond.
        let values = [Array(0..<0x1_0000), Array(stride(from: 0x1_0000, through: 0x10_FFFF, by: 61))].joined()
        for value in values.map(UInt32.init) {
            guard let scalar = Unicode.Scalar(value), let bytes = UTF8.encode(scalar) else { continue }
            if !Self.isValid(Array(bytes)) { wrong.append(value) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// Eight bytes are looked at at once, so a bad byte is tried at every place among good ones.
    @Test func aBadByteIsFoundAnywhereInAText() {
        var wrong: [Int] = []
        for length in 1...40 {
            for place in 0..<length {
                var text = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                text[place] = 0xC0
                if Self.isValid(text) { wrong.append(length) }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func aCharacterIsFoundAnywhereInAText() {
        var wrong: [String] = []
        for place in 0...20 {
            for character in ["é", "東", "😀"] {
                let text = String(repeating: "x", count: place) + character + String(repeating: "y", count: 20 - place)
                if Self.disagrees(Array(text.utf8)) { wrong.append(text) }
            }
        }
        #expect(wrong.isEmpty)
    }

    /// A text may be split at any place, even inside of a character.
    @Test func aTextIsTakenInAnyTwoPieces() {
        let text = Array("aé東😀\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}z".utf8)
        var wrong: [Int] = []
        for cut in 0...text.count {
            var validator = UTF8Validator()
            let first = text[..<cut].withUnsafeBytes { validator.accept($0) }
            let isBetween = String(validating: text[..<cut], as: UTF8.self) != nil
            let isRightBetween = first && validator.isComplete == isBetween
            let second = text[cut...].withUnsafeBytes { validator.accept($0) }
            if !(isRightBetween && second && validator.isComplete) { wrong.append(cut) }
        }
        #expect(wrong.isEmpty)
    }

    /// A sequence is refused at the first byte with which no text can begin, and not later.
    @Test func theFirstImpossibleByteIsRefused() {
        let ends =
            [[], [0x80], [0x90, 0x80], [0xA0, 0x80], [0x80, 0x80], [0x90, 0x80, 0x80], [0x80, 0x80, 0x80]] as [[UInt8]]
        var wrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            for second in Self.borders {
                let start = [first, second]
                let canGoOn = ends.contains { String(validating: start + $0, as: UTF8.self) != nil }
                var validator = UTF8Validator()
                if start.withUnsafeBytes({ validator.accept($0) }) != canGoOn { wrong.append(start) }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test(arguments: [[0xE2], [0xE2, 0x82], [0xF0], [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0xC3]] as [[UInt8]])
    func aTextThatEndsInsideACharacterIsIncomplete(bytes: [UInt8]) {
        var validator = UTF8Validator()
        #expect(bytes.withUnsafeBytes { validator.accept($0) })
        #expect(!validator.isComplete)
    }
}
