import BrokerTestKit
import BrokerWire
import NIOCore
import NIOEmbedded

@testable import BrokerClient

/// One TCP connection between a real client and the core: bytes are on their way for as long as they like, arrive in
/// pieces that end anywhere, and are lost with the connection. Each end may learn of its end long after the other.
final class SimulatedLink {
    let loop: EmbeddedEventLoop
    /// The client's end.
    private(set) var channel: EmbeddedChannel?
    /// The broker's end, once the handshake is over.
    private(set) var session: CoreHarness.Client?
    private var up = ByteBuffer()
    private var down = ByteBuffer()
    /// The request of the handshake, as far as it has come.
    private var head: ByteBuffer? = ByteBuffer()
    private var isBrokerGone = false
    /// Whether what the client has sent is long on its way.
    private(set) var isSlow = false
    private var reader = MessageReader(from: .client, messageBytesMax: 64 * 1024)

    init(_ channel: EmbeddedChannel) {
        self.channel = channel
        self.loop = channel.embeddedEventLoop
    }

    /// Whether nothing can come of it any more.
    var isOver: Bool { self.channel == nil && self.session == nil && (self.isBrokerGone || self.up.readableBytes == 0) }

    /// Puts on the wire what both ends have written.
    func gather() throws {
        while let bytes = try self.channel?.readOutbound(as: ByteBuffer.self) { self.up.writeImmutableBuffer(bytes) }
        if self.channel?.isActive == false { self.channel = nil }
        guard let connection = self.session?.connection else { return }
        self.down.writeBytes(connection.takeBytes())
        guard let (code, reason) = connection.closed else { return }
        self.down.writeClose(code, reason: reason)
        self.session = nil
        self.isBrokerGone = true
    }

    // MARK: Bytes that arrive

    /// The broker receives some of what the client has sent, or that the client is gone.
    func deliverUp(_ count: Int, to broker: SimulatedBroker, _ dice: Dice) throws {
        try self.gather()
        guard !self.isBrokerGone else { return self.up.clear() }
        guard let bytes = self.up.readSlice(length: min(count, self.up.readableBytes)), bytes.readableBytes > 0 else {
            if self.channel == nil { self.endBroker(broker) }
            return
        }
        guard self.head == nil else { return self.takeHead(bytes, broker, dice) }
        try self.reader.read(bytes) { assembled in
            guard let session = self.session else { return false }
            switch assembled {
            case .text(let text): broker.harness.send(String(decoding: text, as: UTF8.self), from: session)
            case .close: self.endBroker(broker)
            default: break
            }
            return true
        }
    }

    /// Answers the handshake once all of it is there; the client says nothing more before.
    private func takeHead(_ bytes: ByteBuffer, _ broker: SimulatedBroker, _ dice: Dice) {
        self.head?.writeImmutableBuffer(bytes)
        guard let text = self.head.map({ String(buffer: $0) }), text.hasSuffix("\r\n\r\n") else { return }
        self.head = nil
        let name = "Sec-WebSocket-Key: "
        let line = text.split(separator: "\r\n").first { $0.hasPrefix(name) } ?? ""
        let proof = HandshakeKey(text: String(line.dropFirst(name.count))).accept
        self.down.writeString(
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(proof)\r
            Sec-WebSocket-Protocol: wsbroker.v1.json\r
            \r\n
            """
        )
        self.session = broker.connect(dice)
    }

    /// The client receives some of what the broker has sent, or that the broker is gone.
    func deliverDown(_ count: Int) throws {
        try self.gather()
        guard let channel = self.channel else { return self.down.clear() }
        if let bytes = self.down.readSlice(length: min(count, self.down.readableBytes)), bytes.readableBytes > 0 {
            try channel.writeInbound(bytes)
            self.loop.run()
        } else if self.isBrokerGone {
            self.endClient()
        }
        try self.gather()
    }

    // MARK: The end

    /// The client learns that the connection is gone. What it has sent may still arrive.
    ///
    /// - `isSlow`: Whether that takes long.
    func endClient(isSlow: Bool = false) {
        self.isSlow = isSlow
        self.channel?.close(promise: nil)
        self.loop.run()
        self.channel = nil
        self.down.clear()
    }

    /// The broker learns that the connection is gone. What it has sent may still arrive.
    func endBroker(_ broker: SimulatedBroker) {
        if let session = self.session { broker.harness.disconnect(session) }
        self.session = nil
        self.isBrokerGone = true
    }

    /// The broker is dead; what it has sent may still arrive, and all that was sent to it is lost.
    func brokerDied() throws {
        try self.gather()
        self.session = nil
        self.isBrokerGone = true
        self.up.clear()
    }
}
