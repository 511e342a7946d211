import BrokerWire
import Testing

@Suite("JSON skipper")
struct JSONSkipperTests {
    private func accepts(_ text: [UInt8], depthMax: Int = 32) -> Bool {
        (try? self.skip(text, depthMax: depthMax).get()) != nil
    }

    /// Passes `text` as one value with blanks around it; the result is where the value ended.
    private func skip(_ text: [UInt8], depthMax: Int = 32) -> Result<Int, JSONSkipper.Problem> {
        text.withUnsafeBytes { self.skip($0, depthMax: depthMax) }
    }

    private func skip(_ text: UnsafeRawBufferPointer, depthMax: Int) -> Result<Int, JSONSkipper.Problem> {
        var skipper = JSONSkipper(text, depthMax: depthMax)
        do throws(JSONSkipper.Problem) {
            skipper.skipBlank()
            try skipper.skipValue()
            let end = skipper.index
            skipper.skipBlank()
            guard skipper.isAtEnd else { throw skipper.syntax() }
            return .success(end)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Cases

    @Test(arguments: JSONCases.valid)
    func whatTheGrammarAllowsIsTaken(text: String) {
        #expect(self.accepts(Array(text.utf8)))
    }

    @Test(arguments: JSONCases.invalid)
    func whatTheGrammarForbidsIsRefused(text: String) {
        #expect(!self.accepts(Array(text.utf8)))
    }

    /// The parser that the random tests compare with is itself right about the same cases.
    @Test func theReferenceKnowsTheCases() {
        #expect(JSONCases.valid.filter { ReferenceJSON.parse(Array($0.utf8)) == nil }.isEmpty)
        #expect(JSONCases.invalid.filter { ReferenceJSON.parse(Array($0.utf8)) != nil }.isEmpty)
    }

    @Test(arguments: JSONCases.valid)
    func noBeginningOfAValueIsOne(text: String) {
        let bytes = Array(text.utf8)
        let taken = (0..<bytes.count).filter { self.accepts(Array(bytes[..<$0])) }
        let wrong = taken.filter { ReferenceJSON.parse(Array(bytes[..<$0])) == nil }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func aByteOrderMarkIsNotJSON() {
        #expect(!self.accepts([0xEF, 0xBB, 0xBF] + Array("{}".utf8)))
    }

    @Test func utf16IsNotJSON() {
        #expect(!self.accepts([0x7B, 0x00, 0x7D, 0x00]))
        #expect(!self.accepts([0xFE, 0xFF, 0x00, 0x7B, 0x00, 0x7D]))
    }

    @Test func everyControlCharacterInAStringIsRefused() {
        let taken = (UInt8(0)..<0x20).filter { self.accepts([0x22, 0x61, $0, 0x22]) }
        #expect(taken.isEmpty)
    }

    @Test func exactlyEightLettersMayFollowABackslash() {
        let taken = (UInt8(0)...0xFF).filter { self.accepts([0x22, 0x5C, $0, 0x22]) }
        #expect(taken.map { Character(Unicode.Scalar($0)) } == ["\"", "/", "\\", "b", "f", "n", "r", "t"])
    }

    /// A string is looked at several bytes at a time, so its end is tried at every place.
    @Test func aStringOfAnyLengthEndsAtItsQuote() {
        var wrong: [Int] = []
        for length in 0...70 {
            let string = [0x22] + Array(repeating: UInt8(ascii: "x"), count: length) + [0x22]
            let isTaken = self.skip(string + Array("   ".utf8)) == .success(string.count)
            if !isTaken || self.accepts(string.dropLast()) { wrong.append(length) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// Behind a text lie other bytes, as in a network's buffer; none of them is looked at.
    @Test func aStringThatBreaksOffIsRefusedExactlyAtItsEnd() {
        let buffer = [0x22] + Array(repeating: UInt8(ascii: "x"), count: 100)
        let wrong = (1...70).filter { count in
            let result = buffer.withUnsafeBytes {
                self.skip(UnsafeRawBufferPointer(rebasing: $0[..<count]), depthMax: 32)
            }
            return result != .failure(.syntax(at: count))
        }
        #expect(wrong.isEmpty)
    }

    @Test func aBadByteAnywhereInAStringIsFoundWhereItIs() {
        var wrong: [Int] = []
        for place in 1...50 {
            var string = [0x22] + Array(repeating: UInt8(ascii: "x"), count: 50) + [0x22]
            string[place] = 0x1F
            if self.skip(string) != .failure(.syntax(at: place)) { wrong.append(place) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// Bytes that are looked at together must not be taken for each other: every pair of neighbours, in a word of
    /// its own, stops exactly where the first of them that may not stand in a string is.
    @Test func everyPairOfBytesInAStringIsJudgedByteByByte() {
        var wrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max where first != UInt8(ascii: "\\") {
            for second in UInt8.min...UInt8.max where second != UInt8(ascii: "\\") {
                let string = Array("\"xxx".utf8) + [first, second] + Array("xxxxxxxxxx\"".utf8)
                let stop = string.dropFirst().firstIndex { $0 == 0x22 || $0 < 0x20 } ?? 0
                let isEnd = stop == string.count - 1
                let isQuote = string[stop] == 0x22
                // Behind a quote in the middle, a blank may follow and a letter may not.
                let isBlank = isQuote && !isEnd && [0x20, 0x09, 0x0A, 0x0D].contains(string[stop + 1])
                let place = isBlank ? stop + 2 : isQuote ? stop + 1 : stop
                let result = self.skip(string)
                if result != (isEnd ? .success(place) : .failure(.syntax(at: place))) { wrong.append([first, second]) }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func skippingAStringTellsWhetherItHasAnEscape() throws {
        var plain = JSONSkipper(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(throws: JSONSkipper.Problem.syntax(at: 0)) { try plain.skipValue() }
        let found = try [#""plain""#, #""\u0041""#, #""0123456789012345\n""#].map { text in
            try Array(text.utf8).withUnsafeBytes { bytes in
                var skipper = JSONSkipper(bytes)
                return try skipper.skipString()
            }
        }
        #expect(found == [false, true, true])
    }

    // MARK: Depth

    private static func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
        Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
    }

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")])
    func theDepthIsTakenAtItsLimitAndRefusedPastIt(open: String, close: String) {
        let step = open.filter { $0 == "[" || $0 == "{" }.count
        #expect(self.accepts(Self.nested(32 / step, open, close)))
        #expect(self.skip(Self.nested(32 / step + 1, open, close)) == .failure(.tooDeep(limit: 32)))
    }

    @Test func theDepthNeverPassesItsCeiling() {
        #expect(self.accepts(Self.nested(64, "[", "]"), depthMax: 1000))
        #expect(self.skip(Self.nested(65, "[", "]"), depthMax: 1000) == .failure(.tooDeep(limit: 64)))
    }

    /// The 64th container uses the last bit of the word; what kind each of them is must still be known.
    @Test func kindsAreKnownAtTheCeiling() {
        let mixed = String(repeating: #"[{"a":"#, count: 32) + "1"
        #expect(self.accepts(Array((mixed + String(repeating: "}]", count: 32)).utf8), depthMax: 64))
        #expect(!self.accepts(Array((mixed + String(repeating: "]}", count: 32)).utf8), depthMax: 64))
    }

    @Test func depthDoesNotGrowWithWhatWasClosed() {
        let wide = "[" + Array(repeating: "[[]]", count: 500).joined(separator: ",") + "]"
        #expect(self.accepts(Array(wide.utf8), depthMax: 3))
    }

    @Test func aHundredThousandBracketsAreRefusedAtTheLimit() {
        let text = Array(repeating: UInt8(ascii: "["), count: 100_000)
        #expect(self.skip(text) == .failure(.tooDeep(limit: 32)))
    }

    @Test func aHundredThousandMembersAreOne() {
        let members = (0..<10_000).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
        #expect(self.accepts(Array("{\(members)}".utf8), depthMax: 1))
    }

    // MARK: Random inputs

    /// Any bytes at all: the same verdict as the recursive reference, and never a trap.
    @Test func randomTextsAreJudgedAsByTheReference() {
        var generator = SeededGenerator(seed: 8)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "1", "-", "0", ".5", "e1", "true", "null", " ",
        ]
        var wrong: [String] = []
        var valid = 0
        for _ in 0..<20_000 {
            let text = (0..<generator.below(12)).map { _ in generator.pick(pieces) }.joined()
            let isValid = ReferenceJSON.parse(Array(text.utf8)) != nil
            if isValid { valid += 1 }
            if self.accepts(Array(text.utf8)) != isValid { wrong.append(text) }
        }
        #expect(wrong.prefix(5).isEmpty)
        #expect(valid > 500)
    }

    @Test func mutatedTextsAreJudgedAsByTheReference() {
        var generator = SeededGenerator(seed: 9)
        var wrong: [[UInt8]] = []
        for _ in 0..<10_000 {
            let text = Mutation.mutated(Array(generator.pick(JSONCases.valid).utf8), &generator)
            if self.accepts(text, depthMax: 64) != (ReferenceJSON.parse(text) != nil) { wrong.append(text) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }
}
