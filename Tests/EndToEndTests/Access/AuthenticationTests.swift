import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Who is let in, over real sockets (cases A1 to A16 of the catalogue of bad input).
@Suite("Authentication", .timeLimit(.minutes(5)))
struct AuthenticationTests {
    private static let publish = #"{"op":"pub","id":1,"topic":"power/meter-1","data":5}"#
    private static func hello(_ token: String) -> String { #"{"op":"hello","v":1,"token":"\#(token)"}"# }

    // MARK: Where the token stands

    @Test(arguments: ["Bearer meter-secret", "bearer meter-secret", "Basic bWV0ZXI6bWV0ZXItc2VjcmV0"])
    func aTokenInTheHeaderSaysWhoItIs(field: String) async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: ["Authorization: \(field)"]) { client async throws in
                let welcome = try await client.ask(#"{"op":"hello","v":1}"#)
                #expect(JSONField.string("principal", in: welcome) == "meter-1")
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
            }
        }
    }

    @Test func aTokenInHelloSaysWhoItIs() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                // What stands behind it in the same segment waits for its answer.
                try await client.send([Self.hello(AccessFixture.meter), Self.publish])
                #expect(JSONField.string("principal", in: try await client.receive()) == "meter-1")
                #expect(JSONField.integer("data", in: try await client.receive()) == 5)
            }
        }
    }

    /// What a page can do, which can set no header.
    @Test func aTokenInASubprotocolSaysWhoItIsAndIsNotRepeated() async throws {
        try await AccessFixture.run { broker async throws in
            let offer = "wsbroker.v1.json, bearer.\(AccessFixture.meter)"
            try await WireClient.run(port: broker.port, subprotocol: offer) { client async throws in
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
            }
            let head = try await WireClient.runRaw(port: broker.port) { client async throws in
                let request = """
                    GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Protocol: \(offer)\r\n\r\n
                    """
                try await client.send(raw: Array(request.utf8))
                return try await client.head()
            }
            #expect(head.contains("Sec-WebSocket-Protocol: wsbroker.v1.json\r\n"))
            #expect(!head.contains("secret"))
        }
    }

    @Test func aTokenInTheQueryCountsOnlyWhereThatIsSaid() async throws {
        try await AccessFixture.run { broker async throws in
            #expect(try await AccessFixture.refusal(broker, path: "/?token=meter-secret", []) == 400)
            let read = try await HTTPExchange.send("GET /topics/power/meter-1?token=viewer-secret", port: broker.port)
            #expect(read.status == 400 && read.body.contains("auth.queryToken"))
        }
        try await AccessFixture.run(more: #","queryToken":true"#) { broker async throws in
            try await WireClient.run(port: broker.port, path: "/?token=meter-secret") { client async throws in
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
            }
            let read = try await HTTPExchange.send("GET /topics/power/meter-1?token=viewer-secret", port: broker.port)
            #expect(read.status == 200)
        }
    }

    // MARK: None, or a wrong one

    @Test func whoSaysNothingIsNobodyAndIsClosed() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(JSONField.integer("code", in: try await client.ask(Self.publish)) == 4100)
                #expect(try await client.closeCode() == CloseCode(.unauthenticated))
            }
        }
    }

    @Test func whoeverIsSentAwayForCredentialsIsToldWhichAndCounted() async throws {
        try await AccessFixture.run { broker async throws in
            for (token, code) in [(nil, "unauthenticated"), ("wrong", "token_invalid")] {
                let fields = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
                let answer = try await HTTPExchange.send("GET /topics", fields, port: broker.port)
                #expect(answer.status == 401 && answer.headers["www-authenticate"] == "Bearer")
                #expect(JSONField.string("name", in: answer.body) == code)
            }
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(JSONField.string("name", in: try await client.ask(Self.publish)) == "unauthenticated")
            }
            do {
                try await WireClient.run(port: broker.port, headers: AccessFixture.bearer("wrong")) { _ in }
                Issue.record("it was let in")
            } catch WireClient.ClientError.handshakeRefused(let answer) {
                #expect(answer.contains("WWW-Authenticate: Bearer\r\n") && answer.contains("token_invalid: "))
            }
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            #expect(metrics.contains("wsbroker_turned_away_total{reason=\"credentials\"} 4.0\n"))
        }
    }

    @Test func whoDoesNotSayInTimeWhoItIsIsClosed() async throws {
        try await AccessFixture.run(settings: ["limits.handshakeTimeout=4s"]) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.closeCode() == CloseCode(.unauthenticated))
            }
        }
    }

    /// Long after the time in which it had to.
    @Test func whoHasSaidInTimeWhoItIsStays() async throws {
        try await AccessFixture.run(settings: ["limits.handshakeTimeout=5s"]) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask(Self.hello(AccessFixture.meter)).contains("welcome"))
                try await WireClient.run(port: broker.port) { later async throws in
                    #expect(try await later.closeCode() == CloseCode(.unauthenticated))
                }
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
            }
        }
    }

    /// It is answered before its end, and that buys it no time.
    @Test func whoIsRefusedOverHTTPAndDoesNotFinishIsCut() async throws {
        try await AccessFixture.run(settings: ["limits.handshakeTimeout=4s"]) { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let fields = ["Content-Type": "application/json", "Content-Length": "100", "Connection": "keep-alive"]
                try await client.send(raw: Array((HTTPExchange.text("POST /topics/clicks", fields) + "1").utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 401 "))
            }
        }
    }

    /// Else whoever is wrong often enough would end all connections of a house, each at its renewal.
    @Test func whoIsKnownRenewsItsTokenWhateverItsNeighboursGetWrong() async throws {
        try await AccessFixture.run(settings: ["limits.failedLoginsPerMinute=1"]) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                try await WireClient.run(port: broker.port) { late async throws in
                    #expect(try await client.ask(Self.hello(AccessFixture.meter)).contains("welcome"))
                    #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer("wrong")) == 401)
                    #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.meter)) == 429)
                    #expect(try await client.ask(Self.hello(AccessFixture.meter)).contains("welcome"))
                    // Who is nobody so far has to wait as long as it says.
                    let refusal = try await late.ask(Self.hello(AccessFixture.meter))
                    #expect(JSONField.integer("code", in: refusal) == 4202)
                    #expect((2001...60_000).contains(JSONField.integer("afterMs", in: refusal) ?? 0), "\(refusal)")
                    #expect(try await late.closeCode() == CloseCode(.rateLimited))
                }
            }
        }
    }

    @Test func aProgramThatIsLeftBehindDoesNotKeepItsNeighboursOut() async throws {
        try await AccessFixture.run(settings: ["limits.failedLoginsPerMinute=2"]) { broker async throws in
            for _ in 1...10 {
                #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer("left behind")) == 401)
            }
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.meter)) == 101)
        }
    }

    @Test func aWrongTokenIsNotTheSameAsNone() async throws {
        try await AccessFixture.run(rules: nil, more: #","anonymous":["publish","subscribe"]"#) { broker async throws in
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer("wrong")) == 401)
            #expect(try await AccessFixture.refusal(broker, []) == 101)
            for (fields, status) in [(["Authorization": "Bearer wrong"], 401), ([:], 200)] {
                #expect(try await HTTPExchange.send("GET /topics", fields, port: broker.port).status == status)
            }
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(JSONField.integer("code", in: try await client.ask(Self.hello("wrong"))) == 4102)
                #expect(try await client.closeCode() == CloseCode(.tokenInvalid))
            }
        }
    }

    @Test(arguments: ["Digest x", "Bearer", "Basic ###", "Basic bm9jb2xvbg=="])
    func whatIsNoCredentialIsAnError(field: String) async throws {
        try await AccessFixture.run(more: #","anonymous":["publish","subscribe"]"#) { broker async throws in
            let status = try await AccessFixture.refusal(broker, ["Authorization: \(field)"])
            #expect(status == (field == "Bearer" ? 401 : 400))
            let answer = try await HTTPExchange.send("GET /topics", ["Authorization": field], port: broker.port)
            #expect(answer.status == status)
        }
    }

    @Test func twoAuthorizationsAreAnError() async throws {
        try await AccessFixture.run { broker async throws in
            let twice = AccessFixture.bearer(AccessFixture.meter) + AccessFixture.bearer(AccessFixture.viewer)
            #expect(try await AccessFixture.refusal(broker, twice) == 400)
        }
    }

    @Test func aTokenWhereNoneAreConfiguredIsRefused() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer("x")) == 401)
        }
    }

    @Test func theWrongTokenPastTheLimitIsNotEvenLookedAt() async throws {
        try await AccessFixture.run(settings: ["limits.failedLoginsPerMinute=3"]) { broker async throws in
            for number in 0..<3 {
                #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer("wrong-\(number)")) == 401)
            }
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.meter)) == 429)
            let headers = ["Authorization": "Bearer \(AccessFixture.viewer)"]
            let answer = try await HTTPExchange.send("GET /topics/power/meter-1", headers, port: broker.port)
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"].flatMap(Int.init).map { (1...60).contains($0) } == true)
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            for (reason, count) in [("credentials", 3), ("attempts", 2), ("origin", 0)] {
                #expect(metrics.contains("wsbroker_turned_away_total{reason=\"\(reason)\"} \(count).0\n"))
            }
        }
    }

    // MARK: Later

    @Test func aConnectionSpeaksForOneAndNotForAnother() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                client async throws in
                let refusal = try await client.ask(Self.hello(AccessFixture.viewer))
                #expect(JSONField.integer("code", in: refusal) == 4103)
                // It stays, and stays who it was.
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
            }
        }
    }

    /// What it has asked for already, it asked for as nobody.
    @Test func whoHasSpokenAsNobodyStaysNobody() async throws {
        try await AccessFixture.run(rules: nil, more: #","anonymous":["publish"]"#) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(JSONField.integer("data", in: try await client.ask(Self.publish)) == 5)
                let refusal = try await client.ask(Self.hello(AccessFixture.viewer))
                #expect(JSONField.integer("code", in: refusal) == 4103)
                let subscription = try await client.ask(#"{"op":"sub","id":2,"topic":"clicks"}"#)
                #expect(JSONField.integer("code", in: subscription) == 4103)
            }
        }
    }

    @Test func aFreshTokenOfTheSameNameLosesNoSubscription() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.viewer)) {
                viewer async throws in
                _ = try await viewer.ask(#"{"op":"sub","id":1,"topic":"power/#"}"#)
                #expect(try await viewer.ask(Self.hello(AccessFixture.viewer)).contains("welcome"))
                try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                    meter in
                    _ = try await meter.ask(Self.publish)
                }
                #expect(JSONField.integer("data", in: try await viewer.receive()) == 5)
            }
        }
    }

    @Test func aTokenThatIsTakenAwayEndsItsConnectionsAtTheReload() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                client async throws in
                _ = try await client.ask(Self.publish)
                let list = AccessFixture.tokens(without: "meter-1")
                try Data(list.utf8).write(to: broker.folder.appendingPathComponent("tokens.json"))
                #expect(try await AccessFixture.reload(broker) == 200)
                #expect(JSONField.integer("code", in: try await client.receive()) == 4102)
                #expect(try await client.closeCode() == CloseCode(.tokenInvalid))
            }
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.meter)) == 401)
            #expect(try await AccessFixture.refusal(broker, AccessFixture.bearer(AccessFixture.viewer)) == 101)
        }
    }
}
