import NIOCore
import NIOSSL

/// How a ``WireClient`` speaks TLS, to a broker that is asked for as `localhost`.
package struct WireTLS: Sendable {
    /// The newest version that it speaks.
    package enum Version: Sendable {
        case one1
        case one2
        case one3
    }

    private let context: NIOSSLContext

    /// Reads the files.
    ///
    /// - `authority`: The file of the authority that it trusts.
    /// - `certificate`: The file of the certificate that it shows, if any, with its key in `key`.
    /// - `newest`: The newest version that it speaks.
    package init(
        authority: String,
        certificate: String? = nil,
        key: String? = nil,
        newest: Version = .one3
    ) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority))
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion =
            switch newest {
            case .one1: .tlsv11
            case .one2: .tlsv12
            case .one3: .tlsv13
            }
        configuration.applicationProtocols = ["h2", "http/1.1"]
        // A channel that allows half-closure does not see in time that its goodbye is answered (NIOSSL 2.37).
        configuration.shutdownTimeout = .milliseconds(10)
        if let certificate, let key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        self.context = try NIOSSLContext(configuration: configuration)
    }

    func secure(_ channel: any Channel) throws {
        let handler = try NIOSSLClientHandler(context: self.context, serverHostname: "localhost")
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
