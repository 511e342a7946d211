import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import BrokerTransport

#if canImport(Glibc)
// Glibc for a pair of sockets.
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What is nearest to the socket where there is TLS.
@Suite("Ciphertext handler", .timeLimit(.minutes(5)))
struct CiphertextHandlerTests {
    /// In place of NIO: keeps what it is given until the test takes it, and counts.
    private final class Below: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let passesOn: Bool
        private(set) var written: [(text: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
        private(set) var flushes = 0

        init(passesOn: Bool = false) { self.passesOn = passesOn }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            self.written.append((self.unwrapOutboundIn(data), promise))
            if self.passesOn { context.write(data, promise: promise) }
        }

        func flush(context: ChannelHandlerContext) {
            self.flushes += 1
            if self.passesOn { context.flush() }
        }
    }

    /// In place of TLS and what is above it.
    private final class Above: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var events: [SocketEvent] = []

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? SocketEvent { self.events.append(event) }
        }
    }

    private final class Setup {
        let channel = EmbeddedChannel()
        let below = Below()
        let above = Above()

        init() throws {
            let handlers: [any ChannelHandler] = [self.below, CiphertextHandler(), self.above]
            try self.channel.pipeline.syncOperations.addHandlers(handlers)
        }

        func write(_ text: String) -> EventLoopFuture<Void> {
            let promise = self.channel.eventLoop.makePromise(of: Void.self)
            self.channel.pipeline.syncOperations.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: promise)
            return promise.futureResult
        }
    }

    @Test func theSocketIsFullUntilItHasTakenTheLastWrite() async throws {
        let setup = try Setup()
        let writes = [setup.write("a"), setup.write("b")]
        #expect(setup.below.written.map { String(buffer: $0.text) } == ["a", "b"])
        #expect(setup.below.flushes == 2)
        #expect(!setup.above.events.contains(.free) && setup.above.events.first == .full)
        setup.below.written[0].promise?.succeed()
        #expect(!setup.above.events.contains(.free), "the second still waits")
        setup.below.written[1].promise?.succeed()
        #expect(setup.above.events.last == .free)
        for write in writes { try await write.get() }
    }

    @Test func aWriteThatFailsFailsForItsWriterAndFreesNothing() async throws {
        let setup = try Setup()
        let write = setup.write("a")
        setup.below.written[0].promise?.fail(ChannelError.ioOnClosedChannel)
        await #expect(throws: ChannelError.ioOnClosedChannel) { try await write.get() }
        #expect(setup.above.events == [.full])
    }

    // MARK: With a socket

    /// What the tests with a socket see of the handlers, which live on its event loop.
    private struct Seen: Sendable {
        var writes = 0
        var flushes = 0
        var events: [SocketEvent] = []
    }

    /// - `body`: Gets the channel with the handler, and the socket at the other end, which it ends.
    private static func withSockets(_ body: @Sendable (any Channel, CInt) async throws -> Void) async throws {
        var sockets: [CInt] = [0, 0]
        #if canImport(Darwin)
        let kind = SOCK_STREAM
        #else
        let kind = CInt(SOCK_STREAM.rawValue)
        #endif
        try #require(socketpair(AF_UNIX, kind, 0, &sockets) == 0)
        let writer = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handlers: [any ChannelHandler] = [Below(passesOn: true), CiphertextHandler(), Above()]
                    try channel.pipeline.syncOperations.addHandlers(handlers)
                }
            }
            .withConnectedSocket(sockets[0]).get()
        try await body(writer, sockets[1])
        try? await writer.close()
    }

    /// What comes up to the end.
    private static func everything(from socket: CInt) async throws -> [UInt8] {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let reader = try await bootstrap.withConnectedSocket(socket) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
            }
        }
        return try await reader.executeThenClose { inbound in
            var all: [UInt8] = []
            for try await buffer in inbound { all += buffer.readableBytesView }
            return all
        }
    }

    private static func seen(_ channel: any Channel) async throws -> Seen {
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let below = try pipeline.handler(type: Below.self)
            let above = try pipeline.handler(type: Above.self)
            return Seen(writes: below.written.count, flushes: below.flushes, events: above.events)
        }.get()
    }

    @Test func whatTheSocketTakesDoesNotGoThroughNIO() async throws {
        try await Self.withSockets { writer, socket in
            try await writer.writeAndFlush(ByteBuffer(string: "one"))
            try await writer.writeAndFlush(ByteBuffer(string: "two"))
            let seen = try await Self.seen(writer)
            #expect(seen.writes == 0 && seen.flushes == 0 && seen.events.isEmpty)
            try await writer.close(mode: .output)
            #expect(try await Self.everything(from: socket) == Array("onetwo".utf8))
        }
    }

    /// There is room in the socket for the last piece, and others are before it; the end comes behind it.
    @Test func whatItDoesNotTakeWaitsAndKeepsItsOrder() async throws {
        try await Self.withSockets { writer, socket in
            // An odd size, so that the socket is full somewhere in the middle of one.
            let pieces = (0..<100).map { Array(repeating: UInt8($0), count: 50_021) }
            let begun = try await writer.eventLoop.submit {
                for piece in pieces.dropLast() { writer.writeAndFlush(ByteBuffer(bytes: piece), promise: nil) }
                var begun = [UInt8](repeating: 0, count: 100_000)
                let count = recv(socket, &begun, begun.count, 0)
                writer.writeAndFlush(ByteBuffer(bytes: pieces[99]), promise: nil)
                writer.close(mode: .output, promise: nil)
                return begun.prefix(count)
            }.get()
            let seen = try await Self.seen(writer)
            #expect(seen.events.first == .full && !seen.events.contains(.free))
            #expect(seen.writes < pieces.count, "the first ones were taken")
            let rest = try await Self.everything(from: socket)
            // Not compared in the expectation, which would look for the differences in five million bytes.
            let isInOrder = begun + rest == pieces.flatMap { $0 }
            #expect(isInOrder)
        }
    }

    @Test func aWriteToASocketWhoseOtherEndIsGoneFails() async throws {
        try await Self.withSockets { writer, socket in
            close(socket)
            await #expect(throws: (any Error).self) { try await writer.writeAndFlush(ByteBuffer(string: "a")) }
        }
    }
}
