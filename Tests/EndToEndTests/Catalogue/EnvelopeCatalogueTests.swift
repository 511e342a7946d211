import BrokerTestKit
import BrokerWire
import Testing

/// Section 5.4: the envelope. The grammar's own cases are in `BrokerWireTests/JSONGrammar`.
@Suite("Catalogue: envelope", .timeLimit(.minutes(5)))
struct EnvelopeCatalogueTests {
    typealias Case = RequestCatalogue.Case

    private static func publish(_ data: String) -> String { RequestCatalogue.publish(data) }

    private static func deep(_ depth: Int) -> String {
        Self.publish(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
    }

    private static let shapes: [Case] = [
        Case("J1 array", "[]", .refused(.badEnvelope)),
        Case("J1 string", #""x""#, .refused(.badEnvelope)),
        Case("J1 number", "1", .refused(.badEnvelope)),
        Case("J1 null", "null", .refused(.badEnvelope)),
        Case("J2 missing", #"{"topic":"a"}"#, .refused(.badEnvelope, "'op'")),
        Case("J2 unknown", #"{"op":"steal"}"#, .refused(.badEnvelope, "'op'")),
        Case("J2 not a string", #"{"op":1}"#, .refused(.badEnvelope, "'op'")),
        Case("J3", #"{"op":"get","topic":"a","topic":"b"}"#, .refused(.badJSON, "'topic' stands twice")),
        Case("J3 escaped", #"{"op":"get","topic":"a","to\u0070ic":"b"}"#, .refused(.badJSON, "'topic' stands twice")),
        Case("J4 comma", #"{"op":"ping",}"#, .refused(.badJSON)),
        Case("J4 comment", #"{"op":"ping"/**/}"#, .refused(.badJSON)),
        Case("J4 quotes", "{'op':'ping'}", .refused(.badJSON)),
        Case("J4 bare", #"{op:"ping"}"#, .refused(.badJSON)),
        Case("J5 two", #"{"op":"ping"}{"op":"ping"}"#, .refused(.badJSON)),
        Case("J5 rest", #"{"op":"ping"} x"#, .refused(.badJSON)),
        Case("J6", #"{"op":"pub","#, .refused(.badJSON)),
        Case("J7 the deepest", Self.deep(32), .taken()),
        Case("J7 one deeper", Self.deep(33), .refused(.badJSON, "32")),
        Case("J7 a bomb", Self.publish(String(repeating: "[", count: 60_000)), .refused(.badJSON)),
        Case("J8 keys in data", Self.publish("{" + Self.keys(6000) + "}"), .taken()),
        Case("J8 keys beside it", #"{"op":"ping",\#(Self.keys(33))}"#, .refused(.badEnvelope, "32")),
        Case("J11", Self.publish("\"a\u{1}\""), .refused(.badJSON)),
        Case("J12 key", Self.publish(#"{"\#(String(repeating: "k", count: 60_000))":1}"#), .taken()),
        Case("J12 text", Self.publish(#""\#(String(repeating: "t", count: 60_000))""#), .taken()),
        Case("J14", String(repeating: " ", count: 60_000) + #"{"op":"ping","id":3} "#, .taken("pong")),
        Case("J15", Self.publish("null"), .taken(#""op":"ack","id":9"#)),
        Case("J17", #"{"op":"ping","id":4,"colour":"red"}"#, .taken("pong")),
        Case("J18", #"{"op":"hello","v":2}"#, .closed(.unsupportedVersion)),
        Case("J19", Self.publish(#"{"__proto__":1,"constructor":2}"#), .taken()),
    ]

    private static func keys(_ count: Int) -> String { (0..<count).map { #""k\#($0)":1"# }.joined(separator: ",") }

    private static let surrogates: [Case] = [
        #"\ud800"#, #"\udc00\ud800"#, #"\uD83Dx"#,
    ].map { Case("J9 \($0)", Self.publish("\"\($0)\""), .refused(.badJSON)) }

    private static let zero: [Case] = [
        Case("J10 topic", RequestCatalogue.publish("1", to: #"a\u0000b"#), .refused(.badTopic)),
        Case("J10 data", Self.publish(#""a\u0000b""#), .taken()),
    ]

    private static let types: [Case] = [
        Case("J16 topic", #"{"op":"get","id":1,"topic":5}"#, .refused(.badEnvelope, "'topic'")),
        Case("J16 seq", #"{"op":"pub","seq":"7","topic":"a","data":1}"#, .refused(.badEnvelope, "'seq'")),
        Case(
            "J16 retain",
            #"{"op":"pub","id":1,"topic":"a","data":1,"retain":"yes"}"#,
            .refused(.badEnvelope, "'retain'")
        ),
        Case("J16 id", #"{"op":"get","id":1.5,"topic":"a"}"#, .refused(.badEnvelope, "'id'")),
        Case("J16 mode", #"{"op":"sub","id":1,"topic":"a","mode":"some"}"#, .refused(.badEnvelope, "'mode'")),
        Case("J16 rate", #"{"op":"sub","id":1,"topic":"a","maxRate":0}"#, .refused(.badEnvelope, "'maxRate'")),
        Case("J16 echo", #"{"op":"sub","id":1,"topic":"a","echo":1}"#, .refused(.badEnvelope, "'echo'")),
        Case("J16 no data", #"{"op":"pub","id":1,"topic":"a"}"#, .refused(.badEnvelope, "'data'")),
        Case("J16 no topic", #"{"op":"pub","id":1,"data":1}"#, .refused(.badEnvelope, "'topic'")),
    ]

    @Test func everyEnvelopeHasOneAnswer() async throws {
        try await RequestCatalogue.check(Self.shapes + Self.surrogates + Self.zero + Self.types)
    }
}
