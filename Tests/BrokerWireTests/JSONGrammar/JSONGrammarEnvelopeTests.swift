import BrokerWire
import Testing

/// Corner cases of the grammar that are about the envelope itself; its fields have `RequestScannerTests`.
@Suite("JSON grammar, envelopes")
struct JSONGrammarEnvelopeTests {
    private static let fields = [
        ("op", #""pub""#), ("id", "1"), ("topic", #""t""#), ("data", "[1]"), ("retain", "true"),
    ]
    private static let tokens = [
        "{", #""op""#, ":", #""pub""#, ",", #""topic""#, ":", #""t""#, ",", #""data""#, ":", "{", #""a""#, ":", "[",
        "1", ",", "{", "}", "]", "}", "}",
    ]

    /// The message with `text` before token 0, 1, ... and behind the last one.
    private static func messages(with text: String) -> [String] {
        (0...Self.tokens.count).map { place in
            Self.tokens[..<place].joined() + text + Self.tokens[place...].joined()
        }
    }

    // MARK: Between tokens

    @Test func theMessageWithoutInsertionIsARequest() {
        #expect(JSONGrammarReading.code(Self.tokens.joined()) == nil)
    }

    @Test(arguments: [" ", "\t", "\n", "\r", " \r\n\t"])
    func aBlankMayStandBetweenAnyTwoTokens(blank: String) {
        #expect(Self.messages(with: blank).filter { JSONGrammarReading.code($0) != nil }.isEmpty)
    }

    @Test(arguments: JSONGrammar.foreignBlanks)
    func whatJSONDoesNotCallABlankIsNone(blank: Unicode.Scalar) {
        let messages = Self.messages(with: String(Character(blank)))
        #expect(messages.filter { JSONGrammarReading.code($0) != .badJSON }.isEmpty)
    }

    @Test(arguments: ["/**/", "/* c */", "//\n", "// c\n", "#\n", "# c\n", "--\n", "<!---->", ";", "''"])
    func aCommentMayStandNowhere(comment: String) {
        #expect(Self.messages(with: comment).filter { JSONGrammarReading.code($0) != .badJSON }.isEmpty)
    }

    /// One more of any of these is never right, wherever it stands: trailing commas, leading ones, doubled ones.
    @Test(arguments: [",", ":", "]", "}"])
    func aSeparatorTooManyIsRefusedEverywhere(separator: String) {
        let messages = Self.messages(with: separator)
        #expect(messages.filter { JSONGrammarReading.code($0) != .badJSON }.isEmpty)
    }

    @Test func everyASCIIByteBeforeAColonButABlankIsRefused() {
        let taken = (UInt8(0)..<0x80).filter { byte in
            let message = Array(#"{"op":"ping","x""#.utf8) + [byte] + Array(":1}".utf8)
            return JSONGrammarReading.code(message) == nil
        }
        #expect(taken == [0x09, 0x0A, 0x0D, 0x20])
    }

    @Test func singleQuotesAreRefusedInPlaceOfAnyQuotes() {
        let places = Self.tokens.indices.filter { Self.tokens[$0].hasPrefix("\"") }
        let messages = places.map { place in
            var tokens = Self.tokens
            tokens[place] = "'" + tokens[place].dropFirst().dropLast() + "'"
            return tokens.joined()
        }
        #expect(messages.count == 6)
        #expect(messages.filter { JSONGrammarReading.code($0) != .badJSON }.isEmpty)
    }

    // MARK: Strings

    /// In a name, a known field, an unknown one, and a name and a value within data.
    @Test(arguments: [
        (#"{"o"#, #"p":"ping"}"#), (#"{"op":"pi"#, #"ng"}"#), (#"{"op":"get","topic":"a"#, #""}"#),
        (#"{"op":"ping","x":"x"#, #""}"#), (#"{"op":"ping","x"#, #"":1}"#), (#"{"op":"ping","id":"1"#, #""}"#),
        (#"{"op":"pub","topic":"a","data":"123456789"#, #""}"#), (#"{"op":"pub","topic":"a","data":{"k"#, #"":1}}"#),
    ])
    func everyControlCharacterIsRefusedInEveryString(front: String, back: String) {
        let taken = (UInt8(0)..<0x20).filter { byte in
            JSONGrammarReading.code(Array(front.utf8) + [byte] + Array(back.utf8)) != .badJSON
        }
        #expect(taken.isEmpty)
    }

    /// Every order of up to five halves and plain characters, in a name and in a value: right only if each first
    /// half is followed by a second one and each second one follows a first.
    @Test func halvesOfPairsAreTakenOnlyAsPairs() {
        var wrong: [String] = []
        var taken = 0
        for order in ShortNames.all(over: "HLa", upTo: 5) {
            let rest = order.replacing("HL", with: "")
            let isRight = !rest.contains("H") && !rest.contains("L")
            let spelled = [
                (#"\ud800"#, #"\udc00"#, "a"), (#"\uDBFF"#, #"\uDFFF"#, #"\u0061"#), (#"\uDaAa"#, #"\udCcC"#, #"\n"#),
            ]
            for (high, low, plain) in spelled {
                let text = order.map { $0 == "H" ? high : $0 == "L" ? low : plain }.joined()
                for data in ["\"\(text)\"", "{\"\(text)\":1}", "[\"x\(text)x\"]"] {
                    let code = JSONGrammarReading.code(JSONGrammarReading.envelope(Array(data.utf8)))
                    if code != (isRight ? nil : .badJSON) { wrong.append(data) }
                    if JSONGrammarReading.isDocument(Array(data.utf8)) != isRight { wrong.append(data) }
                }
            }
            if isRight { taken += 1 }
        }
        #expect(wrong.prefix(5).isEmpty)
        #expect(taken > 10)
    }

    // MARK: Names

    /// Fully escaped, in small and large digits, and with one character escaped.
    @Test(arguments: Self.fields.map(\.0))
    func anEscapedFieldIsTheField(name: String) throws {
        let digits = name.utf8.map { String($0, radix: 16) }
        var spellings = [digits.map { #"\u00\#($0)"# }.joined(), digits.map { #"\u00\#($0.uppercased())"# }.joined()]
        for place in digits.indices {
            spellings.append(name.prefix(place) + #"\u00\#(digits[place])"# + name.dropFirst(place + 1))
        }
        for spelling in spellings {
            let members = Self.fields.map { "\"\($0.0 == name ? spelling : $0.0)\":\($0.1)" }
            let scanned = try ScannedRequest.scan("{\(members.joined(separator: ","))}")
            #expect(scanned.request.operation == .publish && scanned.request.retain, "\(spelling)")
            #expect([\.id, \.topic, \.data].map { scanned.text($0) } == ["1", "t", "[1]"], "\(spelling)")
        }
    }

    /// The same field by another spelling, before or behind, with the same or another value, is there twice.
    @Test(arguments: [
        (#""topic":"t","to\u0070ic":"t""#, "topic"), (#""to\u0070ic":"t","topic":"u""#, "topic"),
        (#""topi\u0063":"t","\u0074opic":"t""#, "topic"), (#""topic":"t","x":0,"topic":"t","topic":"t""#, "topic"),
        (#""data":1,"dat\u0061":1"#, "data"), (#""data":{"data":1},"data":{}"#, "data"),
        (#""id":1,"\u0069\u0064":1"#, "id"), (#""retain":true,"\u0072etain":true"#, "retain"),
        (#""seq":1,"s\u0065q":2"#, "seq"), (#""once":"a","onc\u0065":"a""#, "once"),
    ])
    func aFieldThatStandsTwiceInAPublishIsRefused(members: String, field: String) {
        let others = Self.fields.filter { $0.0 != field && $0.0 != "id" }.map { ",\"\($0.0)\":\($0.1)" }.joined()
        guard case .failure(let refusal) = JSONGrammarReading.scan(Array("{\(members)\(others)}".utf8)) else {
            Issue.record("taken")
            return
        }
        #expect(refusal.code == .badJSON && refusal.field == field)
    }

    /// Names are compared as bytes, and only the envelope's own are fields.
    @Test(arguments: [
        #""Topic":"u""#, #""topic ":"u""#, #""topic\u0000":"u""#, #""\u0009topic":"u""#,
        #""t\u006fpics":"u""#, #""\\u0074opic":"u""#, "\"\u{FF54}opic\":\"u\"", "\"t\u{43E}pic\":\"u\"",
        "\"topic\u{200B}\":\"u\"", "\"\u{FEFF}topic\":\"u\"", #""x":{"topic":"u","topic":"v"}"#, #""x":1,"x":2,"x":3"#,
    ])
    func aNameThatOnlyLooksLikeAFieldIsNone(member: String) throws {
        let scanned = try ScannedRequest.scan(#"{\#(member),"op":"pub","topic":"t","data":1,\#(member)}"#)
        #expect(scanned.text(\.topic) == "t" && scanned.text(\.data) == "1")
    }

    // MARK: Encodings

    /// Without a byte order mark, ASCII in UTF-16 and UTF-32 is UTF-8 with many zero bytes, and reaches the scanner.
    @Test(arguments: [2, 4])
    func aRequestOfWiderUnitsIsNotJSON(width: Int) {
        let zeros = Array(repeating: UInt8(0), count: width - 1)
        let littleEndian = Array(#"{"op":"ping"}"#.utf8).flatMap { [$0] + zeros }
        let bigEndian = Array(#"{"op":"ping"}"#.utf8).flatMap { zeros + [$0] }
        for bytes in [littleEndian, bigEndian] {
            #expect(JSONGrammarReading.isText(bytes))
            #expect(JSONGrammarReading.code(bytes) == .badJSON)
        }
        // The marks are not UTF-8, so with them the request does not even get there.
        let marks =
            width == 2 ? [[0xFF, 0xFE], [0xFE, 0xFF]] : [[0xFF, 0xFE, 0, 0], [0, 0, 0xFE, 0xFF]] as [[UInt8]]
        #expect(!JSONGrammarReading.isText(marks[0] + littleEndian))
        #expect(!JSONGrammarReading.isText(marks[1] + bigEndian))
    }

    // MARK: Work

    /// Constant work: nothing behind the container that is one too many is looked at.
    @Test(arguments: ["[", #"{"":"#, #"[{"":"#])
    func depthIsRefusedAtTheFirstContainerTooMany(open: String) {
        let text = Array(String(repeating: open, count: 100_000).utf8)
        let containers = text.indices.filter { text[$0] == UInt8(ascii: "[") || text[$0] == UInt8(ascii: "{") }
        let place = text.withUnsafeBytes { buffer -> Int in
            var skipper = JSONSkipper(buffer)
            #expect(throws: JSONSkipper.Problem.tooDeep(limit: 32)) { try skipper.skipValue() }
            return skipper.index
        }
        #expect(place == containers[32])
    }

    /// The names of 10,000 unknown fields count even if it is always the same one, and their values are walked.
    @Test(arguments: ["0", #"{"a":[1]}"#, #""\ud83d\ude39""#])
    func tenThousandUnknownFieldsAreABadEnvelope(value: String) {
        let members = Array(repeating: "\"x\":\(value)", count: 10_000).joined(separator: ",")
        #expect(JSONGrammarReading.code(#"{"op":"ping",\#(members)}"#) == .badEnvelope)
        #expect(JSONGrammarReading.code(#"{"op":"ping",\#(members),}"#) == .badJSON)
    }
}
