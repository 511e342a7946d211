package import NIOCore
import NIOSSL

/// The other end of the admin listener's TLS, for the broker's own commands.
package enum AdminTLS {
    /// Makes TLS of a connection to the admin listener.
    ///
    /// - `file`: The certificate that the other end has to show, where it is told something secret. `nil` for a
    ///   question without credentials, which has to reach a broker whose certificate has just been renewed on disk, too
    ///   (decision 0028).
    package static func secure(_ channel: any Channel, expecting file: String?) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // With none at all the library asks nobody, not even us.
        configuration.certificateVerification = file == nil ? .none : .noHostnameVerification
        configuration.shutdownTimeout = .seconds(1)
        let context = try NIOSSLContext(configuration: configuration)
        let handler: NIOSSLClientHandler
        if let file {
            let expected = try NIOSSLCertificate.fromPEMFile(file).first
            handler = try NIOSSLClientHandler(
                context: context,
                serverHostname: nil,
                customVerificationCallback: { shown, promise in
                    promise.succeed(expected != nil && shown.first == expected ? .certificateVerified : .failed)
                }
            )
        } else {
            handler = try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
