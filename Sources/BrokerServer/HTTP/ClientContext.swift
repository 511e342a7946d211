import BrokerCore
import BrokerTransport
import Hummingbird
import NIOCore

/// What is known of a request besides what it says.
struct ClientContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who has sent it.
    let peer: PeerDescription
    /// The other end of its connection, without the port.
    let address: String
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.channel = source.channel
        self.address = ConnectionGate.address(of: source.channel)
        self.peer = PeerDescription(address: source.channel.remoteAddress.map(PeerDescription.text) ?? "")
    }

    /// What the client has shown of itself in the TLS handshake, if anything.
    func certificate() async -> PeerCertificate? {
        try? await self.channel.eventLoop.submit { [channel] in peerCertificate(of: channel) }.get()
    }
}
