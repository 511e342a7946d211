package import NIOCore

/// Keeps a listener alive when accepting fails, most of all when descriptors run out.
///
/// An accept error that reaches Hummingbird's sequence of connections ends it for ever. Here it is swallowed, and
/// accepting pauses for a moment, because the next attempt would fail as well and a busy loop helps nobody.
package final class AcceptGuard: ChannelDuplexHandler, Sendable {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = Never

    /// How long accepting rests after an error.
    package static let pause = TimeAmount.milliseconds(100)

    private let failed: @Sendable (any Error) -> Void

    /// - Parameter failed: Told of each error, for the log.
    package init(failed: @escaping @Sendable (any Error) -> Void) { self.failed = failed }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failed(error)
        context.channel.setOption(.autoRead, value: false).assumeIsolated().whenComplete { _ in
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
                context.channel.setOption(.autoRead, value: true).assumeIsolated().whenComplete { _ in }
            }
        }
    }
}
