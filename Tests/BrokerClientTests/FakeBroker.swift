import BrokerWire
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import BrokerClient

/// A broker that does what a test tells it to: it accepts connections, shows what arrives, and sends what it is given.
///
/// It listens on a port of its own on loopback and never answers by itself, so a test is a conversation written down,
/// and waits for nothing but what the client does.
final class FakeBroker: Sendable {
    /// How it answers the handshake.
    enum Answer: Sendable {
        case accept
        /// The whole answer, as it goes out.
        case text(String)
    }

    let port: Int
    private let channel: any Channel
    private let connections: AsyncStream<FakeConnection>

    private init(port: Int, channel: any Channel, connections: AsyncStream<FakeConnection>) {
        self.port = port
        self.channel = channel
        self.connections = connections
    }

    /// - `answers`: How the handshakes are answered, in order; further ones are accepted.
    /// - `tls`: The TLS that is spoken; absent without TLS.
    static func start(answers: [Answer] = [], tls: NIOSSLContext? = nil) async throws -> FakeBroker {
        let (stream, continuation) = AsyncStream.makeStream(of: FakeConnection.self)
        let remaining = AnswerQueue(answers)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    if let tls {
                        try child.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    let handler = FakeConnectionHandler(answer: remaining.next()) { continuation.yield($0) }
                    try child.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        return FakeBroker(port: port, channel: channel, connections: stream)
    }

    /// The next connection that asked for a handshake.
    func accept() async throws -> FakeConnection {
        for await connection in self.connections { return connection }
        throw FakeBrokerError.ended
    }

    /// A configuration that connects to this broker without a producer and comes back at once after a loss.
    var configuration: ClientConfiguration { self.configuration(of: .none) }

    func configuration(of producer: ClientConfiguration.Producer) -> ClientConfiguration {
        var configuration = ClientConfiguration(address: BrokerAddress(port: self.port))
        configuration.producer = producer
        configuration.backoff = ReconnectBackoff(base: .milliseconds(1), max: .milliseconds(2))
        return configuration
    }

    /// A client that is connected, and the broker's end of its connection.
    func connect(
        _ configuration: ClientConfiguration? = nil,
        _ more: String = ""
    ) async throws -> (BrokerClient, FakeConnection) {
        let client = BrokerClient(configuration ?? self.configuration)
        async let started: Void = client.start()
        let connection = try await self.accept()
        try await connection.welcome(more)
        try await started
        return (client, connection)
    }

    func stop() async throws {
        try await self.channel.close()
    }
}

enum FakeBrokerError: Error {
    case ended
    case unexpected(String)
}

private final class AnswerQueue: Sendable {
    private let answers: Mutex<[FakeBroker.Answer]>

    init(_ answers: [FakeBroker.Answer]) {
        self.answers = Mutex(answers.reversed())
    }

    func next() -> FakeBroker.Answer {
        self.answers.withLock { $0.popLast() } ?? .accept
    }
}

/// The broker's end of one connection.
final class FakeConnection: Sendable {
    /// What the client did.
    enum Event: Sendable, Equatable {
        case text(String)
        case pong([UInt8])
        case close(UInt16?)
        /// The connection is gone.
        case ended
    }

    /// The head of the client's request.
    let request: String
    private let channel: any Channel
    private let events: AsyncStream<Event>

    init(request: String, channel: any Channel, events: AsyncStream<Event>) {
        self.request = request
        self.channel = channel
        self.events = events
    }

    func next() async throws -> Event {
        for await event in self.events { return event }
        throw FakeBrokerError.ended
    }

    /// The next request of the client, as text.
    func receive() async throws -> String {
        let event = try await self.next()
        guard case .text(let text) = event else { throw FakeBrokerError.unexpected("\(event)") }
        return text
    }

    /// Answers the client's `hello`, which it returns.
    ///
    /// - `more`: Further fields of the welcome, with the comma before them.
    @discardableResult
    func welcome(messageBytesMax: Int = 65_536, _ more: String = "") async throws -> String {
        let hello = try await self.receive()
        guard hello.hasPrefix(#"{"op":"hello","v":1"#) else { throw FakeBrokerError.unexpected(hello) }
        let sizes = #""messageBytesMax":\#(messageBytesMax)"#
        self.send(#"{"op":"welcome","v":1,"server":"fake","session":"c1",\#(sizes)\#(more)}"#)
        return hello
    }

    func send(_ text: String...) {
        var buffer = ByteBuffer()
        for text in text { Array(text.utf8).withUnsafeBytes { buffer.writeFrame(.text, $0) } }
        self.send(buffer)
    }

    func send(_ buffer: ByteBuffer) {
        self.channel.writeAndFlush(buffer, promise: nil)
    }

    func sendClose(_ code: CloseCode) {
        var buffer = ByteBuffer()
        buffer.writeClose(code)
        self.send(buffer)
    }

    /// Ends the connection below TLS, so that the client does not hear TLS's goodbye.
    func breakOff() async throws {
        let channel = self.channel
        try await channel.eventLoop.submit {
            guard let head = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
                return
            }
            head.close(promise: nil)
        }.get()
    }

    /// Drops the connection without a word.
    func drop() {
        self.channel.close(promise: nil)
    }
}

private final class FakeConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: FakeBroker.Answer
    private let onConnection: (FakeConnection) -> Void
    private var head: ByteBuffer? = ByteBuffer()
    private var reader = MessageReader(from: .client, messageBytesMax: 1024 * 1024)
    private let events: AsyncStream<FakeConnection.Event>
    private let continuation: AsyncStream<FakeConnection.Event>.Continuation

    init(answer: FakeBroker.Answer, onConnection: @escaping (FakeConnection) -> Void) {
        self.answer = answer
        self.onConnection = onConnection
        (self.events, self.continuation) = AsyncStream.makeStream(of: FakeConnection.Event.self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        guard var head = self.head else { return self.readFrames(buffer) }
        head.writeBuffer(&buffer)
        self.head = head
        let text = String(buffer: head)
        guard text.hasSuffix("\r\n\r\n") else { return }
        self.head = nil
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.response(to: text))), promise: nil)
        self.onConnection(FakeConnection(request: text, channel: context.channel, events: self.events))
    }

    private func response(to head: String) -> String {
        if case .text(let text) = self.answer { return text }
        let name = "Sec-WebSocket-Key: "
        let line = head.split(separator: "\r\n").first { $0.hasPrefix(name) }.map { String($0) } ?? name
        let key = HandshakeKey(text: String(line[name.endIndex...]))
        return """
            HTTP/1.1 101 Switching Protocols\r
            upgrade: websocket\r
            Connection: keep-alive, Upgrade\r
            Sec-WebSocket-Accept: \(key.accept)\r
            Sec-WebSocket-Protocol: wsbroker.v1.json\r
            \r\n
            """
    }

    private func readFrames(_ buffer: ByteBuffer) {
        do {
            try self.reader.read(buffer) { assembled in
                switch assembled {
                case .text(let bytes): self.continuation.yield(.text(String(decoding: bytes, as: UTF8.self)))
                case .close(let code): self.continuation.yield(.close(code?.rawValue))
                case .pong: self.continuation.yield(.pong([]))
                default: break
                }
                return true
            }
        } catch {
            self.continuation.yield(.text("violation: \(error)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.yield(.ended)
        self.continuation.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
