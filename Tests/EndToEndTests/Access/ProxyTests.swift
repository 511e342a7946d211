import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Clients that come by way of a proxy of ours, which says whom it speaks for.
@Suite("Proxies", .timeLimit(.minutes(5)))
struct ProxyTests {
    private static let here = ["127.0.0.1"]
    /// Whom a proxy brings has none of the machine's own.
    private static let rights = #"["publish","subscribe"]"#
    private static func forwarded(_ number: Int) -> String { "for=192.0.2.\(number)" }

    /// The status of the answer to a handshake for a client behind the proxy.
    private static func connect(_ broker: TestBroker, for client: Int, token: String? = nil) async throws -> Int {
        let credentials = token.map { AccessFixture.bearer($0) } ?? []
        return try await AccessFixture.refusal(broker, ["Forwarded: \(Self.forwarded(client))"] + credentials)
    }

    @Test func connectionsCountByTheAddressThatTheProxySays() async throws {
        try await TestBroker.run(settings: ["limits.connectionsPerAddress=1"]) { broker async throws in
            try await WireClient.run(port: broker.port) { _ async throws in
                // Nobody's proxy yet: all are one address.
                #expect(try await Self.connect(broker, for: 1) == 429)
                try broker.rewrite { _ in #"{"listen":{"proxies":["127.0.0.1"]},"auth":{"anonymous":["publish"]}}"# }
                #expect(try await AccessFixture.reload(broker) == 200)
                try await WireClient.run(port: broker.port, headers: ["Forwarded: \(Self.forwarded(1))"]) {
                    _ async throws in
                    #expect(try await Self.connect(broker, for: 1) == 429)
                    #expect(try await Self.connect(broker, for: 2) == 101)
                }
                // It has gone as soon as the broker has noticed.
                while try await Self.connect(broker, for: 1) == 429 {}
            }
        }
    }

    /// Or nobody could find the one that counts too much.
    @Test func theListOfConnectionsSaysWhomTheProxySpeaksFor() async throws {
        try await TestBroker.run(rights: Self.rights, proxies: Self.here) { broker async throws in
            @Sendable func list() async throws -> String {
                try await HTTPExchange.send("GET /connections", port: broker.adminPort).body
            }
            try await WireClient.run(port: broker.port, headers: ["Forwarded: \(Self.forwarded(1))"]) {
                _ async throws in
                let connections = try await list()
                #expect(connections.contains(#""address":"192.0.2.1""#), "\(connections)")
                #expect(connections.contains(#""proxy":"127.0.0.1:"#), "\(connections)")
            }
            try await WireClient.run(port: broker.port) { _ async throws in
                while try await list().contains("proxy") {}
                #expect(try await list().contains(#""address":"127.0.0.1:"#))
            }
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let fields = ["Forwarded": Self.forwarded(2), "Accept": "text/event-stream"]
                try await client.send(raw: Array(HTTPExchange.text("GET /topics/clicks", fields).utf8))
                _ = try await client.head()
                #expect(try await list().contains(#""address":"192.0.2.2""#))
            }
        }
    }

    @Test func wrongTokensCountByTheAddressThatTheProxySays() async throws {
        try await TestBroker.run(
            settings: ["limits.failedLoginsPerMinute=1"],
            auth: #"{"tokens":"FOLDER/tokens.json","anonymous":["subscribe"]}"#,
            proxies: Self.here,
            files: ["tokens.json": AccessFixture.tokens()]
        ) { broker async throws in
            func read(for client: Int, _ token: String) async throws -> Int {
                let fields = ["Forwarded": Self.forwarded(client), "Authorization": "Bearer \(token)"]
                return try await HTTPExchange.send("GET /topics", fields, port: broker.port).status
            }
            func hello(for client: Int) async throws -> Int? {
                try await WireClient.run(port: broker.port, headers: ["Forwarded: \(Self.forwarded(client))"]) {
                    client async throws in
                    JSONField.integer("code", in: try await client.ask(#"{"op":"hello","v":1,"token":"wrong"}"#))
                }
            }
            // Each way of being wrong, and then the right one is not looked at either.
            #expect(try await Self.connect(broker, for: 1, token: "wrong") == 401)
            #expect(try await read(for: 2, "wrong") == 401)
            #expect(try await hello(for: 3) == 4102)
            for client in 1...3 {
                #expect(try await Self.connect(broker, for: client, token: AccessFixture.viewer) == 429, "\(client)")
                #expect(try await read(for: client, AccessFixture.viewer) == 429, "\(client)")
                #expect(try await hello(for: client) == 4202, "\(client)")
            }
            #expect(try await Self.connect(broker, for: 4, token: AccessFixture.viewer) == 101)
            #expect(try await read(for: 4, AccessFixture.viewer) == 200)
        }
    }

    /// Far more than one address may publish in the time that it takes.
    @Test func publishesCountByTheAddressThatTheProxySays() async throws {
        let settings = ["limits.publishesPerSecond=1", "limits.publishBurst=1"]
        try await TestBroker.run(settings: settings, rights: Self.rights, proxies: Self.here) { broker async throws in
            for client in 1...30 {
                let fields = ["Forwarded": Self.forwarded(client)]
                let answer = try await HTTPExchange.send("POST /topics/total", fields, body: "1", port: broker.port)
                #expect(answer.status == 200, "\(client)")
            }
        }
    }

    /// What a proxy of ours passes on has the proxy's name.
    @Test func aProxysNameIsNoReasonToRefuse() async throws {
        try await TestBroker.run(rights: Self.rights, proxies: Self.here) { broker async throws in
            let fields = ["Host": "broker.example.com"]
            #expect(try await HTTPExchange.send("GET /topics", fields, port: broker.port).status == 200)
        }
    }
}
