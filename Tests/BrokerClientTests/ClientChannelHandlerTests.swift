import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

/// Time is the channel's own, so nothing here waits.
@Suite("Client channel handler")
struct ClientChannelHandlerTests {
    private final class Recorder: ConnectionDelegate {
        var opened = 0
        var messages: [String] = []
        var errors: [ClientError] = []

        func connectionOpened(_ connection: ClientChannelHandler) { self.opened += 1 }

        func connection(
            _ connection: ClientChannelHandler,
            received message: UnsafeMutableRawBufferPointer
        )
            throws(FrameViolation)
        {
            self.messages.append(String(decoding: message, as: UTF8.self))
        }

        func connectionReadCompleted(_ connection: ClientChannelHandler) {}

        func connectionEnded(_ connection: ClientChannelHandler, _ error: ClientError) { self.errors.append(error) }
    }

    /// Counts the reads that reach the socket.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var reads = 0

        func read(context: ChannelHandlerContext) {
            self.reads += 1
            context.read()
        }
    }

    /// Says goodbye slowly, as TLS does that waits for the other end's.
    private final class SlowGoodbye: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {}
    }

    private let channel = EmbeddedChannel()
    private let recorder = Recorder()
    private let reads = ReadCounter()
    private let handler: ClientChannelHandler

    init() throws {
        try self.init(keepAlive: nil)
    }

    private init(keepAlive: TimeAmount?) throws {
        let timeouts = ClientChannelHandler.Timeouts(
            connectDeadline: self.channel.embeddedEventLoop.now + .seconds(10),
            idle: .seconds(40),
            keepAlive: keepAlive,
            close: .seconds(5)
        )
        var configuration = ClientConfiguration(address: BrokerAddress())
        configuration.receivedBytesMax = 1024
        self.handler = ClientChannelHandler(
            configuration: configuration,
            key: HandshakeKey(text: "dGhlIHNhbXBsZSBub25jZQ=="),
            timeouts: timeouts,
            delegate: self.recorder
        )
        try self.channel.pipeline.syncOperations.addHandlers([self.reads, self.handler])
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 8181)).wait()
    }

    private static let accepted = """
        HTTP/1.1 101 Switching Protocols\r
        Upgrade: websocket\r
        Connection: upgrade\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
        Sec-WebSocket-Protocol: wsbroker.v1.json\r
        \r\n
        """

    private func open() throws {
        let request = try #require(try self.channel.readOutbound(as: ByteBuffer.self))
        #expect(String(buffer: request).hasPrefix("GET / HTTP/1.1\r\n"))
        try self.channel.writeInbound(ByteBuffer(string: Self.accepted))
        self.handler.welcomed()
    }

    /// The number in the Close frame that was written last.
    private func closeCode() throws -> UInt16? {
        guard let buffer = try self.channel.readOutbound(as: ByteBuffer.self) else { return nil }
        var reader = MessageReader(from: .client, messageBytesMax: 1024)
        var code: UInt16?
        try reader.read(buffer) { assembled in
            if case .close(let received) = assembled { code = received?.rawValue }
            return true
        }
        return code
    }

    private static func text(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        text.bytes.withUnsafeBytes { buffer.writeFrame(.text, $0) }
        return buffer
    }

    @Test func framesBehindTheHandshakeAreRead() throws {
        _ = try self.channel.readOutbound(as: ByteBuffer.self)
        var answer = ByteBuffer(string: Self.accepted)
        answer.writeImmutableBuffer(Self.text("{}"))
        try self.channel.writeInbound(answer)
        #expect(self.recorder.opened == 1)
        #expect(self.recorder.messages == ["{}"])
    }

    @Test func messagesMayBeCutAnywhere() throws {
        try self.open()
        var buffer = Self.text("one")
        buffer.writeImmutableBuffer(Self.text(String(repeating: "x", count: 200)))
        for byte in buffer.readableBytesView { try self.channel.writeInbound(ByteBuffer(bytes: [byte])) }
        #expect(self.recorder.messages == ["one", String(repeating: "x", count: 200)])
    }

    @Test func aSilentConnectionEndsAfterTheIdleTimeout() throws {
        try self.open()
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(39))
        try self.channel.writeInbound(Self.text("{}"))
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(39))
        #expect(self.recorder.errors.isEmpty)
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(self.recorder.errors.map(\.message) == ["the broker was silent for too long"])
        #expect(!self.channel.isActive)
    }

    /// Whether a ping was written.
    private func isAsked() throws -> Bool {
        guard let buffer = try self.channel.readOutbound(as: ByteBuffer.self) else { return false }
        return buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) == 0x89
    }

    @Test func withKeepAliveASilentBrokerIsAskedAndGivenUpTenSecondsLater() throws {
        let test = try Self(keepAlive: .seconds(60))
        try test.open()
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(try !test.isAsked())
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try test.isAsked())
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        try test.channel.writeInbound(ByteBuffer(bytes: [0x8A, 0]))
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(try !test.isAsked())
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try test.isAsked())
        #expect(test.recorder.errors.isEmpty)
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(test.recorder.errors.map(\.message) == ["the broker was silent for too long"])
        #expect(!test.channel.isActive)
    }

    @Test func whileReadingIsPausedNobodyIsAsked() throws {
        let test = try Self(keepAlive: .seconds(5))
        try test.open()
        test.handler.setReadingPaused(true)
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(try !test.isAsked())
        #expect(test.recorder.errors.isEmpty)
        test.handler.setReadingPaused(false)
        test.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(try test.isAsked())
    }

    @Test func aHandshakeThatIsNotAnsweredEndsAtTheDeadline() {
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(self.recorder.errors.map(\.message) == ["the broker did not answer in time"])
    }

    @Test func whileReadingIsPausedNothingIsReadAndSilenceDoesNotCount() throws {
        try self.open()
        let before = self.reads.reads
        self.handler.setReadingPaused(true)
        self.channel.pipeline.read()
        self.channel.pipeline.read()
        #expect(self.reads.reads == before)
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(self.recorder.errors.isEmpty)
        self.handler.setReadingPaused(false)
        #expect(self.reads.reads == before + 1)
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(41))
        #expect(self.recorder.errors.count == 1)
    }

    @Test func closingWaitsForTheAnswerAndNoLonger() throws {
        try self.open()
        self.handler.close()
        #expect(try self.closeCode() == 1000)
        try self.channel.writeInbound(Self.text("{}"))
        #expect(self.recorder.messages == ["{}"])
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(self.recorder.errors.count == 1)
        #expect(!self.channel.isActive)
    }

    @Test(arguments: [(CloseCode.serviceRestart, 1012), (CloseCode(rawValue: 4301), 4301)] as [(CloseCode, UInt16)])
    func aCloseIsAnsweredWithItsOwnNumber(code: CloseCode, expected: UInt16) throws {
        try self.open()
        var buffer = ByteBuffer()
        buffer.writeClose(code, reason: "because")
        try self.channel.writeInbound(buffer)
        #expect(try self.closeCode() == expected)
        #expect(self.recorder.errors.map(\.brokerCode) == [expected])
    }

    /// What is written to it would go nowhere, so nobody must take it for a connection meanwhile.
    @Test func aConnectionThatIsGivenUpIsGoneAtOnceHoweverLongTheGoodbyeTakes() throws {
        try self.channel.pipeline.syncOperations.addHandler(SlowGoodbye(), position: .first)
        try self.open()
        self.channel.embeddedEventLoop.advanceTime(by: .seconds(40))
        #expect(self.recorder.errors.map(\.message) == ["the broker was silent for too long"])
        try self.channel.writeInbound(Self.text("{}"))
        #expect(self.recorder.messages.isEmpty)
        #expect(self.channel.isActive)
    }

    @Test func shutdownInTheHandshakeAndAfterAClosedReplyWaitsForNoGoodbyeEither() throws {
        try self.channel.pipeline.syncOperations.addHandler(SlowGoodbye(), position: .first)
        self.handler.close()
        #expect(self.recorder.errors.count == 1)
        let test = try Self()
        try test.channel.pipeline.syncOperations.addHandler(SlowGoodbye(), position: .first)
        try test.open()
        test.handler.close()
        #expect(try test.closeCode() == 1000)
        var buffer = ByteBuffer()
        buffer.writeClose(.normal)
        try test.channel.writeInbound(buffer)
        #expect(test.recorder.errors.map(\.brokerCode) == [1000])
    }

    @Test func aMessageThatIsTooLargeClosesTheConnection() throws {
        try self.open()
        try self.channel.writeInbound(Self.text(String(repeating: "x", count: 1025)))
        #expect(try self.closeCode() == 1009)
        #expect(self.recorder.errors.map(\.code) == [.protocolViolation])
    }

    @Test func aMaskedFrameIsNoServersFrame() throws {
        try self.open()
        var buffer = ByteBuffer()
        "{}".bytes.withUnsafeBytes { buffer.writeMaskedFrame(.text, $0, mask: 7) }
        try self.channel.writeInbound(buffer)
        #expect(try self.closeCode() == 1002)
    }
}
