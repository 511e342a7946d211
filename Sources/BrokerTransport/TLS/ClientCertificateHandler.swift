package import NIOCore
import NIOSSL
import NIOTLS

/// Keeps who the client of a connection is, as its certificate says, from the end of the TLS handshake on.
///
/// A certificate that was verified and names nobody is refused: its owner has shown who it is, and must not become
/// somebody who has shown nothing.
final class ClientCertificateHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: ConnectionGuard
    private(set) var certificate: PeerCertificate?

    private let authorities: Set<[UInt8]>
    private let refusals: RefusalCounts

    /// - Parameters:
    ///   - connection: What refuses the requests of this connection.
    ///   - authorities: Those that certificates of this connection are verified by.
    ///   - refusals: Where it counts if that is refused.
    init(connection: ConnectionGuard, authorities: Set<[UInt8]>, refusals: RefusalCounts) {
        self.connection = connection
        self.authorities = authorities
        self.refusals = refusals
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { self.read(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func read(_ context: ChannelHandlerContext) {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        guard let shown = tls?.peerCertificate else { return }
        do throws(PeerCertificate.Unusable) {
            guard let bytes = try? shown.toDERBytes() else { throw .unreadable }
            self.certificate = try PeerCertificate(derEncoded: bytes, signedBy: self.authorities)
        } catch {
            guard self.connection.refusal == nil else { return }
            self.refusals.add(.credentials)
            self.connection.refusal = WebSocketUpgrade.Refusal(status: 403, reason: error.reason)
        }
    }
}

@available(*, unavailable)
extension ClientCertificateHandler: Sendable {}

/// What the client of a connection has shown of itself in the TLS handshake, verified; `nil` if it has shown nothing.
///
/// Call it on the channel's event loop, after the handshake: when a request is there, it is over.
package func peerCertificate(of channel: any Channel) -> PeerCertificate? {
    (try? channel.pipeline.syncOperations.handler(type: ClientCertificateHandler.self))?.certificate
}
