import BrokerWire
import Testing

/// Seeded random messages against the protocol's rules over another JSON parser.
@Suite("Request scanner, random messages")
struct RequestScannerFuzzTests {
    @Test func theReferenceTakesTheCases() {
        let refused = RequestCases.messages.filter { message in
            if case .refused = ReferenceRequest.judge(Array(message.utf8)) { true } else { false }
        }
        #expect(refused.isEmpty)
    }

    @Test func damagedMessagesAreJudgedAsByTheReference() {
        var generator = SeededGenerator(seed: 10)
        var wrong: [String] = []
        for _ in 0..<10_000 {
            let message = Mutation.mutated(Array(generator.pick(RequestCases.messages).utf8), &generator)
            if !Self.agree(on: message) { wrong.append(String(decoding: message, as: UTF8.self)) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func composedMessagesAreJudgedAsByTheReference() {
        var generator = SeededGenerator(seed: 11)
        var wrong: [String] = []
        var codes: [ErrorCode?: Int] = [:]
        for _ in 0..<10_000 {
            let message = Array(Self.composed(&generator).utf8)
            if !Self.agree(on: message) { wrong.append(String(decoding: message, as: UTF8.self)) }
            codes[Self.code(ReferenceRequest.judge(message)), default: 0] += 1
        }
        #expect(wrong.prefix(5).isEmpty)
        // Else the messages are not worth much.
        #expect(codes[nil, default: 0] > 1000)
        #expect([ErrorCode.badJSON, .badEnvelope, .badTopic, .badFilter].allSatisfy { codes[$0, default: 0] > 100 })
    }

    @Test func composedAndDamagedMessagesAreJudgedAsByTheReference() {
        var generator = SeededGenerator(seed: 12)
        var wrong: [String] = []
        for _ in 0..<10_000 {
            let message = Mutation.mutated(Array(Self.composed(&generator).utf8), &generator)
            if !Self.agree(on: message) { wrong.append(String(decoding: message, as: UTF8.self)) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func randomBytesTrapNothing() {
        var generator = SeededGenerator(seed: 13)
        var taken = 0
        for _ in 0..<5000 {
            let message = [UInt8(ascii: "{")] + generator.bytes(generator.below(60))
            if (try? ScannedRequest.scan(message)) != nil { taken += 1 }
        }
        #expect(taken == 0)
    }

    // MARK: Comparing

    private static func code(_ verdict: ReferenceRequest.Verdict) -> ErrorCode? {
        if case .refused(let code, _, _) = verdict { code } else { nil }
    }

    /// Whether scanner and reference say the same. What is not UTF-8 never gets as far as the scanner, so of such a
    /// message it has only to be scanned without a trap.
    private static func agree(on message: [UInt8]) -> Bool {
        guard String(validating: message, as: UTF8.self) != nil else {
            _ = try? ScannedRequest.scan(message)
            return true
        }
        let expected = ReferenceRequest.judge(message)
        do throws(ScannedRefusal) {
            return expected == .accepted(Self.fields(of: try ScannedRequest.scan(message)))
        } catch {
            guard case .refused(let code, let field, let id) = expected else { return false }
            return error.code == code && error.field == field && (id == nil || error.id == id)
        }
    }

    private static func fields(of scanned: ScannedRequest) -> ReferenceRequest.Fields {
        let request = scanned.request
        return ReferenceRequest.Fields(
            operation: request.operation,
            id: scanned.raw(\.id),
            topic: scanned.raw(\.topic),
            data: scanned.raw(\.data),
            once: scanned.raw(\.once),
            seq: request.seq,
            version: request.version,
            mode: request.mode,
            maxRate: request.maxRate,
            retain: request.retain,
            echo: request.echo,
            wantsRetained: request.wantsRetained,
            sinceEpoch: scanned.raw(\.sinceEpoch),
            sinceOffset: request.sinceOffset,
            hasProducer: request.hasProducer
        )
    }

    // MARK: Composing

    private static let values: [String: [String]] = [
        "op": [#""pub""#, #""sub""#, #""unsub""#, #""get""#, #""reset""#, #""ping""#, #""hello""#, #""p\u0075b""#],
        "id": ["0", "17", "9007199254740991", "9007199254740992", #""x""#, #""\u0041""#, "\"\"", "-1", "1.0"],
        "topic": [#""a""#, #""a/b""#, #""a/+""#, "\"#\"", #""\u0061/é""#, #""a//b""#, #""$sys""#, #""a b""#, "\"\""],
        "data": ["1", "-0.5e3", "null", "true", #""text\n""#, #"{"a":[1,{}]}"#, "[]", #"{"a":1,"a":2}"#],
        "retain": ["true", "false"], "echo": ["true", "false"], "retained": ["true", "false"],
        "seq": ["1", "1044", "9007199254740991", "0"], "v": ["1", "0", "2"],
        "once": [#""order-1""#, #""\u006f""#, "\"\""], "mode": [#""latest""#, #""all""#, #""a\u006cl""#],
        "maxRate": ["10", "0.5", "1e3", "0", "1e7"], "token": [#""t""#], "client": [#""c/1""#],
        "producer": ["{}", #"{"name":"m","resume":true}"#],
        "since": [
            #"{"epoch":"k3","offset":17}"#, #"{ "offset" : 0 , "x":[1], "epoch" : "\u006b" }"#, #"{"epoch":"k"}"#, "{}",
            #"{"offset":1,"offset":2,"epoch":"k"}"#, #"{"epoch":1,"offset":"1"}"#,
        ],
    ]
    private static let names = Self.values.keys.sorted() + ["x", "", #"\u0000op"#, "topics"]
    private static let anything = ["null", "true", "1", "-1", "1e5", "\"\"", #""a""#, "[]", "{}", "[[1]]", "x", "01"]

    /// A message that is right more often than not.
    private static func composed(_ generator: inout SeededGenerator) -> String {
        var names = generator.chance(95) ? ["op"] : []
        if generator.chance(85) { names.append("topic") }
        if generator.chance(60) { names.append("data") }
        if generator.chance(40) { names.append("id") }
        for _ in 0..<generator.below(4) { names.append(generator.pick(Self.names)) }
        names.shuffle(using: &generator)
        let members = names.map { name in
            let blank = generator.pick(["", "", "", " ", "\n\t"])
            let value =
                generator.chance(97) ? generator.pick(Self.values[name] ?? ["0"]) : generator.pick(Self.anything)
            let written = generator.chance(10) ? Self.escaped(name, &generator) : name
            return "\(blank)\"\(written)\"\(blank):\(blank)\(value)\(blank)"
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func escaped(_ name: String, _ generator: inout SeededGenerator) -> String {
        guard !name.contains("\\") else { return name }
        return name.utf8.map { byte in
            generator.chance(50) ? "\\u00" + String(byte, radix: 16) : String(Character(Unicode.Scalar(byte)))
        }.joined()
    }
}
