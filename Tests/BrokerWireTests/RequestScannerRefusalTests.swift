import BrokerWire
import Testing

/// What is no request, and what its refusal says.
@Suite("Request scanner, refusals")
struct RequestScannerRefusalTests {
    private func refusal(of message: String, limits: WireLimits = WireLimits()) -> ScannedRefusal? {
        do throws(ScannedRefusal) {
            _ = try ScannedRequest.scan(message, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    // MARK: JSON

    @Test(
        arguments: [
            "", " ", "{", "{}}", "{]", "{\"op\"", "{\"op\":", "{\"op\":\"ping\"", "{\"op\":\"ping\",}", "{,}", "{op:1}",
            "{'op':'ping'}", "{\"op\":\"ping\"}{}", "{\"op\":\"ping\"} x", "{\"op\":\"ping\"}\u{0}",
            "{\"op\" \"ping\"}", "{\"op\":\"ping\" \"id\":1}", "{\"op\":\"ping\"/**/}", "{\"op\":\"pi\nng\"}",
            "{\"op\":ping}", "x", "nul", "{\"data\":NaN}", "{\"data\":Infinity}", "{\"data\":-Infinity}",
            "{\"data\":01}", "{\"data\":1.}", "{\"data\":+1}", "{\"data\":[1,]}", "{\"data\":\"\\ud800\"}",
            "{\"data\":\"\\udc00\\ud800\"}", "{\"data\":\"\\uD83D text\"}", "{\"\\ud800\":1}", "{\"id\":\"\\x\"}",
            "{\"id\":007}", "{\"seq\":-}", "[1", "\"x", "\u{FEFF}{\"op\":\"ping\"}",
        ])
    func whatIsNoJSONIsRefusedAsSuch(message: String) {
        #expect(self.refusal(of: message)?.code == .badJSON)
    }

    @Test func aMessageThatBreaksOffSaysSo() {
        #expect(self.refusal(of: #"{"op":"pub","#)?.reason == "the JSON ends too early, at byte 12")
    }

    @Test func aBadByteIsNamedByItsPlace() {
        #expect(self.refusal(of: #"{"op":pub}"#)?.reason == "not JSON at byte 6")
    }

    @Test(arguments: ["[]", "\"x\"", "1", "null", "true", "[{\"op\":\"ping\"}]", " -1.5e3 "])
    func whatIsNoObjectIsNoRequest(message: String) {
        #expect(self.refusal(of: message) == ScannedRefusal(.badEnvelope, "", "a request is a JSON object"))
    }

    @Test(arguments: [#"{"data":"#, #"{"x":"#, #"{"since":"#, #"{"producer":"#, ""])
    func depthPastTheLimitIsRefusedWhereverItIs(front: String) {
        let message = front + String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
        let refusal = self.refusal(of: message + (front.isEmpty ? "" : "}"))
        #expect(refusal == ScannedRefusal(.badJSON, "", "nested deeper than 32 levels"))
    }

    @Test func aSmallerDepthIsKept() {
        let limits = WireLimits(jsonDepthMax: 1)
        #expect(self.refusal(of: #"{"op":"pub","topic":"a","data":[1]}"#, limits: limits) == nil)
        #expect(self.refusal(of: #"{"op":"pub","topic":"a","data":[[]]}"#, limits: limits)?.code == .badJSON)
    }

    @Test func aHundredThousandBracketsAreRefused() {
        #expect(self.refusal(of: #"{"data":"# + String(repeating: "[", count: 100_000))?.code == .badJSON)
    }

    /// The bytes behind the cut are there and would complete the message: none of them may be read.
    @Test(arguments: RequestCases.messages)
    func everyTruncationIsRefusedAsBadJSON(message: String) {
        let bytes = Array(message.utf8)
        var wrong: [Int] = []
        for count in 0..<bytes.count {
            var copy = bytes
            let code = copy.withUnsafeMutableBytes { buffer -> ErrorCode? in
                let cut = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                do throws(RequestError) {
                    _ = try RequestScanner.scan(cut, limits: WireLimits())
                    return nil
                } catch {
                    return error.code
                }
            }
            if code != .badJSON || copy[count...] != bytes[count...] { wrong.append(count) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    // MARK: Fields

    @Test(arguments: [
        ("op", ["1", "null", "true", "{}", "[]"]), ("topic", ["1", "null", "[\"a\"]"]),
        ("id", ["null", "true", "{}", "[1]", "-1", "1.0", "1e2", "-0", "9007199254740992", "18446744073709551617"]),
        ("retain", ["\"yes\"", "1", "0", "null", "\"true\""]), ("echo", ["0", "null"]), ("retained", ["\"\"", "[]"]),
        ("seq", ["0", "-1", "1.5", "1.0", "1e0", "\"7\"", "null", "9007199254740992", "99999999999999999", "[]"]),
        ("v", ["\"1\"", "-1", "1.0", "null"]), ("once", ["1", "null", "{}", "\"\""]),
        ("token", ["1", "null", "{}", "\"\""]),
        ("mode", ["1", "null", "\"\"", "\"Latest\"", "\"every\"", "\"allx\"", "\"latest \""]),
        (
            "maxRate",
            [
                "0", "-1", "0.0009", "1000001", "1e400", "\"10\"", "null", "true", "[]", "{}",
                "10.000000000000000000000000000000",
            ]
        ),
        (
            "since",
            ["null", "1", "\"k3:7\"", "[]", "{}", #"{"offset":1}"#, #"{"epoch":"k"}"#, #"{"epoch":"","offset":1}"#]
        ),
        ("token", ["1", "null", "[]"]), ("client", ["1", "{}"]), ("producer", ["1", "null", "\"p\"", "[]"]),
    ])
    func aFieldOfAWrongTypeIsNamed(field: String, tokens: [String]) {
        for token in tokens {
            let refusal = self.refusal(of: #"{"\#(field)":\#(token)}"#)
            #expect(refusal?.code == .badEnvelope && refusal?.field == field, "\(token)")
            #expect(refusal?.reason.hasPrefix("'\(field)' ") == true, "\(token)")
        }
    }

    @Test(arguments: [
        (#"{"epoch":1,"offset":1}"#, "since.epoch"), (#"{"epoch":null,"offset":1}"#, "since.epoch"),
        (#"{"epoch":"k","offset":"1"}"#, "since.offset"), (#"{"epoch":"k","offset":-1}"#, "since.offset"),
        (#"{"epoch":"k","offset":9007199254740992}"#, "since.offset"),
    ])
    func aMemberOfAWrongTypeIsNamedByItsPath(since: String, field: String) {
        let refusal = self.refusal(of: #"{"op":"sub","topic":"a","since":\#(since)}"#)
        #expect(refusal?.code == .badEnvelope)
        #expect(refusal?.field == field)
    }

    @Test(arguments: [
        ("{}", "op"), (#"{"id":1}"#, "op"), (#"{"op":"pub","topic":"a"}"#, "data"),
        (#"{"op":"pub","data":1}"#, "topic"),
        (#"{"op":"get"}"#, "topic"), (#"{"op":"reset"}"#, "topic"), (#"{"op":"sub"}"#, "topic"),
        (#"{"op":"unsub"}"#, "topic"),
    ])
    func aMissingFieldIsNamed(message: String, field: String) {
        let id = message.contains("id") ? "1" : ""
        #expect(self.refusal(of: message) == ScannedRefusal(.badEnvelope, field, "'\(field)' is missing", id: id))
    }

    @Test(arguments: ["", "PUB", "pubs", "publish", "subscribe", "pu", "pub ", "\\u0000pub", "welcome", "ack", "plain"])
    func anUnknownOperationIsRefused(operation: String) {
        let refusal = self.refusal(of: #"{"op":"\#(operation)","topic":"a","data":1}"#)
        let reason = "'op' is none of hello, sub, unsub, pub, get, reset and ping"
        #expect(refusal == ScannedRefusal(.badEnvelope, "op", reason))
    }

    @Test func idAndSeqExcludeEachOther() {
        let refusal = self.refusal(of: #"{"op":"pub","id":1,"seq":1,"topic":"a","data":1}"#)
        #expect(refusal == ScannedRefusal(.badEnvelope, "seq", "'seq' and 'id' together: use one of them", id: "1"))
    }

    @Test func aRateAndEveryMessageExcludeEachOther() {
        let refusal = self.refusal(of: #"{"op":"sub","topic":"a","mode":"all","maxRate":1}"#)
        #expect(refusal?.code == .badEnvelope && refusal?.field == "maxRate")
    }

    @Test(arguments: RequestCases.fields)
    func aFieldThatStandsTwiceIsRefused(field: String, token: String) {
        let refusal = self.refusal(of: #"{"\#(field)":\#(token),"x":1,"\#(field)":\#(token)}"#)
        #expect(refusal?.code == .badJSON)
        #expect(refusal?.field == field)
        #expect(refusal?.reason == "'\(field)' stands twice")
    }

    @Test(arguments: RequestCases.fields)
    func aFieldThatStandsTwiceIsFoundBehindEscapes(field: String, token: String) {
        let escaped = field.utf8.map { "\\u00" + String($0, radix: 16) }.joined()
        let refusal = self.refusal(of: #"{"\#(field)":\#(token),"\#(escaped)":\#(token)}"#)
        #expect(refusal?.code == .badJSON && refusal?.field == field)
    }

    @Test(arguments: ["epoch", "offset"])
    func aMemberOfSinceThatStandsTwiceIsRefused(member: String) {
        let both = #""epoch":"k","offset":1"#
        let again = member == "epoch" ? #""\u0065poch":"l""# : #""offset":2"#
        let refusal = self.refusal(of: #"{"op":"sub","topic":"a","since":{\#(both),\#(again)}}"#)
        #expect(refusal?.code == .badJSON)
        #expect(refusal?.field == "since.\(member)")
    }

    // MARK: Limits

    @Test func anIDOf65BytesIsRefused() {
        let refusal = self.refusal(of: #"{"op":"ping","id":"\#(String(repeating: "x", count: 65))"}"#)
        #expect(refusal == ScannedRefusal(.badEnvelope, "id", "'id' is a string of more than 64 bytes"))
    }

    @Test func aOnceOf65BytesIsRefused() {
        let refusal = self.refusal(of: #"{"op":"ping","once":"\#(String(repeating: "x", count: 65))"}"#)
        #expect(refusal == ScannedRefusal(.badEnvelope, "once", "'once' has 1 to 64 bytes"))
    }

    @Test func aRequestOf33FieldsIsRefused() {
        let others = (0..<32).map { #""x\#($0)":0"# }.joined(separator: ",")
        let refusal = self.refusal(of: #"{"op":"ping",\#(others)}"#)
        #expect(refusal == ScannedRefusal(.badEnvelope, "", "more than 32 fields in one request"))
    }

    @Test func aRequestOfTenThousandFieldsIsRefused() {
        let others = (0..<10_000).map { #""x\#($0)":0"# }.joined(separator: ",")
        #expect(self.refusal(of: #"{\#(others),"id":3}"#)?.id == "3")
    }

    // MARK: Topics

    @Test(arguments: ["pub", "get", "reset"], ["", "/", "a//b", "a/", "+", "a/#", "a b", #"a\u0000"#, #"a\u2028"#])
    func anIllFormedTopicIsRefused(operation: String, topic: String) {
        let refusal = self.refusal(of: #"{"op":"\#(operation)","data":1,"topic":"\#(topic)"}"#)
        #expect(refusal?.code == .badTopic && refusal?.field == "topic")
    }

    @Test(arguments: ["sub", "unsub"], ["", "/", "a//b", "a/", "a+", "#/a", "a b", #"a\u0000"#])
    func anIllFormedFilterIsRefused(operation: String, filter: String) {
        let refusal = self.refusal(of: #"{"op":"\#(operation)","topic":"\#(filter)"}"#)
        #expect(refusal?.code == .badFilter && refusal?.field == "topic")
    }

    @Test(arguments: ["$SYS/broker", "$x", "a/$x", #"\u0024sys"#])
    func theBrokersOwnTopicsAreForbidden(topic: String) {
        #expect(self.refusal(of: #"{"op":"pub","data":1,"topic":"\#(topic)"}"#)?.code == .forbidden)
    }

    @Test func theTextTellsTheRule() {
        let refusal = self.refusal(of: #"{"op":"get","id":5,"topic":"a//b"}"#)
        #expect(refusal == ScannedRefusal(.badTopic, "topic", "'topic' has an empty level", id: "5"))
    }

    @Test func theLimitsOfTopicsAreTheConfiguredOnes() {
        let limits = WireLimits(topic: TopicLimits(bytesMax: 3))
        #expect(self.refusal(of: #"{"op":"get","topic":"abc"}"#, limits: limits) == nil)
        #expect(self.refusal(of: #"{"op":"get","topic":"abcd"}"#, limits: limits)?.code == .badTopic)
    }

    // MARK: The id of a refusal

    @Test(
        arguments: [
            #"{"id":7,"op":1}"#, #"{"op":1,"id":7}"#, #"{"op":"x","topic":2,"id":7}"#, #"{"id":7}"#,
            #"{"op":"pub","op":"pub","id":7}"#, #"{"topic":"/","op":"get","id":7}"#,
            #"{"id":7,"op":"pub","topic":"a"}"#,
            #"{"id":7,"op":"ping",}"#, #"{"since":1,"maxRate":0,"once":"","id":7}"#,
        ])
    func aRefusalCarriesTheID(message: String) {
        #expect(self.refusal(of: message)?.id == "7")
    }

    @Test func aRefusalCarriesTheIDAsItCame() {
        #expect(self.refusal(of: #"{"op":1,"id":"\u0041\""}"#)?.id == #""\u0041\"""#)
    }

    @Test func theFirstWrongFieldIsTheOneThatIsNamed() {
        #expect(self.refusal(of: #"{"seq":0,"mode":1,"op":2}"#)?.field == "seq")
    }
}
