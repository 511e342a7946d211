import BrokerTestKit
import BrokerWire
import Testing

/// Section 5.5: topics and filters.
///
/// T13 and T14 are about speed and are measured, not tested; T16 is the rate of publishes (L1).
@Suite("Catalogue: topics", .timeLimit(.minutes(5)))
struct TopicCatalogueTests {
    typealias Case = RequestCatalogue.Case

    private static func publish(to topic: String) -> String { RequestCatalogue.publish("1", to: topic) }

    private static func subscribe(_ filter: String) -> String { #"{"op":"sub","id":9,"topic":"\#(filter)"}"# }

    private static let longest = String(repeating: "a", count: 255)
    private static let deepest = Array(repeating: "a", count: 32).joined(separator: "/")

    private static let publishes: [Case] =
        ["", "/", "/a", "a/", "a//b", Self.longest + "a", Self.deepest + "/a", "a/+", "a/#", "+", "#"].map {
            Case("T1-T3 \($0.prefix(8))", Self.publish(to: $0), .refused(.badTopic))
        }
        + ["a b", "a\\tb", "a\\u0000", "a\u{2028}b", "a\u{A0}b", "\u{FEFF}a", "a\u{85}b"].map {
            Case("T6 \($0.debugDescription)", Self.publish(to: $0), .refused(.badTopic))
        }
        + ["$SYS/x", "$x", "$sys/broker", "${jndi:x}", "a/$b"].map {
            Case("T5 \($0)", Self.publish(to: $0), .refused(.forbidden))
        }
        + ["..", "a/../b", "%2e", "';DROP-TABLE", "x${jndi:x}", "a$b", Self.longest, Self.deepest].map {
            Case("T7 \($0.prefix(8))", Self.publish(to: $0), .taken(#""offset":1"#))
        }

    private static let filters: [Case] =
        ["a*b#", "#/a", "+x", "x+", "a/b+/c", "a/#/c", "", "a//b", "##"].map {
            Case("T4 \($0)", Self.subscribe($0), .refused(.badFilter))
        } + ["#", "+/a/#", "+", "$sys/#"].map { Case("T4 \($0)", Self.subscribe($0), .taken()) }

    @Test func everyTopicHasOneAnswer() async throws {
        try await RequestCatalogue.check(Self.publishes + Self.filters)
    }

    /// T8, in memory and on disk.
    @Test func spellingsOfOneNameAreTwoTopics() async throws {
        let topics = #"[{"topic":"+","aggregate":"sum"}]"#
        try await TestBroker.run(topics: topics) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask(RequestCatalogue.publish("1", to: "caf\u{E9}")).contains(#""data":1"#))
                #expect(try await client.ask(RequestCatalogue.publish("2", to: "cafe\u{301}")).contains(#""data":2"#))
            }
        }
    }

    /// T9.
    @Test func theSubscriptionPastTheLimitIsRefusedAndTheOthersStay() async throws {
        try await TestBroker.run(settings: ["limits.subscriptionsPerConnection=2"]) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                for topic in ["a", "b"] { _ = try await client.ask(Self.subscribe(topic)) }
                let refusal = try await client.ask(Self.subscribe("c"))
                #expect(JSONField.integer("code", in: refusal) == 4205)
                #expect(refusal.contains("limits.subscriptionsPerConnection"))
                // The same again is no new one, and a place that was given up is free.
                #expect(JSONField.string("op", in: try await client.ask(Self.subscribe("b"))) == "ack")
                _ = try await client.ask(#"{"op":"unsub","id":9,"topic":"a"}"#)
                #expect(JSONField.string("op", in: try await client.ask(Self.subscribe("c"))) == "ack")
            }
        }
    }

    /// T10, T11.
    @Test func overlappingSubscriptionsDeliverOnce() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                for filter in ["a/b", "a/b", "a/+", "#"] { _ = try await client.ask(Self.subscribe(filter)) }
                try await client.send(RequestCatalogue.publish("1", to: "a/b"))
                #expect(JSONField.string("op", in: try await client.receive()) == "ack")
                #expect(JSONField.string("op", in: try await client.receive()) == "msg")
                #expect(try await client.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#)
            }
        }
    }

    /// T12.
    @Test func whoHasNoSubscriptionCanGiveItUp() async throws {
        try await RequestCatalogue.check([
            Case("T12", #"{"op":"unsub","id":9,"topic":"a/#"}"#, .taken(#""op":"ack","id":9"#))
        ])
    }

    /// T15: at the limit and one past it.
    @Test func theTopicPastTheLimitIsRefused() async throws {
        try await TestBroker.run(settings: ["limits.topics=2"], topics: #"[{"topic":"+","aggregate":"sum"}]"#) {
            broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                for topic in ["a", "b", "a"] {
                    #expect(JSONField.string("op", in: try await client.ask(Self.publish(to: topic))) == "ack")
                }
                let refusal = try await client.ask(Self.publish(to: "c"))
                #expect(JSONField.integer("code", in: refusal) == 4205)
                #expect(refusal.contains("limits.topics"))
            }
        }
    }
}
