import BrokerWire
import NIOCore
import Testing

@Suite("Error frame")
struct ErrorFrameTests {
    private func text(_ refusal: Refusal, id: String = "", topic: String = "") throws -> String {
        try Written.text { buffer in
            id.withBytes { buffer.writeError(refusal, id: $0, topic: Array(topic.utf8)) }
        }
    }

    @Test func aRefusalSaysWhatAndWhyAndWhatToDo() throws {
        let refusal = Refusal(.forbidden, "publish to 'clicks' is not allowed for 'anonymous'")
        let expected = """
            {"op":"err","id":3,"code":4103,"name":"forbidden",\
            "reason":"publish to 'clicks' is not allowed for 'anonymous'","retry":"no"}
            """
        #expect(try self.text(refusal, id: "3") == expected)
    }

    @Test func aRefusalThatPassesSaysWhenToComeBack() throws {
        let expected = """
            {"op":"err","id":8,"code":4203,"name":"storage_full","reason":"...","retry":"later","afterMs":2000}
            """
        #expect(try self.text(Refusal(.storageFull, "..."), id: "8") == expected)
    }

    @Test func theTimeToComeBackMayBeAnother() throws {
        var refusal = Refusal(.rateLimited, "slow down")
        refusal.afterMilliseconds = 17
        #expect(try self.text(refusal).hasSuffix(#""retry":"later","afterMs":17}"#))
    }

    @Test(arguments: ErrorCode.allCases)
    func onlyWhatPassesSaysWhenToComeBack(code: ErrorCode) {
        #expect((Refusal(code, "").afterMilliseconds != nil) == (code.retry == .later))
    }

    @Test func aBadValueSaysWhy() throws {
        let expected = """
            {"op":"err","id":"a","code":4004,"name":"bad_value","reason":"'data' is no number","why":"not_a_number",\
            "retry":"no"}
            """
        let refusal = Refusal(.badValue, "'data' is no number", why: NumberError.notANumber.why)
        #expect(try self.text(refusal, id: #""a""#) == expected)
    }

    @Test func aRefusalWithoutIDNamesTheTopic() throws {
        let expected = """
            {"op":"err","topic":"a\\"b\\\\c","code":4103,"name":"forbidden","reason":"no","retry":"no"}
            """
        #expect(try self.text(Refusal(.forbidden, "no"), topic: #"a"b\c"#) == expected)
    }

    @Test func aReasonIsEscaped() throws {
        let text = try self.text(Refusal(.badEnvelope, "say \"hello\"\\\n\u{1}\u{7F}é"))
        #expect(text.contains(#""reason":"say \"hello\"\\\n\u0001\u007fé","#))
    }

    @Test func anyReasonMakesJSON() throws {
        let reason = String(decoding: Array(UInt8(0)...0x7F), as: UTF8.self) + "é😀\u{2028}"
        let json = try #require(ReferenceJSON.parse(Array(self.text(Refusal(.badJSON, reason)).utf8)))
        guard case .object(let members) = json.value, case .string(let bytes) = members[3].value.value else {
            Issue.record("the reason is no string")
            return
        }
        #expect(bytes == Array(reason.utf8))
    }

    @Test(arguments: ErrorCode.allCases)
    func everyErrorCarriesItsNumberNameAndRetry(code: ErrorCode) throws {
        let text = try self.text(Refusal(code, ""))
        #expect(text.contains(#""code":\#(code.rawValue),"name":"\#(code.name)","#))
        #expect(text.contains(#""retry":"\#(code.retry.rawValue)""#))
    }
}
