import NIOCore

/// Cuts a connection whose first request does not come in time.
///
/// It sits in front of everything and counts from the accept on, so neither silence nor one byte a second keeps a
/// connection. It is taken out when a WebSocket is open; for plain HTTP the idle time-out takes over once a request
/// has been answered.
final class HandshakeTimeoutHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let timeout: TimeAmount
    private var scheduled: Scheduled<Void>?

    init(timeout: TimeAmount) { self.timeout = timeout }

    func handlerAdded(context: ChannelHandlerContext) {
        self.scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    /// While the broker stops, nobody who has asked nothing is waited for.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, self.scheduled != nil { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// An answer means that a whole request was there.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.cancel()
        context.write(data, promise: promise)
    }

    private func cancel() {
        self.scheduled?.cancel()
        self.scheduled = nil
    }
}
