import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// What pages in browsers may do, beside what ``AuthorizationTests`` and ``TopicRoutesTests`` say.
@Suite(
    "Pages",
    .timeLimit(.minutes(5)),
    .disabled(if: TestTLS.isOn, "its own page is another one with TLS, see OriginPolicyTests")
)
struct PageTests {
    private static let listed = "https://app.example.com"
    private static let origins = #"["https://app.example.com"]"#

    /// Two programs that each look at another one of them are a way past the check.
    @Test func twoOriginsAreRefusedWhicheverStandsFirst() async throws {
        try await TestBroker.run(origins: Self.origins) { broker async throws in
            let (good, bad) = ("Origin: \(Self.listed)", "Origin: https://evil.example.com")
            for fields in [[good, bad], [bad, good], [good, good]] {
                #expect(try await AccessFixture.refusal(broker, fields) == 403, "\(fields)")
            }
        }
    }

    @Test func anOriginCountsFromTheReloadOnThatListsItAndNotFromTheOneThatDoesNot() async throws {
        try await TestBroker.run(origins: Self.origins) { broker async throws in
            let other = "https://other.example.com"
            try broker.rewrite { $0.replacing(Self.listed, with: other) }
            #expect(try await AccessFixture.refusal(broker, ["Origin: \(Self.listed)"]) == 101)
            #expect(try await AccessFixture.refusal(broker, ["Origin: \(other)"]) == 403)
            #expect(try await AccessFixture.reload(broker) == 200)
            #expect(try await AccessFixture.refusal(broker, ["Origin: \(Self.listed)"]) == 403)
            #expect(try await AccessFixture.refusal(broker, ["Origin: \(other)"]) == 101)
        }
    }

    @Test func aPageOfAnotherPlaceChangesNothingWhateverAnybodyMay() async throws {
        try await TestBroker.run(
            rights: #"["publish","subscribe","admin"]"#,
            origins: Self.origins
        ) { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/clicks", body: "5", port: broker.port)
            let evil = ["Origin": "https://evil.example.com"]
            for (line, body) in [("DELETE /topics/clicks", nil), ("POST /topics/clicks", "1")] {
                #expect(try await HTTPExchange.send(line, evil, body: body, port: broker.port).status == 403)
            }
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            #expect(JSONField.integer("data", in: read.body) == 5)
        }
    }

    /// A browser shows an answer only to the page that is named in it; a cache must not give one page another's.
    @Test func anAnswerIsForTheListedPageAlone() async throws {
        try await TestBroker.run(origins: Self.origins) { broker async throws in
            for (origin, isNamed) in [(Self.listed, true), ("https://evil.example.com", false), ("null", false)] {
                let answer = try await HTTPExchange.send("GET /topics", ["Origin": origin], port: broker.port)
                #expect(answer.headers["access-control-allow-origin"] == (isNamed ? origin : nil))
                #expect(answer.headers["vary"] == "Origin")
            }
        }
    }

    @Test func eachPageThatIsRefusedIsCounted() async throws {
        try await TestBroker.run { broker async throws in
            let evil = "https://evil.example.com"
            #expect(try await AccessFixture.refusal(broker, ["Origin: \(evil)"]) == 403)
            for fields in [["Origin": evil], ["Host": "evil.example.com"]] {
                let answer = try await HTTPExchange.send("POST /topics/total", fields, body: "1", port: broker.port)
                #expect(answer.status == 403)
            }
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            #expect(metrics.contains("wsbroker_turned_away_total{reason=\"origin\"} 3.0\n"))
        }
    }

    /// DNS rebinding reaches what only this machine does, and brings no credentials.
    @Test func aNameIsAskedForOnlyWhereItShowsSomething() async throws {
        let fields = ["Host": "broker.example.com"]
        try await AccessFixture.run { broker async throws in
            let bearer = ["Authorization": "Bearer \(AccessFixture.viewer)"].merging(fields) { $1 }
            #expect(try await HTTPExchange.send("GET /topics", bearer, port: broker.port).status == 200)
            #expect(try await HTTPExchange.send("GET /topics", fields, port: broker.port).status == 403)
        }
        let open = ["listen.host=0.0.0.0", "listen.insecure=true"]
        try await TestBroker.run(settings: open, rights: #"["subscribe"]"#) { broker async throws in
            #expect(try await HTTPExchange.send("GET /topics", fields, port: broker.port).status == 200)
        }
    }
}
