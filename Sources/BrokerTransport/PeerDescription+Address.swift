package import BrokerCore
package import NIOCore

extension PeerDescription {
    /// Who is at the other end of a channel.
    ///
    /// - `address`: Where the client comes from, without the port, if a proxy may have said so.
    package init(_ channel: any Channel, from address: String?) {
        let socket = channel.remoteAddress.map(Self.text) ?? ""
        if let address, address != ConnectionGate.address(of: channel) {
            self.init(address: address, proxy: socket)
        } else {
            self.init(address: socket)
        }
    }

    /// An address with its port, as people write it.
    package static func text(_ address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return address.pathname ?? "" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
