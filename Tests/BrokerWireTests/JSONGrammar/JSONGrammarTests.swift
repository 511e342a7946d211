import BrokerWire
import Testing

/// The corner cases of the JSON grammar, each alone and as the `data` of a publish.
@Suite("JSON grammar")
struct JSONGrammarTests {
    private static let accepted = JSONGrammar.accepted + JSONGrammar.moreAccepted
    private static let refused = JSONGrammar.refused + JSONGrammar.moreRefused
    private static let refusedTexts = Self.refused.filter { JSONGrammarReading.isText($0.bytes) }
    private static let refusedBytes = Self.refused.filter { !JSONGrammarReading.isText($0.bytes) }
    private static let open = JSONGrammar.open.flatMap { group in group.cases.map { (group.verdict, $0) } }

    /// No case was lost or is there twice.
    @Test func theSuiteIsComplete() {
        let tables = [
            ("y_", 95, JSONGrammar.accepted), ("n_", 188, JSONGrammar.refused),
            ("i_", 35, JSONGrammar.open.flatMap(\.cases)),
        ]
        for (prefix, count, cases) in tables {
            #expect(cases.count == count)
            #expect(Set(cases.map(\.name)).count == count)
            #expect(cases.filter { !$0.name.hasPrefix(prefix) }.isEmpty)
        }
        #expect(Set(Self.accepted.map(\.name)).count == Self.accepted.count)
        #expect(Set(Self.refused.map(\.name)).count == Self.refused.count)
        #expect(JSONGrammar.open.allSatisfy { !$0.reason.isEmpty })
    }

    // MARK: Accepted

    @Test(arguments: Self.accepted)
    func whatMustBeAcceptedIsADocument(example: JSONGrammarCase) {
        let start = example.bytes.prefix(while: JSONGrammarCase.isBlank).count
        let end = start + example.value.count
        #expect(JSONGrammarReading.isText(example.bytes))
        #expect(JSONGrammarReading.document(example.bytes) == .success(start..<end))
    }

    @Test(arguments: Self.accepted)
    func whatMustBeAcceptedIsDataAsItWasWritten(example: JSONGrammarCase) throws {
        try Self.expectData(example.value, of: JSONGrammarReading.envelope(example.bytes))
        try Self.expectData(example.value, of: JSONGrammarReading.envelopeInFront(example.bytes))
    }

    private static func expectData(_ data: [UInt8], of message: [UInt8]) throws {
        let scanned = try JSONGrammarReading.scan(message).get()
        #expect(scanned.raw(\.data) == data)
        #expect(scanned.text(\.topic) == "t" && scanned.text(\.id) == "1")
        #expect(scanned.bytes == message, "nothing needs to be unescaped")
    }

    // MARK: Refused

    @Test(arguments: Self.refused)
    func whatMustBeRefusedIsNoDocument(example: JSONGrammarCase) {
        #expect(!JSONGrammarReading.isDocument(example.bytes))
    }

    /// Behind the case stands the rest of the envelope, so that what breaks off alone breaks off later or at its
    /// first byte; anything else is found exactly where it was found alone.
    @Test(arguments: Self.refusedTexts.filter { !$0.onlyAlone })
    func whatMustBeRefusedIsNoData(example: JSONGrammarCase) {
        guard case .failure(let refusal) = JSONGrammarReading.scan(JSONGrammarReading.envelope(example.bytes)),
            case .failure(let problem) = JSONGrammarReading.document(example.bytes)
        else {
            Issue.record("\(example) was taken")
            return
        }
        #expect(refusal.code == .badJSON && refusal.id == "1")
        let front = JSONGrammarReading.front.count
        switch problem {
        case .tooDeep: #expect(refusal.reason == "nested deeper than 32 levels")
        case .syntax(let place) where place < example.bytes.count: #expect(refusal.place == front + place)
        case .syntax(let place): #expect(refusal.place.map { $0 >= front + place } == true)
        }
        #expect(JSONGrammarReading.code(JSONGrammarReading.envelopeInFront(example.bytes)) == .badJSON)
    }

    /// A comma or brace behind a complete value goes on with the envelope. It may then be a request, but one whose
    /// data ends where the value ended.
    @Test(arguments: Self.refused.filter(\.onlyAlone))
    func whatIsRefusedOnlyAloneIsNeverData(example: JSONGrammarCase) {
        switch JSONGrammarReading.scan(JSONGrammarReading.envelope(example.bytes)) {
        case .success(let scanned): #expect(scanned.text(\.data) == "1" && example.name == "value_and_field")
        case .failure(let refusal): #expect(refusal.code == .badJSON)
        }
    }

    /// These never reach the scanner: the message assembler closes the connection with 1007 before.
    @Test(arguments: Self.refusedBytes)
    func whatIsNotUTF8IsRefusedBeforeItIsScanned(example: JSONGrammarCase) {
        #expect(!JSONGrammarReading.isText(JSONGrammarReading.envelope(example.bytes)))
    }

    // MARK: Open

    @Test(arguments: Self.open)
    func whatTheStandardLeavesOpenIsDecided(verdict: JSONGrammarOpenCases.Verdict, example: JSONGrammarCase) throws {
        let message = JSONGrammarReading.envelope(example.bytes)
        #expect(JSONGrammarReading.isText(example.bytes) == (verdict != .notText))
        #expect(JSONGrammarReading.isText(message) == (verdict != .notText))
        switch verdict {
        case .accepted:
            #expect(JSONGrammarReading.document(example.bytes) == .success(0..<example.bytes.count))
            try Self.expectData(example.bytes, of: message)
        case .notText:
            // Nobody asks further.
            break
        case .notJSON:
            guard case .failure(.syntax) = JSONGrammarReading.document(example.bytes) else {
                Issue.record("no error of syntax")
                return
            }
            #expect(JSONGrammarReading.code(message) == .badJSON)
        case .tooDeep:
            #expect(JSONGrammarReading.document(example.bytes) == .failure(.tooDeep(limit: 32)))
            #expect(JSONGrammarReading.code(message) == .badJSON)
        }
    }

    // MARK: Against the reference

    /// The slow parser says the same of every case, so both would have to be wrong. Like the skipper it leaves UTF-8 to
    /// others; the deep cases are not shown to it, as its limit is another.
    @Test func theReferenceJudgesTheCasesAlike() {
        let all = Self.accepted + Self.refused + Self.open.map(\.1)
        let shallow = all.filter { $0.bytes.count < 1000 && !$0.name.contains("depth_33") }
        #expect(shallow.filter { Self.disagree(on: $0.bytes) }.map(\.name).isEmpty)
        #expect(shallow.count > 340)
    }

    /// Every case without one of its bytes, with one of them doubled, and every beginning of it.
    @Test func theReferenceJudgesDamagedCasesAlike() {
        var wrong: [String] = []
        var judged = 0
        for example in Self.accepted + Self.refused where example.bytes.count < 60 {
            for place in example.bytes.indices {
                var without = example.bytes
                let byte = without.remove(at: place)
                var doubled = example.bytes
                doubled.insert(byte, at: place)
                for bytes in [without, doubled, Array(example.bytes[..<place])] where Self.disagree(on: bytes) {
                    wrong.append(String(decoding: bytes, as: UTF8.self))
                }
                judged += 3
            }
        }
        #expect(wrong.prefix(5).isEmpty)
        #expect(judged > 5000)
    }

    private static func disagree(on bytes: [UInt8]) -> Bool {
        JSONGrammarReading.isDocument(bytes) != (ReferenceJSON.parse(bytes) != nil)
    }
}
