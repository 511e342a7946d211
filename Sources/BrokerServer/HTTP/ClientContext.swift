import BrokerCore
import BrokerTransport
import Hummingbird
import NIOCore

/// What is known of a request besides what it says.
struct ClientContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The other end of its connection, without the port.
    let address: String
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.channel = source.channel
        self.address = ConnectionGate.address(of: source.channel)
    }

    /// Who has sent it.
    ///
    /// - `address`: Where that comes from, by what a proxy says too.
    func peer(from address: String) -> PeerDescription { PeerDescription(self.channel, from: address) }

    /// What the client has shown of itself in the TLS handshake, if anything.
    func certificate() async -> PeerCertificate? {
        try? await self.channel.eventLoop.submit { [channel] in peerCertificate(of: channel) }.get()
    }
}
