import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Handshake")
struct HandshakeTests {
    /// The key and the proof of RFC 6455, section 1.3.
    private static let key = HandshakeKey(text: "dGhlIHNhbXBsZSBub25jZQ==")

    private static let accepted = """
        HTTP/1.1 101 Switching Protocols\r
        Upgrade: WebSocket\r
        connection: keep-alive, upgrade\r
        Sec-WebSocket-Accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r
        Sec-WebSocket-Protocol: wsbroker.v1.json\r
        \r\n
        """

    @Test func theRequestAsksForTheSubprotocolAtTheAddress() {
        let handshake = Handshake(key: Self.key)
        let request = handshake.request(to: BrokerAddress(host: "::1", port: 81, path: "/ws"))
        #expect(
            String(decoding: request, as: UTF8.self) == """
                GET /ws HTTP/1.1\r
                Host: [::1]:81\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: wsbroker.v1.json\r
                \r\n
                """
        )
    }

    @Test func furtherFieldsStandInTheHead() throws {
        let fields = [try HeaderField(name: "X-Key", value: "a b"), try HeaderField(name: "Cookie", value: "")]
        let request = Handshake(key: Self.key).request(to: BrokerAddress(), fields: fields)
        let text = String(decoding: request, as: UTF8.self)
        #expect(text.hasSuffix("Sec-WebSocket-Protocol: wsbroker.v1.json\r\nX-Key: a b\r\nCookie: \r\n\r\n"))
    }

    @Test func framesBeginBehindTheHead() throws {
        var handshake = Handshake(key: Self.key)
        let bytes = Self.accepted.bytes
        #expect(try handshake.accept(bytes + [0x89, 0]) == .accepted(consumed: bytes.count))
    }

    @Test func theHeadMayComeByteByByte() throws {
        var handshake = Handshake(key: Self.key)
        let bytes = Self.accepted.bytes
        for byte in bytes.dropLast() { #expect(try handshake.accept([byte]) == .needsMore) }
        #expect(try handshake.accept(bytes.suffix(1) + [0x89]) == .accepted(consumed: 1))
    }

    @Test(arguments: [
        ("Upgrade: WebSocket", "Upgrade: h2c", "an upgrade"),
        ("keep-alive, upgrade", "keep-alive", "Connection: Upgrade"),
        ("s3pPLMB", "s3pPLMC", "Sec-WebSocket-Accept"),
        ("wsbroker.v1.json", "chat", "subprotocol"),
        ("Sec-WebSocket-Protocol: wsbroker.v1.json", "X: y", "subprotocol"),
        ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Protocol", "extensions"),
    ])
    func anAgreementToSomethingElseIsNone(replaced: String, with: String, reason: String) throws {
        var handshake = Handshake(key: Self.key)
        let range = try #require(Self.accepted.firstRange(of: replaced))
        let answer = Self.accepted.replacingCharacters(in: range, with: with)
        let error = #expect(throws: ClientError.self) { try handshake.accept(answer.bytes) }
        #expect(error?.code == .handshakeRefused)
        #expect(error?.brokerCode == nil)
        #expect(error?.message.contains(reason) == true)
    }

    @Test func aRefusalWaitsForItsBody() throws {
        var handshake = Handshake(key: Self.key)
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n"
        #expect(try handshake.accept(head.bytes) == .needsMore)
        #expect(try handshake.accept("one".bytes) == .needsMore)
        #expect(handshake.ended().message == "the handshake was answered with HTTP 400 Bad Request: one")
        let error = #expect(throws: ClientError.self) { try handshake.accept("\ntwo and more".bytes) }
        #expect(error?.message == "the handshake was answered with HTTP 400 Bad Request: one tw")
    }

    @Test(arguments: ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 99999 x\r\n\r\n", "\r\n\r\n"])
    func anythingButHTTPIsRefused(text: String) {
        var handshake = Handshake(key: Self.key)
        let error = #expect(throws: ClientError.self) { try handshake.accept(text.bytes) }
        #expect(error?.message == "the peer does not speak HTTP")
    }

    @Test func aHeadWithoutEndIsGivenUpAtTheLimit() throws {
        var handshake = Handshake(key: Self.key)
        let filler = [UInt8](repeating: UInt8(ascii: "x"), count: Handshake.headBytesMax)
        #expect(try handshake.accept(filler) == .needsMore)
        #expect(throws: ClientError.self) { try handshake.accept([UInt8(ascii: "x")]) }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
