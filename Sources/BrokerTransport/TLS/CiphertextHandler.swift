import NIOCore
import NIOSSL

/// What the handler nearest to the socket tells the one that makes frames.
enum SocketEvent {
    /// The socket does not take everything; what it was given waits.
    case full
    /// It has taken all of it.
    case free
}

/// Sends what TLS makes of the frames of a WebSocket, as ``SocketWriter`` does with the frames themselves where there
/// is no TLS.
///
/// Frames are written without a promise: only when the socket does not take something, which is rare, somebody has to
/// know, and then ``SocketEvent`` tells it.
final class CiphertextHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    private var writer: SocketWriter?

    /// Puts one between TLS and the socket.
    ///
    /// - Returns: Whether there is TLS in `pipeline`; without it, there is nothing to do.
    static func add(to pipeline: ChannelPipeline.SynchronousOperations) throws -> Bool {
        guard let tls = try? pipeline.context(handlerType: NIOSSLHandler.self) else { return false }
        try pipeline.addHandler(CiphertextHandler(), position: .before(tls.handler))
        return true
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.writer = SocketWriter(channel: context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// TLS flushes everything that it writes, so nothing is gained by waiting for that.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var buffer = self.unwrapOutboundIn(data)
        let left = buffer.withUnsafeReadableBytes { self.writer?.send($0, on: context.channel) }
        guard let left else {
            promise?.succeed()
            return
        }
        buffer.moveReaderIndex(to: buffer.writerIndex - left)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { self.finished() }
        written.futureResult.cascade(to: promise)
        context.fireUserInboundEventTriggered(SocketEvent.full)
        context.write(self.wrapOutboundOut(buffer), promise: written)
    }

    func flush(context: ChannelHandlerContext) {
        if self.writer?.isWaiting == true { context.flush() }
    }

    private func finished() {
        self.writer?.finished()
        guard self.writer?.isWaiting == false else { return }
        self.context?.fireUserInboundEventTriggered(SocketEvent.free)
    }
}

@available(*, unavailable)
extension CiphertextHandler: Sendable {}
