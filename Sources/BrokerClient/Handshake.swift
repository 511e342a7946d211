import BrokerWire

/// The client's side of the WebSocket handshake (RFC 6455, section 4.1), as a value that knows no socket.
///
/// It reads the head of the answer itself: there is exactly one, and the bytes behind it are WebSocket frames, which
/// an HTTP decoder in the pipeline would have to be made to give back.
struct Handshake {
    /// What the bytes so far came to.
    enum Progress: Hashable {
        case needsMore
        /// The WebSocket is open; its frames begin behind so many bytes of what was passed last.
        case accepted(consumed: Int)
    }

    /// The name of version 1 of the protocol.
    static let subprotocol = "wsbroker.v1.json"
    /// The longest head of an answer; the broker's has some 200 bytes.
    static let headBytesMax = 16 * 1024
    /// How much of a refusal's body is waited for and shown.
    static let bodyBytesMax = 512

    /// What an alert of TLS begins with.
    private static let alertRecord: UInt8 = 21

    private let key: HandshakeKey
    private let isSecure: Bool
    private var received: [UInt8] = []
    private var refusal: Refused?

    private struct Refused {
        var status: Int
        var reason: String
        var bodyStart: Int
        var bodyBytes: Int
    }

    /// - `isSecure`: Whether it goes over TLS.
    init(key: HandshakeKey, isSecure: Bool = false) {
        self.key = key
        self.isSecure = isSecure
    }

    /// The request that opens the handshake.
    ///
    /// - `fields`: What is to stand in its head besides what makes it a handshake.
    func request(to address: BrokerAddress, fields: [HeaderField] = []) -> [UInt8] {
        let head = """
            GET \(address.path) HTTP/1.1\r
            Host: \(address.bracketedHost):\(address.port)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(self.key.text)\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Protocol: \(Self.subprotocol)\r

            """
        let more = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array((head + more + "\r\n").utf8)
    }

    /// Takes the next bytes of the answer; throws when there will be no WebSocket.
    mutating func accept(_ bytes: [UInt8]) throws(ClientError) -> Progress {
        let before = self.received.count
        self.received += bytes
        if self.refusal == nil {
            guard let headEnd = self.headEnd(from: before) else {
                guard self.received.count <= Self.headBytesMax else { throw Self.notHTTP }
                return .needsMore
            }
            if try self.readHead(endingAt: headEnd) { return .accepted(consumed: headEnd - before) }
        }
        guard let refusal = self.refusal, self.received.count < refusal.bodyStart + refusal.bodyBytes else {
            throw self.ended()
        }
        return .needsMore
    }

    /// Why there is no WebSocket, when the connection ends before the handshake did.
    func ended() -> ClientError {
        guard let refusal = self.refusal else {
            // A server that speaks TLS hangs up on what is none, or says so in a record of TLS.
            let mayBeTLS = !self.isSecure && self.received.first.map { $0 == Self.alertRecord } ?? true
            let hint = mayBeTLS ? "; does the port speak TLS (wss://)?" : ""
            return ClientError(.cannotConnect, "the connection was closed during the handshake\(hint)")
        }
        let end = min(refusal.bodyStart + refusal.bodyBytes, self.received.count)
        let body = self.received[min(refusal.bodyStart, end)..<end].map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        let text = String(decoding: body, as: UTF8.self)
        return ClientError(
            .handshakeRefused,
            "the handshake was answered with HTTP \(refusal.status) \(refusal.reason)"
                + (text.isEmpty ? "" : ": \(text)"),
            brokerCode: UInt16(refusal.status)
        )
    }

    private static let notHTTP = ClientError(.handshakeRefused, "the peer does not speak HTTP")

    /// Where the empty line that ends the head ends, if it has arrived.
    private func headEnd(from start: Int) -> Int? {
        var index = max(start - 3, 0)
        while index + 4 <= self.received.count {
            if self.received[index..<index + 4].elementsEqual([13, 10, 13, 10]) { return index + 4 }
            index += 1
        }
        return nil
    }

    /// Reads the status and the fields; returns whether they open a WebSocket.
    private mutating func readHead(endingAt end: Int) throws(ClientError) -> Bool {
        let lines = String(decoding: self.received[..<(end - 4)], as: UTF8.self).split(
            separator: "\r\n",
            omittingEmptySubsequences: false
        )
        let statusLine = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        // An older server is no broker either, but what it answers says more than its version.
        guard statusLine.count >= 2, ["HTTP/1.1", "HTTP/1.0"].contains(statusLine[0]),
            let status = Int(statusLine[1]), (100...599).contains(status),
            status != 101 || statusLine[0] == "HTTP/1.1"
        else { throw Self.notHTTP }
        let fields = Fields(lines.dropFirst())
        guard status == 101 else {
            let length = Int(fields["content-length"] ?? "") ?? 0
            self.refusal = Refused(
                status: status,
                reason: statusLine.count > 2 ? String(statusLine[2]) : "",
                bodyStart: end,
                bodyBytes: min(max(length, 0), Self.bodyBytesMax)
            )
            return false
        }
        try self.check(fields)
        return true
    }

    private func check(_ fields: Fields) throws(ClientError) {
        func require(_ holds: Bool, _ what: String) throws(ClientError) {
            if !holds { throw ClientError(.handshakeRefused, "the peer agreed to a WebSocket, but \(what)") }
        }
        try require(fields["upgrade"]?.lowercased() == "websocket", "not to an upgrade to it")
        let connection = fields["connection"]?.lowercased().split { $0 == "," || $0 == " " } ?? []
        try require(connection.contains("upgrade"), "without 'Connection: Upgrade'")
        try require(fields["sec-websocket-accept"] == self.key.accept, "with the wrong Sec-WebSocket-Accept")
        try require(fields["sec-websocket-extensions"] == nil, "with extensions that nobody asked for")
        try require(
            fields["sec-websocket-protocol"] == Self.subprotocol,
            "without the subprotocol \(Self.subprotocol): it is no wsbroker"
        )
    }
}

/// The fields of a head; of a field that stands twice the values are joined, as HTTP has it.
private struct Fields {
    private var values: [String: String] = [:]

    init(_ lines: some Sequence<Substring>) {
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].lowercased()
            let blanks: Set<Character> = [" ", "\t"]
            let value = line[line.index(after: colon)...].drop { blanks.contains($0) }
            let trimmed = String(value.reversed().drop { blanks.contains($0) }.reversed())
            self.values[name] = self.values[name].map { "\($0), \(trimmed)" } ?? trimmed
        }
    }

    subscript(_ name: String) -> String? { self.values[name] }
}
