package import BrokerCore
package import NIOCore

extension PeerDescription {
    /// An address with its port, as people write it.
    package static func text(_ address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return address.pathname ?? "" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
