import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Credentials that end, or come to say less, under connections that go on.
@Suite("Credentials that end", .timeLimit(.minutes(5)))
struct CredentialEndTests {
    private static let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
    private static func keys(_ key: String = Self.key) -> String {
        #"{"keys":[{"kty":"oct","alg":"HS256","kid":"k","k":"\#(key)"}]}"#
    }

    /// Tokens of one name that count for ten minutes, one for each area.
    private static func tokens(for areas: [String]) async throws -> [String] {
        let script = """
            import base64, hmac, json, sys, time
            def b64(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
            for area in sys.argv[1:]:
                claims = {"sub": "meter", "iss": "i", "aud": "a", "exp": int(time.time()) + 600, "area": area}
                text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "k"}, claims))
                print(text + "." + b64(hmac.digest(b"0123456789abcdef0123456789abcdef", text.encode(), "sha256")))
            """
        let end = await (try ChildProcess("/usr/bin/env", ["python3", "-c", script] + areas)).wait()
        try #require(end.status == 0, "\(end.errors)")
        return end.output.split(separator: "\n").map(String.init)
    }

    private static func run(_ body: @escaping @Sendable (TestBroker) async throws -> Void) async throws {
        let rules = #"[{"allow":["publish","subscribe"],"topics":["{claim.area}/#"]}]"#
        let jwt = #"{"keys":"FOLDER/jwks.json","issuer":"i","audience":"a"}"#
        try await TestBroker.run(
            settings: ["eventLoops=2"],
            auth: #"{"jwt":\#(jwt),"rules":\#(rules)}"#,
            files: ["jwks.json": Self.keys()],
            body: body
        )
    }

    /// On the core's own loop and on another one, where connections go in turn.
    @Test func aFreshTokenThatSaysLessEndsWhatIsNotAllowedAnyMore() async throws {
        let tokens = try await Self.tokens(for: ["a", "b"])
        try await Self.run { broker async throws in
            for _ in 1...4 {
                try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(tokens[0])) {
                    client async throws in
                    #expect(try await client.ask(#"{"op":"sub","id":1,"topic":"a/1"}"#).contains("ack"))
                    let end = try await client.ask(#"{"op":"hello","v":1,"token":"\#(tokens[1])"}"#)
                    #expect(end.hasPrefix(#"{"op":"unsub","topic":"a/1","code":4103"#), "\(end)")
                    #expect(try await client.receive().contains("welcome"))
                    func publish(_ topic: String) -> String { #"{"op":"pub","id":2,"topic":"\#(topic)","data":1}"# }
                    #expect(JSONField.integer("code", in: try await client.ask(publish("a/1"))) == 4103)
                    #expect(try await client.ask(publish("b/1")).contains("ack"))
                }
            }
        }
    }

    @Test func aKeyThatIsTakenAwayEndsTheConnectionsOfItsTokensAtTheReload() async throws {
        let tokens = try await Self.tokens(for: ["a"])
        try await Self.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(tokens[0])) {
                client async throws in
                #expect(try await client.ask(#"{"op":"sub","id":1,"topic":"a/1"}"#).contains("ack"))
                let other = Self.keys(String(Self.key.reversed()))
                try Data(other.utf8).write(to: broker.folder.appendingPathComponent("jwks.json"))
                #expect(try await AccessFixture.reload(broker) == 200)
                #expect(JSONField.integer("code", in: try await client.receive()) == 4102)
                #expect(try await client.closeCode() == CloseCode(.tokenInvalid))
            }
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(tokens[0])) == 401)
        }
    }

    /// Gives a token of the list an end.
    private static func end(_ name: String, in seconds: Double, _ broker: TestBroker) async throws {
        let end = Date(timeIntervalSinceNow: seconds).formatted(.iso8601)
        let named = #""name":"\#(name)""#
        let list = AccessFixture.tokens().replacing(named, with: #"\#(named),"expires":"\#(end)""#)
        try Data(list.utf8).write(to: broker.folder.appendingPathComponent("tokens.json"))
        #expect(try await AccessFixture.reload(broker) == 200)
    }

    @Test func aConnectionEndsWithItsTokenAndIsToldBefore() async throws {
        try await AccessFixture.run { broker async throws in
            try await Self.end("meter-1", in: 12, broker)
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                client async throws in
                let notice = try await client.receive()
                #expect(JSONField.string("op", in: notice) == "notice", "\(notice)")
                #expect(JSONField.integer("code", in: notice) == 4101)
                #expect(JSONField.integer("code", in: try await client.receive()) == 4101)
                #expect(try await client.closeCode() == CloseCode(.tokenExpired))
            }
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.meter)) == 401)
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.viewer)) == 101)
        }
    }

    private static let viewer = ["Authorization": "Bearer \(AccessFixture.viewer)"]

    /// Publishes once; the request that waits for more.
    private static func longPoll(of broker: TestBroker, seconds: Int) async throws -> String {
        let topic = "/topics/power/meter-1"
        let meter = ["Authorization": "Bearer \(AccessFixture.meter)"]
        _ = try await HTTPExchange.send("POST \(topic)", meter, body: "5", port: broker.port)
        let read = try await HTTPExchange.send("GET \(topic)", Self.viewer, port: broker.port)
        let position = (read.headers["etag"] ?? "").filter { $0 != "\"" }
        return "GET \(topic)?after=\(position)&wait=\(seconds)"
    }

    /// What it is told then is nothing about the topic.
    @Test func aLongPollWhoseTokenEndsSoonGoesOnWaiting() async throws {
        try await AccessFixture.run { broker async throws in
            try await Self.end("viewer", in: 28, broker)
            let line = try await Self.longPoll(of: broker, seconds: 2)
            #expect(try await HTTPExchange.send(line, Self.viewer, port: broker.port).status == 204)
        }
    }

    @Test func aLongPollWhoseRightIsTakenAwayIsToldSo() async throws {
        try await AccessFixture.run { broker async throws in
            let line = try await Self.longPoll(of: broker, seconds: 30)
            async let answer = HTTPExchange.send(line, Self.viewer, port: broker.port)
            try broker.rewrite { $0.replacing(#""topics":["power/#"]"#, with: #""topics":["other/#"]"#) }
            #expect(try await AccessFixture.reload(broker) == 200)
            #expect(try await answer.status == 403)
        }
    }
}
