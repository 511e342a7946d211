import BrokerWire

/// Whether a request opens a WebSocket, and what it is told if not (RFC 6455, section 4.2).
///
/// A pure function of the request's head; the upgrader and the HTTP routes both ask it, so that a request that is not
/// upgraded is told why.
package enum WebSocketUpgrade: Hashable, Sendable {
    /// Answer 101 with this accept key, and with the subprotocol if the client offered any.
    case accept(key: String, subprotocol: String?)
    case refuse(Refusal)

    /// An HTTP answer that says what is wrong.
    package struct Refusal: Hashable, Sendable {
        package var status: Int
        package var reason: String
        package var headers: [Header]

        package init(status: Int, reason: String, headers: [Header] = []) {
            self.status = status
            self.reason = reason
            self.headers = headers
        }
    }

    package struct Header: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The name of version 1 of the protocol.
    package static let subprotocol = "wsbroker.v1.json"
    /// Where WebSockets are served.
    package static let paths: Set<String> = ["/", "/ws"]

    /// Judges a request.
    ///
    /// - `values`: The values of the header field of a name, one for each time that it stands there.
    package static func judge(
        method: String,
        path: String,
        isHTTP11: Bool,
        values: (String) -> [String]
    ) -> WebSocketUpgrade {
        guard Self.paths.contains(path) else {
            return .refuse(Refusal(status: 404, reason: "WebSockets are served at / and at /ws"))
        }
        guard method == "GET" else {
            let allow = Header(name: "Allow", value: "GET")
            return .refuse(Refusal(status: 405, reason: "a WebSocket is opened with GET", headers: [allow]))
        }
        guard isHTTP11 else { return .refuse(Refusal(status: 400, reason: "a WebSocket needs HTTP/1.1")) }
        guard Self.names("websocket", values("Upgrade")) else {
            let upgrade = Header(name: "Upgrade", value: "websocket")
            return .refuse(Refusal(status: 426, reason: "this is a WebSocket endpoint", headers: [upgrade]))
        }
        guard Self.names("upgrade", values("Connection")) else {
            return .refuse(Refusal(status: 400, reason: "'Connection' has to name 'Upgrade'"))
        }
        guard values("Host").count == 1 else {
            return .refuse(Refusal(status: 400, reason: "exactly one 'Host' is needed"))
        }
        guard values("Sec-WebSocket-Version") == ["13"] else {
            let version = Header(name: "Sec-WebSocket-Version", value: "13")
            return .refuse(Refusal(status: 426, reason: "WebSocket version 13 is needed", headers: [version]))
        }
        guard values("Transfer-Encoding").isEmpty, values("Content-Length").allSatisfy({ $0 == "0" }) else {
            return .refuse(Refusal(status: 400, reason: "a handshake has no body"))
        }
        return Self.judgeKey(values)
    }

    private static func judgeKey(_ values: (String) -> [String]) -> WebSocketUpgrade {
        let keys = values("Sec-WebSocket-Key")
        guard keys.count == 1, let key = keys.first.map(HandshakeKey.init(text:)), key.isWellFormed else {
            let reason = "exactly one 'Sec-WebSocket-Key' of 16 bytes in base 64 is needed"
            return .refuse(Refusal(status: 400, reason: reason))
        }
        let offers = values("Sec-WebSocket-Protocol")
        guard offers.allSatisfy({ $0.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }) else {
            return .refuse(Refusal(status: 400, reason: "'Sec-WebSocket-Protocol' is not a list of tokens"))
        }
        let offered = offers.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }.map { Self.trimmed($0) }
        guard !offered.isEmpty else { return .accept(key: key.accept, subprotocol: nil) }
        guard offered.contains(Array(Self.subprotocol.utf8)) else {
            return .refuse(Refusal(status: 400, reason: "unsupported subprotocol; supported: \(Self.subprotocol)"))
        }
        return .accept(key: key.accept, subprotocol: Self.subprotocol)
    }

    /// Whether `token`, which is in lower case, stands in a comma-separated header field.
    ///
    /// Bytes are compared: to Unicode a Kelvin sign is a `k`, and a comma before a combining accent is no comma.
    private static func names(_ token: String, _ values: [String]) -> Bool {
        values.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }.contains { part in
            Self.trimmed(part).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }.elementsEqual(token.utf8)
        }
    }

    private static func trimmed(_ text: Substring.UTF8View) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        return text.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    }
}
