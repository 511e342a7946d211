import NIOSSL
import Synchronization

/// What new connections of the listeners speak TLS with; it can be exchanged while the broker runs.
///
/// Connections that are open keep what they began with: a certificate matters in the handshake only.
package final class ServerTLS: Sendable {
    private let material: Mutex<TLSMaterial>

    package init(_ material: TLSMaterial) {
        self.material = Mutex(material)
    }

    /// When the certificate ends, in seconds since 1970.
    package var certificateEnd: Int64 { self.now.end }

    /// Whether new connections would get a certificate that has ended, and have another one now: what was meant to be
    /// a renewal would turn every client away.
    package func isWorse(_ material: TLSMaterial) -> Bool { material.isExpired && material.chain != self.now.chain }

    /// Makes new connections use `material`.
    ///
    /// - Returns: Whether the certificate is another one now.
    @discardableResult
    package func exchange(for material: TLSMaterial) -> Bool {
        self.material.withLock { current in
            let isOther = current.chain != material.chain
            current = material
            return isOther
        }
    }

    /// Whose signature certificates of clients need, each as its certificate in DER.
    package var clientAuthorities: Set<[UInt8]> { self.now.clientAuthorities ?? [] }

    /// What one new connection begins with.
    var now: TLSMaterial { self.material.withLock { $0 } }
}
