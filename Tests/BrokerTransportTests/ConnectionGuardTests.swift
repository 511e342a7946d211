import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import BrokerTransport

/// What becomes of a connection that is not a WebSocket, with the time told.
@Suite("Connection guard")
struct ConnectionGuardTests {
    private static let handshake = TimeAmount.seconds(5)
    private static let closing = TimeAmount.seconds(2)

    private func channel() throws -> EmbeddedChannel {
        let connection = ConnectionGuard(handshakeTimeout: Self.handshake, closeTimeout: Self.closing, address: "")
        let channel = EmbeddedChannel(handler: connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func silenceIsCutAtTheTimeoutAndNotBefore() throws {
        let channel = try self.channel()
        channel.embeddedEventLoop.advanceTime(by: Self.handshake - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func oneByteASecondBuysNoTime() throws {
        let channel = try self.channel()
        for _ in 1...4 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try channel.writeInbound(ByteBuffer(string: "G"))
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    /// Who is refused at once could send the rest of its body a byte a minute.
    @Test func anAnswerBeforeTheEndOfTheRequestBuysNoTime() throws {
        let channel = try self.channel()
        try channel.writeInbound(ByteBuffer(string: "POST /topics/a HTTP/1.1\r\nContent-Length: 100\r\n\r\n"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(4))
        try channel.writeOutbound(ByteBuffer(string: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"))
        try channel.writeInbound(ByteBuffer(string: "1"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1) - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func eachRequestHasTheTimeOfTheFirst() throws {
        let channel = try self.channel()
        let connection = try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
        connection.requestEnded()
        connection.answerEnded(context: try channel.pipeline.syncOperations.context(handler: connection))
        channel.embeddedEventLoop.advanceTime(by: .seconds(50))
        #expect(channel.isActive, "between two requests nothing is counted here")
        try channel.writeInbound(ByteBuffer(string: "POST /topics/a HTTP/1.1\r\n"))
        for _ in 1...4 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try channel.writeInbound(ByteBuffer(string: "1"))
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    /// Behind a long poll, nobody reads what comes, so its time has not begun.
    @Test func aRequestBehindAnAnswerHasItsTimeFromTheEndOfThatAnswer() throws {
        let channel = try self.channel()
        let connection = try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
        let context = try channel.pipeline.syncOperations.context(handler: connection)
        connection.requestEnded()
        try channel.writeInbound(ByteBuffer(string: "POST /topics/a HTTP/1.1\r\n"))
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        connection.answerEnded(context: context)
        channel.embeddedEventLoop.advanceTime(by: Self.handshake - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func anAnswerBeforeTheEndOfItsRequestIsNotOwedForTheNextOne() throws {
        let channel = try self.channel()
        let connection = try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
        let context = try channel.pipeline.syncOperations.context(handler: connection)
        connection.answerEnded(context: context)
        connection.requestEnded()
        try channel.writeInbound(ByteBuffer(string: "GET /"))
        channel.embeddedEventLoop.advanceTime(by: Self.handshake)
        #expect(!channel.isActive)
    }

    @Test func aWholeRequestEndsTheWatchHoweverLongTheAnswerTakes() throws {
        let channel = try self.channel()
        let connection = try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
        connection.requestEnded()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test func afterTheLastAnswerAClientHasTheCloseTimeoutToGo() throws {
        let channel = try self.channel()
        // An embedded channel has no sides to shut.
        try channel.pipeline.syncOperations.addHandler(HalfClosure(), position: .first)
        try channel.writeOutbound(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"))
        channel.close(mode: .output, promise: nil)
        try channel.writeInbound(ByteBuffer(string: "more"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil, "what comes after it is thrown away")
        channel.embeddedEventLoop.advanceTime(by: Self.closing - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    /// Who reads slowly gets all of the last answer.
    @Test func theTimeToGoBeginsWhenEverythingIsSent() throws {
        let channel = try self.channel()
        let socket = SlowSocket()
        try channel.pipeline.syncOperations.addHandler(socket, position: .first)
        channel.close(mode: .output, promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        socket.closed?.succeed()
        channel.embeddedEventLoop.advanceTime(by: Self.closing - .nanoseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(!channel.isActive)
    }

    @Test func theLengthOfTheRequestLineIsCountedToItsEnd() throws {
        let connection = ConnectionGuard(handshakeTimeout: Self.handshake, closeTimeout: Self.closing, address: "")
        let channel = EmbeddedChannel(handler: connection)
        try channel.writeInbound(ByteBuffer(string: "GET /a"))
        try channel.writeInbound(ByteBuffer(string: " HTTP/1.1\r\nHost: a\r\n"))
        try channel.writeInbound(ByteBuffer(string: "\r\n"))
        #expect(connection.requestLineBytes == "GET /a HTTP/1.1\r".utf8.count)
        connection.requestEnded()
        #expect(connection.requestLineBytes == 0)
        _ = try channel.finish()
    }

    private final class SlowSocket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        var closed: EventLoopPromise<Void>?

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if mode == .output { self.closed = promise } else { context.close(mode: mode, promise: promise) }
        }
    }

    private final class HalfClosure: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if mode == .output { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
        }
    }
}
