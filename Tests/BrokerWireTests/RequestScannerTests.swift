import BrokerWire
import Testing

/// What a message says when it is a request; what is refused stands in `RequestScannerRefusalTests`.
@Suite("Request scanner")
struct RequestScannerTests {
    // MARK: Operations

    @Test(
        arguments: [
            (#"{"op":"hello"}"#, Request.Operation.hello), (#"{"op":"ping","id":7}"#, .ping),
            (#"{"op":"sub","id":1,"topic":"clicks"}"#, .subscribe),
            (#"{"op":"unsub","id":2,"topic":"clicks"}"#, .unsubscribe),
            (#"{"op":"pub","id":3,"topic":"clicks","data":6}"#, .publish),
            (#"{"op":"get","id":5,"topic":"clicks"}"#, .get), (#"{"op":"reset","id":6,"topic":"clicks"}"#, .reset),
        ])
    func everyOperationIsKnown(message: String, operation: Request.Operation) throws {
        #expect(try ScannedRequest.scan(message).request.operation == operation)
    }

    @Test func aRequestWithoutFieldsHasTheDefaults() throws {
        let request = try ScannedRequest.scan(#"{"op":"ping"}"#).request
        #expect(request.id.isEmpty && request.topic.isEmpty && request.data.isEmpty && request.once.isEmpty)
        #expect(request.mode == nil && request.seq == nil && request.version == nil)
        #expect(!request.retain && request.echo && request.wantsRetained)
        #expect(request.dataKind == .absent)
        #expect(request.maxRate == 0)
        #expect(!request.hasSince && !request.hasProducer)
    }

    @Test func theLengthOfTheMessageIsKept() throws {
        #expect(try ScannedRequest.scan(#" {"op":"ping"} "#).request.messageBytes == 15)
    }

    // MARK: Fields

    @Test func aPublishHasItsFields() throws {
        let scanned = try ScannedRequest.scan(
            #"{"op":"pub","id":4,"once":"order-8812","topic":"orders","data":1,"retain":true}"#
        )
        #expect(scanned.text(\.id) == "4")
        #expect(scanned.text(\.once) == "order-8812")
        #expect(scanned.text(\.topic) == "orders")
        #expect(scanned.text(\.data) == "1")
        #expect(scanned.request.retain)
    }

    @Test func aSubscriptionHasItsFields() throws {
        let scanned = try ScannedRequest.scan(
            """
            {"op":"sub","id":"s","topic":"a/+/#","mode":"latest","maxRate":10,"echo":false,"retained":false,
             "since":{"epoch":"k3","offset":1042}}
            """
        )
        #expect(scanned.text(\.topic) == "a/+/#")
        #expect(scanned.request.mode == .latest)
        #expect(scanned.request.maxRate == 10)
        #expect(!scanned.request.echo)
        #expect(!scanned.request.wantsRetained)
        #expect(scanned.request.hasSince)
        #expect(scanned.text(\.sinceEpoch) == "k3")
        #expect(scanned.request.sinceOffset == 1042)
    }

    @Test func aHelloHasItsFields() throws {
        let request = try ScannedRequest.scan(
            """
            {"op":"hello","v":1,"token":"t","client":"wspub/1.0",
             "producer":{"name":"meter-17","epoch":702314415,"acked":1041}}
            """
        ).request
        #expect(request.version == 1)
        #expect(request.hasProducer)
    }

    @Test(arguments: [("latest", Request.Mode.latest), ("all", .all)])
    func eachModeIsKnown(word: String, mode: Request.Mode) throws {
        let scanned = try ScannedRequest.scan(#"{"op":"sub","topic":"a","mode":"\#(word)"}"#)
        #expect(scanned.request.mode == mode)
    }

    @Test(arguments: [("0.001", 0.001), ("1", 1), ("10", 10), ("2.5e1", 25), ("1000000", 1_000_000)])
    func aRateIsTakenUpToItsLimits(token: String, rate: Double) throws {
        let scanned = try ScannedRequest.scan(#"{"op":"sub","topic":"a","maxRate":\#(token)}"#)
        #expect(scanned.request.maxRate == rate)
    }

    @Test(arguments: [("1", 1), ("42", 42), ("9007199254740991", 9_007_199_254_740_991)] as [(String, UInt64)])
    func aSequenceNumberIsTakenUpToItsLimits(token: String, seq: UInt64) throws {
        #expect(try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":1,"seq":\#(token)}"#).request.seq == seq)
    }

    /// The token is echoed as it came and is never understood, so it is kept with its quotes and escapes.
    @Test(
        arguments: [
            "0", "1", "9007199254740991", #""""#, #""a""#, #""é""#, #""\u0041\"\\""#,
            "\"" + String(repeating: "x", count: 64) + "\"",
        ])
    func anIDIsKeptAsItCame(token: String) throws {
        #expect(try ScannedRequest.scan(#"{"op":"ping","id":\#(token)}"#).text(\.id) == token)
    }

    @Test func anEmptyIDIsAnID() throws {
        let request = try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":1,"id":""}"#).request
        #expect(request.isAnswered)
    }

    @Test(arguments: [1, 64])
    func aOnceIsTakenUpToItsLimits(count: Int) throws {
        let once = String(repeating: "x", count: count)
        #expect(try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":1,"once":"\#(once)"}"#).text(\.once) == once)
    }

    @Test func lengthsOfEscapedTextCountWhatItSays() throws {
        let escaped = String(repeating: #"\u0078"#, count: 64)
        let scanned = try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":1,"once":"\#(escaped)"}"#)
        #expect(scanned.text(\.once) == String(repeating: "x", count: 64))
    }

    // MARK: Data

    @Test(
        arguments: [
            ("null", Request.ValueKind.null), ("true", .boolean), ("false", .boolean), ("6", .number),
            ("-0.5e1", .number), (#""6""#, .string), (#""""#, .string), ("{}", .container), ("[1]", .container),
        ])
    func theKindOfDataIsKnown(token: String, kind: Request.ValueKind) throws {
        #expect(try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":\#(token)}"#).request.dataKind == kind)
    }

    /// Blanks, escapes, doubled names and long numbers inside of `data` are the client's business.
    @Test(
        arguments: [
            "6", "1.0", "1e2", "-0", "123456789012345678901234567890", "\"to\\u0070ic \\/ \\n\"", "{ \"a\" : 1 }",
            "{\"a\":1,\"a\":2}", "[ 1,\t2 , \"\\u00e9\" ]", "{\"op\":\"sub\",\"id\":9}", "\"é😀\u{FFFE}\u{200F}\"",
            "{\"__proto__\":{},\"constructor\":1}", "\"\\u0000\"",
        ])
    func dataIsKeptAsTheClientWroteIt(token: String) throws {
        let message = #"{"op":"pub","data" : \#(token) ,"to\u0070ic":"\u0061"}"#
        let scanned = try ScannedRequest.scan(message)
        #expect(scanned.raw(\.data) == Array(token.utf8))
        #expect(scanned.text(\.topic) == "a")
    }

    @Test func dataOfAHundredThousandMembersIsTaken() throws {
        let members = (0..<20_000).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
        let scanned = try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":{\#(members)}}"#)
        #expect(scanned.raw(\.data).count == members.utf8.count + 2)
    }

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
    func dataAtTheDepthLimitIsTaken(open: String, close: String) throws {
        let data = String(repeating: open, count: 32) + "1" + String(repeating: close, count: 32)
        #expect(try ScannedRequest.scan(#"{"op":"pub","topic":"a","data":\#(data)}"#).text(\.data) == data)
    }

    // MARK: Freedom of form

    @Test func theOrderOfFieldsIsFree() throws {
        let fields = [#""op":"pub""#, #""id":3"#, #""topic":"t""#, #""data":[1]"#, #""retain":true"#]
        var orders: [[String]] = [[]]
        for _ in fields {
            orders = orders.flatMap { order in fields.filter { !order.contains($0) }.map { order + [$0] } }
        }
        #expect(orders.count == 120)
        for order in orders {
            let scanned = try ScannedRequest.scan("{\(order.joined(separator: ","))}")
            let texts = [scanned.text(\.id), scanned.text(\.topic), scanned.text(\.data)]
            #expect(scanned.request.operation == .publish && texts == ["3", "t", "[1]"] && scanned.request.retain)
        }
    }

    @Test func blanksMayStandBetweenAnyTwoTokens() throws {
        let blank = " \t\r\n "
        let tokens = [
            "", "{", #""op""#, ":", #""pub""#, ",", #""topic""#, ":", #""a""#, ",", #""data""#, ":", "1", "}", "",
        ]
        let scanned = try ScannedRequest.scan(tokens.joined(separator: blank))
        #expect([scanned.text(\.topic), scanned.text(\.data)] == ["a", "1"])
    }

    @Test func sixtyThousandBlanksAreNothing() throws {
        let blank = String(repeating: " ", count: 30_000)
        #expect(try ScannedRequest.scan("\(blank){\"op\":\"ping\"}\(blank)").request.operation == .ping)
    }

    @Test(arguments: [#"{"to\u0070ic":"a","op":"get"}"#, #"{"\u0074opic":"\u0061","\u006f\u0070":"\u0067et"}"#])
    func anEscapedFieldMeansWhatItSays(message: String) throws {
        let scanned = try ScannedRequest.scan(message)
        #expect(scanned.request.operation == .get)
        #expect(scanned.text(\.topic) == "a")
    }

    @Test func theMembersOfSinceMayBeEscapedAndInAnyOrder() throws {
        let scanned = try ScannedRequest.scan(
            #"{"op":"sub","topic":"a","since":{ "x":[{}], "off\u0073et" : 7 , "\u0065poch":"k\u0033" }}"#
        )
        #expect(scanned.text(\.sinceEpoch) == "k3")
        #expect(scanned.request.sinceOffset == 7)
    }

    @Test(
        arguments: [
            #""x":1"#, #""x":{"op":"sub"}"#, #""x":"op""#, #""OP":1"#, #""ops":1"#, #""o":1"#, #""":1"#, #""topics":1"#,
            #""dataaaaaaaaaaaa":1"#, #""__proto__":{}"#, #""constructor":null"#, #""op ":1"#, #""é":1"#, #""\u0000":1"#,
            // A name is not the same with zero bytes in front, though it is as a number.
            #""\u0000op":"sub""#, #""\u0000\u0000data":2"#,
        ])
    func anUnknownFieldIsPassedOver(field: String) throws {
        let scanned = try ScannedRequest.scan(#"{\#(field),"op":"pub","topic":"a","data":1,\#(field)}"#)
        #expect(scanned.request.operation == .publish)
        #expect(scanned.text(\.data) == "1")
    }

    @Test func anUnknownFieldMayHaveALongName() throws {
        let name = String(repeating: "k", count: 60_000)
        #expect(try ScannedRequest.scan(#"{"\#(name)":1,"op":"ping"}"#).request.operation == .ping)
    }

    @Test func aRequestOf32FieldsIsTaken() throws {
        let others = (0..<31).map { #""x\#($0)":0"# }.joined(separator: ",")
        #expect(try ScannedRequest.scan(#"{"op":"ping",\#(others)}"#).request.operation == .ping)
    }

    // MARK: Topics

    @Test(
        arguments: [
            ("a", "a"), ("factory/m1/power", "factory/m1/power"), ("é", "é"), (#"a\u0022b"#, "a\"b"),
            (#"a\\b"#, #"a\b"#),
            (#"a\/b"#, "a/b"), ("..", ".."), ("%2e", "%2e"), ("';DROP--", "';DROP--"), ("a${jndi:x}", "a${jndi:x}"),
        ])
    func aTopicIsUnescapedAndNeverInterpreted(written: String, topic: String) throws {
        #expect(try ScannedRequest.scan(#"{"op":"get","topic":"\#(written)"}"#).text(\.topic) == topic)
    }

    @Test func theScannerKeepsTheTopicsSpelling() throws {
        let composed = try ScannedRequest.scan(#"{"op":"get","topic":"caf\u00e9"}"#)
        let decomposed = try ScannedRequest.scan(#"{"op":"get","topic":"cafe\u0301"}"#)
        #expect(composed.raw(\.topic) != decomposed.raw(\.topic))
    }

    @Test(arguments: ["sub", "unsub"])
    func aSubscriptionTakesAFilter(operation: String) throws {
        #expect(try ScannedRequest.scan(#"{"op":"\#(operation)","topic":"$sys/+/#"}"#).text(\.topic) == "$sys/+/#")
    }
}
