import BrokerTestKit
import BrokerWire
import Testing

/// Section 5.6: numbers and aggregators.
///
/// N11 is ``ExactTotalsTests``, N12 the configuration's, N13 comes with fields of values.
@Suite("Catalogue: numbers", .timeLimit(.minutes(5)))
struct NumberCatalogueTests {
    typealias Case = RequestCatalogue.Case

    private static func publish(_ data: String, _ topic: String = "sum") -> String {
        RequestCatalogue.publish(data, to: topic)
    }

    private static let cases: [Case] =
        ["NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x10", "1e", "--1"].map {
            Case("N1 \($0)", Self.publish($0), .refused(.badJSON))
        }
        + ["1e400", "-1e400", "1e401", "1e-401", "1e99999999999999999999"].map {
            Case("N2 \($0)", Self.publish($0), .refused(.badValue, #""why":"#))
        }
        + [#""5""#, "true", "null", "[]", "{}", #""nan""#, #""0x1p3""#, #""""#].map {
            Case("N7 \($0)", Self.publish($0), .refused(.badValue, #""why":"not_a_number""#))
        } + [
            Case("N3 rounded", Self.publish("1e-400"), .taken(#""data":5"#)),
            Case("N3 strict", Self.publish("1e-400", "strict"), .refused(.badValue, #""why":"not_representable""#)),
            Case("N4", Self.publish("9007199254740993", "whole"), .taken(#""exact":"9007199254740993""#)),
            Case("N6", Self.publish(String(repeating: "9", count: 60_000)), .refused(.badValue, "64")),
            Case("N9", Self.publish("1.0", "strict"), .taken(#""data":1"#)),
            Case("N9 count", Self.publish("1.0", "count"), .taken(#""data":1"#)),
            Case("N9 not whole", Self.publish("1.5", "whole"), .refused(.badValue, "whole number")),
            Case("N10", Self.publish("-0", "max"), .taken(#""data":0"#)),
            Case("sixty-four characters", Self.publish("0." + String(repeating: "0", count: 62)), .taken(#""data":5"#)),
            Case("one more", Self.publish("0." + String(repeating: "0", count: 63)), .refused(.badValue, "64")),
            Case("thirty-eight digits", Self.publish("0." + String(repeating: "1", count: 38), "long"), .taken()),
            Case("one more digit", Self.publish("0." + String(repeating: "1", count: 39)), .refused(.badValue, "38")),
        ]

    @Test func everyNumberHasOneAnswer() async throws {
        try await RequestCatalogue.check(Self.cases)
    }

    /// N5: at the end of the range and one past it.
    @Test func aTotalThatWouldLeaveItsRangeIsUnchanged() async throws {
        let topics = #"[{"topic":"whole","aggregate":"sum","number":"int"}]"#
        try await TestBroker.run(topics: topics) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                var last = ""
                var answer = try await client.ask(Self.publish(Self.largest, "whole"))
                while JSONField.string("op", in: answer) == "ack" {
                    last = answer
                    answer = try await client.ask(Self.publish(Self.largest, "whole"))
                }
                #expect(JSONField.integer("code", in: answer) == 4004)
                #expect(JSONField.string("why", in: answer) == "overflow")
                let value = try await client.ask(#"{"op":"get","id":1,"topic":"whole"}"#)
                #expect(JSONField.string("exact", in: value) == JSONField.string("exact", in: last))
                #expect(JSONField.integer("offset", in: value) == JSONField.integer("offset", in: last))
            }
        }
    }

    /// The largest number that one publish may carry: 38 nines are past the range of 2^127.
    private static let largest = "99999999999999999999999999999999999999"

    /// N14: one order of resets and publishes, told by the offsets.
    @Test func resetsAndPublishesHaveOneOrder() async throws {
        try await TestBroker.run(rights: #"["publish","subscribe","admin"]"#) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                var expected = 0
                for round in 1...20 {
                    let isReset = round % 5 == 0
                    expected = isReset ? 0 : expected + round
                    let request =
                        isReset ? #"{"op":"reset","id":1,"topic":"total"}"# : Self.publish("\(round)", "total")
                    let answer = try await client.ask(request)
                    #expect(JSONField.integer("offset", in: answer) == round)
                    #expect(JSONField.integer("data", in: answer) == expected)
                }
            }
        }
    }
}
