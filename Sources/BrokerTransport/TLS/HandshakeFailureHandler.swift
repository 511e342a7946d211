import NIOCore
import NIOSSL
import NIOTLS

/// Notes a TLS handshake that fails: a client that shows no certificate, or one of another authority, is told so by TLS
/// alone, and nobody else would know.
///
/// It goes when the handshake is over.
final class HandshakeFailureHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let access: ConnectionAccess
    /// Where the client comes from, without the port.
    private let address: String

    init(access: ConnectionAccess, address: String) {
        self.access = access
        self.address = address
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(error)
        guard case .handshakeFailed(let cause)? = error as? NIOSSLError else { return }
        self.access.noteFailedHandshake(from: self.address, "\(cause)")
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard let event = event as? TLSUserEvent, case .handshakeCompleted = event else { return }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

@available(*, unavailable)
extension HandshakeFailureHandler: Sendable {}
