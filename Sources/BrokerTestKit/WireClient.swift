package import BrokerWire
import Foundation
package import NIOCore
import NIOPosix

/// A WebSocket client that does exactly what a test says, byte for byte if need be.
package final class WireClient: Sendable {
    package enum ClientError: Error {
        case handshakeRefused(String)
        /// The broker closed the connection.
        case closed(CloseCode?)
        /// The connection ended without a Close.
        case ended
    }

    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let frames: FrameStream
    package let channel: any Channel

    private init(
        _ channel: any Channel,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ frames: FrameStream
    ) {
        self.channel = channel
        self.outbound = outbound
        self.frames = frames
    }

    /// Connects, upgrades, and runs `body`.
    ///
    /// - `headers`: More lines of the request's head.
    /// - `receiveBuffer`: The size of the socket's receive buffer, for tests of slow readers.
    /// - `tls`: How it speaks TLS; `nil` for without, where ``TestTLS`` does not say otherwise.
    package static func run<Result: Sendable>(
        port: Int,
        subprotocol: String? = nil,
        path: String = "/",
        headers: [String] = [],
        receiveBuffer: Int? = nil,
        tls: WireTLS? = nil,
        body: @escaping @Sendable (WireClient) async throws -> Result
    ) async throws -> Result {
        try await Self.runRaw(port: port, receiveBuffer: receiveBuffer, tls: tls) { client in
            var request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            if let subprotocol { request += "Sec-WebSocket-Protocol: \(subprotocol)\r\n" }
            for header in headers { request += header + "\r\n" }
            try await client.send(raw: Array((request + "\r\n").utf8))
            let head = try await client.head()
            guard head.hasPrefix("HTTP/1.1 101 ") else {
                throw ClientError.handshakeRefused(head + (await client.rest()))
            }
            return try await body(client)
        }
    }

    /// Connects and runs `body`, which says everything itself, the handshake too.
    package static func runRaw<Result: Sendable>(
        port: Int,
        receiveBuffer: Int? = nil,
        tls: WireTLS? = nil,
        body: @escaping @Sendable (WireClient) async throws -> Result
    ) async throws -> Result {
        let tls = tls ?? TestTLS.client(for: port)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBuffer)
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try tls?.secure(channel)
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2))
                )
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(WireClient(channel.channel, outbound, FrameStream(inbound)))
        }
    }

    // MARK: Sending

    /// Sends one text message.
    package func send(_ text: String) async throws {
        try await self.send([text])
    }

    /// Sends several text messages in one write.
    package func send(_ texts: [String]) async throws {
        var buffer = ByteBuffer()
        for text in texts {
            Array(text.utf8).withUnsafeBytes { buffer.writeMaskedFrame(.text, $0, mask: 0x3D21_FA37) }
        }
        try await self.outbound.write(buffer)
    }

    /// Sends bytes as they are.
    package func send(raw bytes: [UInt8]) async throws {
        try await self.outbound.write(ByteBuffer(bytes: bytes))
    }

    /// Sends one masked frame.
    package func send(_ opcode: Opcode, _ payload: [UInt8]) async throws {
        var buffer = ByteBuffer()
        payload.withUnsafeBytes { buffer.writeMaskedFrame(opcode, $0, mask: 0x3D21_FA37) }
        try await self.outbound.write(buffer)
    }

    // MARK: Receiving

    /// The next text message; pings are passed over.
    package func receive() async throws -> String {
        try await self.frames.next()
    }

    /// The head of an HTTP answer.
    package func head() async throws -> String { try await self.frames.head() }

    /// The next chunk of an HTTP answer that comes in chunks.
    package func chunk() async throws -> String { try await self.frames.chunk() }

    /// Everything up to the end of the connection, as text.
    package func rest() async -> String { await self.frames.rest() }

    /// The payload of the next pong; messages before it are passed over.
    package func pong() async throws -> [UInt8] { try await self.frames.pong() }

    /// Sends a request and waits for the next message.
    package func ask(_ text: String) async throws -> String {
        try await self.send(text)
        return try await self.receive()
    }

    /// Waits for the broker's Close.
    package func closeCode() async throws -> CloseCode? {
        do {
            while true { _ = try await self.receive() }
        } catch ClientError.closed(let code) {
            return code
        }
    }
}

/// Turns the bytes of a connection into text messages; used by one task at a time.
private actor FrameStream {
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var parser = FrameParser(from: .server, messageBytesMax: 1 << 26, fragmentsMax: 1)
    private var assembler = MessageAssembler()
    private var buffer = ByteBuffer()
    private let scratch = Scratch()

    private final class Scratch {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        deinit { self.bytes.deallocate() }
    }

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { self.iterator = inbound.makeAsyncIterator() }

    private func fill() async throws {
        var iterator = self.iterator
        guard var more = try await iterator.next(isolation: self) else { throw WireClient.ClientError.ended }
        self.iterator = iterator
        self.buffer.discardReadBytes()
        self.buffer.writeBuffer(&more)
    }

    /// The head of the handshake's answer.
    func head() async throws -> String {
        while true {
            let text = String(buffer: self.buffer)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                self.buffer.moveReaderIndex(forwardBy: head.utf8.count)
                return head
            }
            try await self.fill()
        }
    }

    func chunk() async throws -> String {
        while true {
            let text = self.buffer.readableBytesView
            if let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                let digits = String(decoding: text[..<end].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
                let size = Int(digits, radix: 16) ?? 0
                let header = text.distance(from: text.startIndex, to: end) + 1
                guard size > 0 else { throw WireClient.ClientError.ended }
                if text.count >= header + size + 2 {
                    self.buffer.moveReaderIndex(forwardBy: header)
                    let chunk = self.buffer.readString(length: size) ?? ""
                    self.buffer.moveReaderIndex(forwardBy: 2)
                    return chunk
                }
            }
            try await self.fill()
        }
    }

    /// Everything up to the end of the connection.
    func rest() async -> String {
        do {
            while true { try await self.fill() }
        } catch {
            return String(buffer: self.buffer)
        }
    }

    func next() async throws -> String {
        while true {
            if case .text(let message) = try await self.frame() { return message }
        }
    }

    func pong() async throws -> [UInt8] {
        while true {
            if case .pong(let payload) = try await self.frame() { return payload }
        }
    }

    private enum Frame {
        case text(String)
        case pong([UInt8])
    }

    private func frame() async throws -> Frame {
        while true {
            var message: Frame?
            var index = 0
            try self.buffer.withUnsafeReadableBytes { bytes in
                while message == nil, case .chunk(let chunk) = try self.parser.next(in: bytes, at: &index) {
                    if chunk.opcode == .pong, chunk.endsFrame { message = .pong(Array(bytes[chunk.range])) }
                    switch try self.assembler.accept(chunk, in: bytes, scratch: self.scratch.bytes) {
                    case .text(let text): message = .text(String(decoding: text, as: UTF8.self))
                    case .close(let code): throw WireClient.ClientError.closed(code)
                    default: break
                    }
                }
            }
            self.buffer.moveReaderIndex(forwardBy: index)
            if let message { return message }
            try await self.fill()
        }
    }
}
