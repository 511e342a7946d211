import BrokerCore
import BrokerTestKit
import BrokerWire
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerTransport

/// One connection with the core on another loop, which answers when the test lets it: nothing happens by itself.
@Suite("WebSocket handler")
struct WebSocketHandlerTests {
    /// A store that is never asked, because nothing here is stored.
    private struct NoStore: BatchCommitter {
        func commit(_ batch: StoreBatch, completion: @escaping @Sendable (CommitOutcome) -> Void) {
            Issue.record("nothing here is stored")
        }
    }

    /// Counts what reaches the socket.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var reads = 0

        func read(context: ChannelHandlerContext) {
            self.reads += 1
            context.read()
        }
    }

    private final class Setup {
        let coreLoop = EmbeddedEventLoop()
        let channel = EmbeddedChannel()
        let socket = Socket()
        private let loop: LoopDriver

        init(_ configuration: TransportConfiguration) throws {
            let broker = try CoreHarness(hubCount: 2).broker
            let core = CoreDriver(
                broker: broker,
                store: NoStore(),
                eventLoop: self.coreLoop,
                wallClock: { 0 },
                storageFailed: { _ in }
            )
            self.loop = LoopDriver(
                index: 1,
                eventLoop: self.channel.embeddedEventLoop,
                core: .elsewhere(CoreHandle(core, eventLoop: self.coreLoop)),
                configuration: configuration,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                wallClock: { 0 }
            )
            core.attach([LoopHandle(self.loop), LoopHandle(self.loop)])
            self.loop.startSweeping()
            let handler = WebSocketHandler(
                consumer: ClientSession(
                    loop: self.loop,
                    access: ConnectionAccess { 0 },
                    admission: Admission(address: "", identity: .anonymous)
                )
            )
            try self.channel.pipeline.syncOperations.addHandlers([self.socket, handler])
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func receive(_ texts: String...) throws {
            var buffer = ByteBuffer()
            for text in texts { Array(text.utf8).withUnsafeBytes { buffer.writeMaskedFrame(.text, $0, mask: 7) } }
            try self.channel.writeInbound(buffer)
        }

        /// Lets the core and then the connection do what there is to do.
        func run() {
            self.channel.embeddedEventLoop.run()
            self.coreLoop.run()
            // An embedded loop can not be told apart from another one, so this end of a tick is not seen by itself.
            self.loop.finishTick()
            self.channel.embeddedEventLoop.run()
        }

        /// Whether the socket is read if NIO asks for it.
        func isRead() -> Bool {
            let before = self.socket.reads
            self.channel.read()
            return self.socket.reads > before
        }

        /// Everything that was sent since this was last asked.
        func sent() throws -> [String] {
            var all = ByteBuffer()
            while var buffer = try self.channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&buffer) }
            var frames: [String] = []
            while let head = all.readBytes(length: 2), let text = all.readString(length: Int(head[1])) {
                frames.append(text)
            }
            return frames
        }
    }

    private static func configuration(_ change: (inout TransportConfiguration) -> Void) -> TransportConfiguration {
        var configuration = TransportConfiguration()
        change(&configuration)
        return configuration
    }

    private static func ping(_ id: Int) -> String { #"{"op":"ping","id":\#(id)}"# }
    private static func pong(_ id: Int) -> String { #"{"op":"pong","id":\#(id)}"# }

    @Test func asManyRequestsAsAllowedAreTakenAndTheNextOneWaits() throws {
        let setup = try Setup(Self.configuration { $0.limits.unacknowledgedMessages = 2 })
        try setup.receive(Self.ping(1))
        #expect(setup.isRead())
        try setup.receive(Self.ping(2))
        #expect(!setup.isRead(), "two are on their way, which is all that is allowed")
        try setup.receive(Self.ping(3))
        setup.run()
        #expect(try setup.sent() == [Self.pong(1), Self.pong(2)], "the third has to wait")
        #expect(setup.socket.reads > 1, "and now the socket is read again")
        setup.run()
        #expect(try setup.sent() == [Self.pong(3)])
    }

    @Test func theSameHoldsForTheirBytes() throws {
        let bytes = Self.ping(1).utf8.count
        let setup = try Setup(Self.configuration { $0.limits.unacknowledgedBytes = 2 * bytes })
        try setup.receive(Self.ping(1))
        #expect(setup.isRead())
        try setup.receive(Self.ping(2))
        #expect(!setup.isRead())
    }

    @Test func everythingInOneReadIsAnsweredInOneWrite() throws {
        let setup = try Setup(TransportConfiguration())
        try setup.receive(Self.ping(1), Self.ping(2), Self.ping(3))
        setup.run()
        var writes = 0
        while try setup.channel.readOutbound(as: ByteBuffer.self) != nil { writes += 1 }
        #expect(writes == 1)
    }

    /// As the handler nearest to the socket says where there is TLS.
    @Test func whileTheSocketIsFullRequestsWait() throws {
        let setup = try Setup(TransportConfiguration())
        setup.channel.pipeline.fireUserInboundEventTriggered(SocketEvent.full)
        #expect(!setup.isRead())
        try setup.receive(Self.ping(1))
        setup.run()
        #expect(try setup.sent().isEmpty)
        setup.channel.pipeline.fireUserInboundEventTriggered(SocketEvent.free)
        #expect(setup.socket.reads > 0, "what was swallowed is asked for again")
        setup.run()
        #expect(try setup.sent() == [Self.pong(1)])
    }

    /// A ping goes out at the interval, and the connection is closed when its time is over.
    @Test func aSilentClientIsAskedAndThenClosed() throws {
        let setup = try Setup(
            Self.configuration {
                $0.pingInterval = .seconds(25)
                $0.pongTimeout = .seconds(10)
            }
        )
        setup.channel.embeddedEventLoop.advanceTime(by: .seconds(24))
        #expect(try setup.channel.readOutbound(as: ByteBuffer.self) == nil)
        setup.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try setup.channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(bytes: [0x89, 0]))
        setup.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        let close = try #require(try setup.channel.readOutbound(as: ByteBuffer.self))
        #expect(close.getInteger(at: 2, as: UInt16.self) == 4302)
    }

    @Test func aFrameThatIsBegunHasItsTimeFromItsFirstByte() throws {
        let setup = try Setup(Self.configuration { $0.frameTimeout = .seconds(10) })
        try setup.channel.writeInbound(ByteBuffer(bytes: [0x81, 0xFE, 0]))
        setup.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        try setup.channel.writeInbound(ByteBuffer(bytes: [0xFF]))
        #expect(try setup.channel.readOutbound(as: ByteBuffer.self) == nil)
        setup.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        let close = try #require(try setup.channel.readOutbound(as: ByteBuffer.self))
        #expect(close.getInteger(at: 2, as: UInt16.self) == 1008)
    }
}
