package import NIOCore
import NIOSSL

/// The other end of the admin listener's TLS, for the broker's own commands.
package enum AdminTLS {
    /// Makes TLS of a connection to the admin listener, without a look at its certificate.
    ///
    /// The commands send no credentials, and they have to reach a broker whose certificate has just been renewed on
    /// disk, above all to tell it so (decision 0028).
    package static func secure(_ channel: any Channel) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .none
        configuration.shutdownTimeout = .seconds(1)
        let handler = try NIOSSLClientHandler(
            context: NIOSSLContext(configuration: configuration),
            serverHostname: nil
        )
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
