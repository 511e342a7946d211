import BrokerTestKit
import BrokerWire
import Testing

/// Section 5.1: what a client may send before there is a WebSocket.
///
/// Left out: H10-H12 (origins, tokens), H23 (``ListenerTLSTests``), H27 behind a listed proxy.
@Suite("Catalogue: handshake", .timeLimit(.minutes(5)))
struct HandshakeCatalogueTests {
    /// The answer's status, and what stands in its head or body.
    struct Answer: Sendable {
        var status: Int
        var contains: [String] = []
        /// Whether the broker keeps the connection: a WebSocket, or HTTP that may go on.
        var isKept = false
        var lacks: [String] = []
    }

    typealias Case = CatalogueCase<String, Answer>

    private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

    /// A handshake with lines taken out and put in.
    private static func handshake(
        _ line: String = "GET /ws HTTP/1.1",
        without: [String] = [],
        adding: [String] = []
    ) -> String {
        let fields = [
            "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", Self.key, "Sec-WebSocket-Version: 13",
        ]
        let kept = fields.filter { field in !without.contains { field.hasPrefix($0 + ":") } }
        return ([line] + kept + adding).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private static func replacing(_ name: String, _ values: String...) -> String {
        Self.handshake(without: [name], adding: values.map { "\(name): \($0)" })
    }

    private static let open = Answer(status: 101, contains: ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], isKept: true)

    private static let cases: [Case] = [
        Case(
            "H1",
            "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
            .init(status: 426, contains: ["upgrade: websocket"], isKept: true)
        ),
        Case("H2", Self.handshake("POST /ws HTTP/1.1"), .init(status: 405, contains: ["allow: get"])),
        Case("H3", Self.handshake("GET /ws HTTP/1.0"), .init(status: 400)),
        Case("H4", Self.handshake(without: ["Sec-WebSocket-Key"]), .init(status: 400)),
        Case("H5 not base 64", Self.replacing("Sec-WebSocket-Key", "not base64!"), .init(status: 400)),
        Case("H5 fifteen bytes", Self.replacing("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA"), .init(status: 400)),
        Case("H5 empty", Self.replacing("Sec-WebSocket-Key", ""), .init(status: 400)),
        Case("H6", Self.handshake(adding: [Self.key]), .init(status: 400)),
        Case("H7 eight", Self.replacing("Sec-WebSocket-Version", "8"), Self.otherVersion),
        Case("H7 missing", Self.handshake(without: ["Sec-WebSocket-Version"]), Self.otherVersion),
        Case("H7 a list", Self.replacing("Sec-WebSocket-Version", "13, 8"), Self.otherVersion),
        Case("H8 a list", Self.replacing("Connection", "keep-alive, Upgrade"), Self.open),
        Case("H8 case", Self.replacing("Upgrade", "WebSocket"), Self.open),
        Case("H9", Self.replacing("Connection", "keep-alive"), .init(status: 400)),
        Case("H12", Self.handshake(), Self.open),
        Case("H13 none", Self.handshake(without: ["Host"]), .init(status: 400)),
        Case("H13 two", Self.handshake(adding: ["Host: other"]), .init(status: 400)),
        Case("H14 unknown", Self.handshake("GET /nothing HTTP/1.1"), .init(status: 404)),
        Case("H14 dots", Self.handshake("GET /ws/../admin HTTP/1.1"), .init(status: 404)),
        Case("H14 slashes", Self.handshake("GET //ws HTTP/1.1"), .init(status: 404)),
        Case("H14 escape", Self.handshake("GET /ws%2f HTTP/1.1"), .init(status: 404)),
        Case("H14 zero", Self.handshake("GET /%00 HTTP/1.1"), .init(status: 404)),
        Case("H15", Self.handshake("GET /" + String(repeating: "a", count: 20_480) + " HTTP/1.1"), .init(status: 414)),
        Case("H16 as many fields as allowed", Self.handshake(adding: (0..<95).map { "X-\($0): a" }), Self.open),
        Case("H16 one more", Self.handshake(adding: (0..<96).map { "X-\($0): a" }), .init(status: 431)),
        Case(
            "H16 bytes",
            Self.handshake(adding: (0..<17).map { "X-\($0): " + String(repeating: "a", count: 1000) }),
            .init(status: 431)
        ),
        Case("H16 a hundred thousand", Self.handshake(adding: (0..<100_000).map { "X-\($0): a" }), .init(status: 431)),
        Case("H17 high", Self.handshake(adding: ["Sec-WebSocket-Protocol: b\u{E9}"]), .init(status: 400)),
        Case("H17 control", Self.handshake(adding: ["Sec-WebSocket-Protocol: b\u{7}"]), .init(status: 400)),
        Case(
            "H18",
            Self.handshake(adding: ["Sec-WebSocket-Protocol: b" + String(repeating: " ", count: 65_536) + "x"]),
            .init(status: 431)
        ),
        Case(
            "H19",
            Self.handshake(adding: ["Sec-WebSocket-Protocol: mqtt, graphql-ws"]),
            .init(status: 400, contains: ["wsbroker.v1.json"])
        ),
        Case("H20 window", Self.extensions("permessage-deflate; client_max_window_bits=99"), Self.withoutExtension),
        Case("H20 twice", Self.extensions("permessage-deflate; a=1; a=1"), Self.withoutExtension),
        Case("H20 unknown", Self.extensions("x-unknown; y"), Self.withoutExtension),
        Case("H25 length", Self.handshake(adding: ["Content-Length: 5"]) + "hello", .init(status: 400)),
        Case(
            "H25 both",
            Self.handshake(adding: ["Content-Length: 5", "Transfer-Encoding: chunked"]) + "0\r\n\r\n",
            .init(status: 400)
        ),
        Case("H26 carriage return", Self.handshake(adding: ["X-A: a\rb"]), .init(status: 400)),
        Case("H26 zero", Self.handshake(adding: ["X-A: a\u{0}b"]), .init(status: 400)),
        Case("H26 fold", Self.handshake(adding: ["X-A: a\r\n b"]), .init(status: 400)),
        Case("H28 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .init(status: 400)),
        Case("H28 connect", Self.handshake("CONNECT /ws HTTP/1.1"), .init(status: 405)),
    ]

    private static let otherVersion = Answer(status: 426, contains: ["sec-websocket-version: 13"])
    private static let withoutExtension = Answer(
        status: 101,
        isKept: true,
        lacks: ["sec-websocket-extensions"]
    )

    private static func extensions(_ offer: String) -> String {
        Self.handshake(adding: ["Sec-WebSocket-Extensions: \(offer)"])
    }

    @Test func everyHandshakeHasOneAnswer() async throws {
        try await TestBroker.run { broker async throws in
            for one in Self.cases {
                try await WireClient.runRaw(port: broker.port) { client async throws in
                    // The broker may answer and close before it has read all.
                    try? await client.send(raw: Array(one.input.utf8))
                    try await Self.check(one, client)
                }
            }
        }
    }

    private static func check(_ one: Case, _ client: WireClient) async throws {
        var answer = try await client.head()
        if one.expected.status == 101 {
            #expect(try await client.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#, "\(one.number)")
        } else if !one.expected.isKept {
            answer += await client.rest()
        }
        #expect(answer.hasPrefix("HTTP/1.1 \(one.expected.status) "), "\(one.number): \(answer)")
        for part in one.expected.contains {
            #expect(answer.lowercased().contains(part.lowercased()), "\(one.number): \(answer)")
        }
        for part in one.expected.lacks { #expect(!answer.lowercased().contains(part), "\(one.number)") }
    }

    /// H21, H22: one byte a second, or none, does not keep a connection.
    @Test(arguments: ["", "GET /ws HT", "GET / HTTP/1.1\r\nHost: a\r\n"])
    func whoDoesNotFinishTheHandshakeInTimeIsCut(start: String) async throws {
        try await TestBroker.run(settings: ["limits.handshakeTimeout=100ms"]) { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                // With TLS in front its time may be over before it has said anything.
                if !start.isEmpty { try? await client.send(raw: Array(start.utf8)) }
                // Returns when the broker has closed.
                _ = await client.rest()
            }
        }
    }

    /// H23: a TLS client that has come to the wrong port.
    @Test func aTLSHelloOnThePlainPortIsClosed() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                try? await client.send(raw: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03])
                _ = await client.rest()
            }
        }
    }

    /// H24: a client that does not wait for the answer.
    @Test func framesBehindTheRequestAreTaken() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                var bytes = Array(Self.handshake().utf8)
                // {"op":"ping"} masked with zeros.
                bytes += [0x81, 0x8D, 0, 0, 0, 0] + Array(#"{"op":"ping"}"#.utf8)
                try await client.send(raw: bytes)
                #expect(try await client.head().hasPrefix("HTTP/1.1 101 "))
                #expect(try await client.receive() == #"{"op":"pong"}"#)
            }
        }
    }

    /// The connection is a proxy's and carries many; what is counted is what it has under way for each of them.
    @Test func behindAProxyRequestsAreCountedByTheAddressOfTheirClient() async throws {
        let (settings, rights) = (["limits.connectionsPerAddress=1"], #"["subscribe"]"#)
        try await TestBroker.run(settings: settings, rights: rights, proxies: ["127.0.0.1"]) { broker async throws in
            @Sendable func status(_ address: String) async throws -> HTTPExchange {
                try await HTTPExchange.send("GET /topics", ["Forwarded": "for=\(address)"], port: broker.port)
            }
            try await WireClient.runRaw(port: broker.port) { stream async throws in
                let fields = ["Forwarded": "for=192.0.2.1", "Accept": "text/event-stream"]
                try await stream.send(raw: Array(HTTPExchange.text("GET /topics?filter=a", fields).utf8))
                #expect(try await stream.head().hasPrefix("HTTP/1.1 200 "))
                let refused = try await status("192.0.2.1")
                #expect(refused.status == 429 && refused.headers["retry-after"] == "5")
                #expect(refused.body.contains("limits.connectionsPerAddress"))
                #expect(try await status("192.0.2.2").status == 200)
            }
            // It is free again once the stream is gone.
            while try await status("192.0.2.1").status != 200 { await Task.yield() }
            #expect(try await status("192.0.2.1").status == 200)
        }
    }

    /// H27: what a stranger says about its address counts for nothing.
    @Test func aForwardedAddressOfAStrangerIsIgnored() async throws {
        try await TestBroker.run(settings: ["limits.connectionsPerAddress=1"]) { broker async throws in
            try await WireClient.run(port: broker.port) { _ async throws in
                try await WireClient.runRaw(port: broker.port) { client async throws in
                    let fields = ["X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1"]
                    try await client.send(raw: Array(Self.handshake(adding: fields).utf8))
                    #expect(try await client.head().hasPrefix("HTTP/1.1 429 "))
                }
            }
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            #expect(metrics.contains("wsbroker_turned_away_total{reason=\"address\"} 1.0\n"))
        }
    }
}
