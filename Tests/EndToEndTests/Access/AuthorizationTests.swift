import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Who may do what, by every way there is into the broker.
@Suite("Authorization", .timeLimit(.minutes(5)))
struct AuthorizationTests {
    private static func headers(_ token: String) -> [String: String] { ["Authorization": "Bearer \(token)"] }

    @Test func aRuleWithTheNameIsForItsBearerAlone() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                client async throws in
                for (topic, code) in [("power/meter-1", nil), ("power/meter-2", 4103), ("clicks", 4103)] {
                    let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":1}"#)
                    #expect(JSONField.integer("code", in: answer) == code, "\(topic)")
                }
                let answer = try await client.ask(#"{"op":"sub","id":1,"topic":"power/meter-1"}"#)
                #expect(JSONField.integer("code", in: answer) == 4103)
            }
        }
    }

    @Test func whatIsDeniedIsRefusedWhateverElseIsAllowed() async throws {
        let rules = #"""
            [{"allow":["publish","subscribe"],"topics":["power/#"]},
             {"deny":["publish","subscribe"],"principal":"meter-*","topics":["power/secret/#"]}]
            """#
        try await AccessFixture.run(rules: rules) { broker async throws in
            func codes(_ token: String) async throws -> [Int?] {
                try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(token)) {
                    client async throws in
                    var codes: [Int?] = []
                    for request in [
                        #"{"op":"pub","id":1,"topic":"power/secret/1","data":1}"#,
                        #"{"op":"sub","id":2,"topic":"power/#"}"#,
                        #"{"op":"sub","id":3,"topic":"power/open/#"}"#,
                    ] { codes.append(JSONField.integer("code", in: try await client.ask(request))) }
                    return codes
                }
            }
            #expect(try await codes(AccessFixture.meter) == [4103, 4103, nil])
            #expect(try await codes(AccessFixture.viewer) == [nil, nil, nil])
        }
    }

    @Test func theSameRulesGovernHTTP() async throws {
        try await AccessFixture.run { broker async throws in
            func status(_ line: String, _ token: String?, body: String? = nil) async throws -> Int {
                let headers = token.map { Self.headers($0) } ?? [:]
                return try await HTTPExchange.send(line, headers, body: body, port: broker.port).status
            }
            #expect(try await status("POST /topics/power/meter-1", nil, body: "1") == 401)
            #expect(try await status("POST /topics/power/meter-1", AccessFixture.meter, body: "1") == 200)
            #expect(try await status("POST /topics/power/meter-2", AccessFixture.meter, body: "1") == 403)
            #expect(try await status("GET /topics/power/meter-1", AccessFixture.meter) == 403)
            #expect(try await status("GET /topics/power/meter-1", AccessFixture.viewer) == 200)
            #expect(try await status("GET /topics/clicks", AccessFixture.viewer) == 403)
            #expect(try await status("DELETE /topics/power/meter-1", AccessFixture.viewer) == 403)
            #expect(try await status("DELETE /topics/power/meter-1", AccessFixture.admin) == 200)
            let refused = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            #expect(refused.headers["www-authenticate"] == "Bearer")
            #expect(JSONField.integer("code", in: refused.body) == 4100)
        }
    }

    @Test func aListHasOnlyWhatItsReaderMayRead() async throws {
        try await AccessFixture.run { broker async throws in
            for topic in ["power/meter-1", "clicks"] {
                let headers = Self.headers(AccessFixture.admin)
                _ = try await HTTPExchange.send("POST /topics/\(topic)", headers, body: "1", port: broker.port)
            }
            let headers = Self.headers(AccessFixture.viewer)
            let list = try await HTTPExchange.send("GET /topics", headers, port: broker.port)
            #expect(list.status == 200)
            #expect(list.body.contains("power/meter-1") && !list.body.contains("clicks"))
        }
    }

    @Test(arguments: [("power/%23", 200), ("%23", 403), ("clicks", 403), ("$sys/%23", 403)])
    func eventsAreForWhoMaySubscribe(filter: String, status: Int) async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let request = """
                    GET /topics?filter=\(filter) HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\
                    Authorization: Bearer \(AccessFixture.viewer)\r\n\r\n
                    """
                try await client.send(raw: Array(request.utf8))
                #expect(try await client.head().hasPrefix("HTTP/1.1 \(status) "))
            }
        }
    }

    @Test func aRightThatIsTakenAwayEndsTheSubscriptionAtTheReload() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.viewer)) {
                client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"power/#"}"#)
                try broker.rewrite { $0.replacing(#""topics":["power/#"]"#, with: #""topics":["other/#"]"#) }
                #expect(try await AccessFixture.reload(broker) == 200)
                let end = try await client.receive()
                #expect(end.hasPrefix(#"{"op":"unsub","topic":"power/#","code":4103,"name":"forbidden""#))
                let again = try await client.ask(#"{"op":"sub","id":2,"topic":"power/#"}"#)
                #expect(JSONField.integer("code", in: again) == 4103)
                #expect(try await client.ask(#"{"op":"sub","id":3,"topic":"other/#"}"#).contains("ack"))
            }
        }
    }

    /// The commands name what they have their token from, and not what a program would send.
    @Test(arguments: [
        ["topics"], ["connections"], ["reset", "clicks"], ["delete", "clicks"], ["kick", "s1"], ["reload"],
        ["store", "backup", "copy.db"],
    ])
    func aCommandWithoutATokenNamesTheVariable(command: [String]) async throws {
        try await AccessFixture.run(settings: ["admin.host=0.0.0.0", "listen.insecure=true"]) { broker async throws in
            let options = ["admin.host=0.0.0.0", "listen.insecure=true", "admin.port=\(broker.adminPort)"]
            for token in [nil, "wrong", "a b\n"] {
                let environment = token.map { ["WSBROKER_TOKEN": $0] } ?? [:]
                let end = await
                    (try ChildProcess(
                        "wsbroker",
                        command + ChildProcess.options(options),
                        in: broker.folder,
                        environment: environment
                    )).wait()
                #expect(end.status != 0)
                #expect(end.errors.contains("WSBROKER_TOKEN"), "\(end.errors)")
                #expect(!end.errors.contains("hello") && !end.errors.contains("Bearer"), "\(end.errors)")
            }
            let help = await
                (try ChildProcess("wsbroker", command.prefix(2).filter { $0 != "clicks" && $0 != "s1" } + ["--help"]))
                .wait()
            #expect(help.output.contains("WSBROKER_TOKEN"), "\(help.output)")
        }
    }

    @Test func rulesThatAreWrongChangeNothingAndSayWhatIsWrong() async throws {
        try await AccessFixture.run { broker async throws in
            try broker.rewrite { $0.replacing(#""topics":["power/#"]"#, with: ##""topics":["power/{name}","a#"]"##) }
            let answer = try await HTTPExchange.send(
                "POST /reload",
                ["Content-Type": "application/json"],
                body: "{}",
                port: broker.adminPort
            )
            #expect(answer.status == 422)
            #expect(answer.body.contains("auth.rules[1].topics") && answer.body.contains("{name}"))
            let headers = Self.headers(AccessFixture.viewer)
            #expect(try await HTTPExchange.send("GET /topics/power/x", headers, port: broker.port).status == 404)
        }
    }

    /// What a reload can not take over is not told as taken over.
    @Test(.disabled(if: TestTLS.isOn, "it begins without TLS"))
    func tlsWhereThereWasNoneNeedsARestart() async throws {
        try await TestBroker.run { broker async throws in
            let wanted = #"{"listen":{"tls":{"certificate":"c.pem","key":"k.pem"}}}"#
            try broker.rewrite { _ in wanted }
            let answer = try await HTTPExchange.send("POST /reload", body: "{}", port: broker.adminPort)
            #expect(answer.status == 200)
            #expect(
                answer.body.contains(#""needsRestart":["listen.tls.certificate","listen.tls.key"]"#),
                "\(answer.body)"
            )
        }
    }

    // MARK: The admin listener

    @Test(.disabled(if: TestTLS.isOn, "the admin listener speaks TLS there, see CertificateReloadTests"))
    func elsewhereThanOnLoopbackItAsksForTheRight() async throws {
        try await AccessFixture.run(settings: ["admin.host=0.0.0.0", "listen.insecure=true"]) { broker async throws in
            func status(_ line: String, _ token: String?, body: String? = nil) async throws -> Int {
                var headers = token.map { Self.headers($0) } ?? [:]
                headers["Content-Type"] = "application/json"
                return try await HTTPExchange.send(line, headers, body: body, port: broker.adminPort).status
            }
            #expect(try await status("GET /healthz", nil) == 200)
            for line in ["GET /metrics", "GET /connections", "GET /topics"] {
                #expect(try await status(line, nil) == 401, "\(line)")
                #expect(try await status(line, AccessFixture.viewer) == 403, "\(line)")
                #expect(try await status(line, AccessFixture.admin) == 200, "\(line)")
            }
            #expect(try await status("POST /reload", AccessFixture.viewer, body: "{}") == 403)
            #expect(try await status("POST /reload", AccessFixture.admin, body: "{}") == 200)
            let page = Self.headers(AccessFixture.admin).merging(["Origin": "http://localhost"]) { $1 }
            #expect(try await HTTPExchange.send("GET /topics", page, port: broker.adminPort).status == 403)
        }
        // Who may subscribe to the broker's own topics may read the same as metrics, and no more.
        try await AccessFixture.run(
            settings: ["admin.host=0.0.0.0", "listen.insecure=true"],
            rules: #"[{"allow":["subscribe"],"principal":"viewer","topics":["$sys/#"]}]"#
        ) { broker async throws in
            for (path, token, status) in [
                ("metrics", AccessFixture.viewer, 200), ("metrics", AccessFixture.meter, 403),
                ("connections", AccessFixture.viewer, 403),
            ] {
                let headers = Self.headers(token)
                let answer = try await HTTPExchange.send("GET /\(path)", headers, port: broker.adminPort)
                #expect(answer.status == status, "\(path): \(answer.body)")
            }
        }
        // The right to some topics is none to the broker.
        try await AccessFixture.run(
            settings: ["admin.host=0.0.0.0", "listen.insecure=true"],
            rules: #"[{"allow":["publish","subscribe","admin"],"topics":["power/#"]}]"#
        ) { broker async throws in
            let headers = Self.headers(AccessFixture.admin)
            #expect(try await HTTPExchange.send("GET /topics", headers, port: broker.adminPort).status == 403)
        }
    }

    // MARK: Pages

    @Test(.disabled(if: TestTLS.isOn, "its own page is another one with TLS, see OriginPolicyTests"))
    func pagesConnectOnlyFromListedOriginsAndFromTheBrokersOwn() async throws {
        try await TestBroker.run(origins: #"["https://app.example.com"]"#) { broker async throws in
            for (origin, status) in [
                ("https://app.example.com", 101), ("http://127.0.0.1", 101), ("http://app.example.com", 403),
                ("https://app.example.com.evil.io", 403), ("https://evilapp.example.com", 403),
                ("https://app.example.com:8443", 403), ("null", 403), ("https://127.0.0.1", 403), ("", 403),
            ] {
                #expect(try await AccessFixture.refusal(broker, ["Origin: \(origin)"]) == status, "\(origin)")
            }
            #expect(try await AccessFixture.refusal(broker, []) == 101)
        }
    }

    /// DNS rebinding: the page reads from the name that it has itself, so its browser says nothing of another origin.
    @Test(.disabled(if: TestTLS.isOn, "with TLS the certificate shows whose name it is"))
    func aPageThatMadeItsNamePointHereReadsNothing() async throws {
        try await TestBroker.run(origins: #"["https://app.example.com"]"#) { broker async throws in
            for (host, status) in [
                ("evil.example.com", 403), ("evil.example.com:\(broker.port)", 403), ("app.example.com", 200),
                ("127.0.0.1:\(broker.port)", 200), ("localhost", 200), ("[::1]:80", 200),
            ] {
                let answer = try await HTTPExchange.send("GET /topics", ["Host": host], port: broker.port)
                #expect(answer.status == status, "\(host)")
            }
        }
    }

    /// A publish whose body comes slowly is judged by what counts when it is there.
    @Test func aTokenThatIsTakenAwayBeforeTheBodyIsThereCountsNothing() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let head = """
                    POST /topics/power/meter-1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                    Authorization: Bearer \(AccessFixture.meter)\r\nContent-Length: 2\r\nConnection: close\r\n\r\n4
                    """
                try await client.send(raw: Array(head.utf8))
                let list = AccessFixture.tokens(without: "meter-1")
                try Data(list.utf8).write(to: broker.folder.appendingPathComponent("tokens.json"))
                #expect(try await AccessFixture.reload(broker) == 200)
                try await client.send(raw: Array("2".utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 401 "))
            }
        }
    }
}
