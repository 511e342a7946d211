import Testing

@testable import BrokerTransport

/// Which requests open a WebSocket, and what the others are told.
@Suite("WebSocket upgrade")
struct WebSocketUpgradeTests {
    private func judge(
        method: String = "GET",
        path: String = "/",
        isHTTP11: Bool = true,
        changing changes: [String: [String]] = [:]
    ) -> WebSocketUpgrade {
        let standard = [
            "Upgrade": ["websocket"], "Connection": ["Upgrade"], "Host": ["localhost"],
            "Sec-WebSocket-Version": ["13"], "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="],
        ]
        let values = standard.merging(changes) { $1 }
        return WebSocketUpgrade.judge(method: method, path: path, isHTTP11: isHTTP11) { values[$0] ?? [] }
    }

    private func status(_ judgement: WebSocketUpgrade) -> Int? {
        guard case .refuse(let refusal) = judgement else { return nil }
        return refusal.status
    }

    /// The example of RFC 6455, section 1.3.
    private static let accepted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    @Test(arguments: ["/", "/ws"])
    func aHandshakeIsAcceptedAtBothPaths(path: String) {
        #expect(self.judge(path: path) == .accept(key: Self.accepted, subprotocol: nil))
    }

    @Test(arguments: [["keep-alive, Upgrade"], ["UPGRADE"], ["keep-alive", "upgrade"]])
    func theConnectionHeaderIsAListInAnyCase(values: [String]) {
        #expect(self.judge(changing: ["Connection": values]) == .accept(key: Self.accepted, subprotocol: nil))
    }

    /// Tokens are bytes: letters that only look like ours after folding are others, and no accent joins a comma.
    @Test func tokensAreComparedAsBytes() {
        #expect(self.status(self.judge(changing: ["Upgrade": ["websoc\u{212A}et"]])) == 426)
        let judgement = self.judge(changing: ["Upgrade": ["websocket,\u{301}x"]])
        #expect(judgement == .accept(key: Self.accepted, subprotocol: nil))
    }

    @Test func ourSubprotocolIsPickedFromTheOffers() {
        let judgement = self.judge(changing: ["Sec-WebSocket-Protocol": ["mqtt, wsbroker.v1.json", "x"]])
        #expect(judgement == .accept(key: Self.accepted, subprotocol: "wsbroker.v1.json"))
    }

    @Test func offersWithoutOursAreRefusedWithTheSupportedOne() {
        guard case .refuse(let refusal) = self.judge(changing: ["Sec-WebSocket-Protocol": ["mqtt"]]) else {
            Issue.record("it was accepted")
            return
        }
        #expect(refusal.status == 400)
        #expect(refusal.reason.contains("wsbroker.v1.json"))
    }

    @Test(arguments: [
        ("Upgrade", [], 426), ("Upgrade", ["h2c"], 426), ("Connection", ["close"], 400), ("Connection", [], 400),
        ("Host", [], 400), ("Host", ["a", "b"], 400), ("Sec-WebSocket-Version", ["8"], 426),
        ("Sec-WebSocket-Version", [], 426), ("Sec-WebSocket-Version", ["13, 8"], 426), ("Sec-WebSocket-Key", [], 400),
        ("Sec-WebSocket-Key", [""], 400), ("Sec-WebSocket-Key", ["not base64!"], 400),
        ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ=="] + ["dGhlIHNhbXBsZSBub25jZQ=="], 400),
        ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZR=="], 400), ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZQ=="], 400),
        ("Transfer-Encoding", ["chunked"], 400), ("Content-Length", ["5"], 400),
        ("Sec-WebSocket-Protocol", ["b\u{80}d"], 400),
    ])
    func aWrongHeaderIsRefused(name: String, values: [String], status: Int) {
        #expect(self.status(self.judge(changing: [name: values])) == status)
    }

    @Test func aWrongMethodPathOrVersionOfHTTPIsRefused() {
        #expect(self.status(self.judge(method: "POST")) == 405)
        #expect(self.status(self.judge(isHTTP11: false)) == 400)
        for path in ["/ws/../admin", "//ws", "/ws%2f", "/WS", "/ws/"] {
            #expect(self.status(self.judge(path: path)) == 404, "\(path)")
        }
    }
}
