import BrokerWire
import Testing

@Suite("Topic grammar")
struct TopicGrammarTests {
    private func problem(
        _ text: String,
        as kind: TopicGrammar.Kind,
        limits: TopicLimits = TopicLimits()
    ) -> TopicError? {
        Array(text.utf8).withUnsafeBytes { TopicGrammar.problem(in: $0, as: kind, limits: limits) }
    }

    // MARK: Limits

    @Test func theLimitsAreThoseOfTheProtocol() {
        #expect(TopicLimits() == TopicLimits(bytesMax: 255, levelsMax: 32))
    }

    @Test(arguments: [TopicGrammar.Kind.topic, .readable, .filter])
    func aNameOf255BytesIsTaken(kind: TopicGrammar.Kind) {
        #expect(self.problem(String(repeating: "a", count: 255), as: kind) == nil)
    }

    @Test(arguments: [TopicGrammar.Kind.topic, .readable, .filter])
    func aNameOf256BytesIsTooLong(kind: TopicGrammar.Kind) {
        #expect(self.problem(String(repeating: "a", count: 256), as: kind) == .tooLong(limit: 255))
    }

    @Test func lengthIsCountedInBytesAndNotInLetters() {
        #expect(self.problem(String(repeating: "é", count: 127), as: .topic) == nil)
        #expect(self.problem(String(repeating: "é", count: 128), as: .topic) == .tooLong(limit: 255))
    }

    @Test(arguments: [TopicGrammar.Kind.topic, .readable, .filter])
    func aNameOf32LevelsIsTaken(kind: TopicGrammar.Kind) {
        #expect(self.problem(Array(repeating: "a", count: 32).joined(separator: "/"), as: kind) == nil)
    }

    @Test(arguments: [TopicGrammar.Kind.topic, .readable, .filter])
    func aNameOf33LevelsHasTooMany(kind: TopicGrammar.Kind) {
        let text = Array(repeating: "a", count: 33).joined(separator: "/")
        #expect(self.problem(text, as: kind) == .tooManyLevels(limit: 32))
    }

    @Test func aWildcardIsALevelToo() {
        let limits = TopicLimits(levelsMax: 2)
        #expect(self.problem("+/#", as: .filter, limits: limits) == nil)
        #expect(self.problem("+/+/#", as: .filter, limits: limits) == .tooManyLevels(limit: 2))
    }

    @Test func smallerLimitsAreKept() {
        let limits = TopicLimits(bytesMax: 3, levelsMax: 1)
        #expect(self.problem("abc", as: .topic, limits: limits) == nil)
        #expect(self.problem("abcd", as: .topic, limits: limits) == .tooLong(limit: 3))
        #expect(self.problem("a/b", as: .topic, limits: limits) == .tooManyLevels(limit: 1))
    }

    // MARK: Characters

    /// Exactly Unicode's white space and control characters are refused, and the byte order mark.
    @Test func everyCharacterIsJudgedByItsUnicodeProperties() {
        var wrong: [Unicode.Scalar] = []
        for value in UInt32(0)..<0x1_1000 {
            guard let scalar = Unicode.Scalar(value), !"/+#".unicodeScalars.contains(scalar) else { continue }
            let properties = scalar.properties
            let isBlank = properties.isWhitespace || properties.generalCategory == .control || value == 0xFEFF
            let expected: TopicError? = isBlank ? .blankOrControl : nil
            if self.problem("a\(scalar)b", as: .topic) != expected { wrong.append(scalar) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// The two or three bytes of a blank are looked for at the very end of a name, too.
    @Test(arguments: ["\u{85}", "\u{A0}", "\u{1680}", "\u{2003}", "\u{2029}", "\u{202F}", "\u{205F}", "\u{3000}"])
    func aBlankAtTheEndIsFound(blank: String) {
        #expect(self.problem("a\(blank)", as: .topic) == .blankOrControl)
        #expect(self.problem(blank, as: .filter) == .blankOrControl)
    }

    /// Characters that begin with the same bytes as a blank one.
    @Test(arguments: ["\u{A1}", "\u{1681}", "\u{200B}", "\u{2010}", "\u{2060}", "\u{3001}", "\u{FFFD}", "\u{FEFE}"])
    func aCharacterThatOnlyResemblesABlankIsTaken(character: String) {
        #expect(self.problem("a\(character)", as: .topic) == nil)
    }

    /// The grammar itself never reads past its bytes, even of what is not UTF-8.
    @Test func aNameThatBreaksOffInsideACharacterTrapsNothing() {
        for lead in UInt8(0x80)...0xFF {
            let bytes: [UInt8] = [0x61, lead]
            let problem = bytes.withUnsafeBytes { TopicGrammar.problem(in: $0, as: .topic, limits: TopicLimits()) }
            #expect(problem == nil)
        }
    }

    // MARK: All short names

    /// Every name of up to five bytes over the bytes that mean something, against the rules one by one.
    @Test(arguments: [TopicGrammar.Kind.topic, .readable, .filter])
    func everyShortNameIsJudgedAsTheRulesSay(kind: TopicGrammar.Kind) {
        var wrong: [String] = []
        for text in ShortNames.all(over: "a/+#$ ", upTo: 5) {
            let isWellFormed = self.problem(text, as: kind) == nil
            if isWellFormed != Self.isWellFormed(text, as: kind) { wrong.append(text) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func isWellFormed(_ text: String, as kind: TopicGrammar.Kind) -> Bool {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        return levels.enumerated().allSatisfy { index, level in
            guard !level.isEmpty, !level.contains(" ") else { return false }
            if kind == .filter {
                if level == "+" { return true }
                if level == "#" { return index == levels.count - 1 }
            }
            return !level.contains("+") && !level.contains("#")
                && (kind == .filter || !level.hasPrefix("$") || kind == .readable && index == 0)
        }
    }
}
