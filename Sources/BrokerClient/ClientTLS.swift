import NIOCore
import NIOSSL
import Synchronization

/// What the connections of one configuration have of TLS in common.
///
/// Copies of a configuration share it, so a thousand clients read the files and the system's authorities once.
final class ClientTLS: Sendable {
    private let made = Mutex<(options: TLSOptions, context: NIOSSLContext)?>(nil)

    /// The context for `options`, which blocks on files the first time.
    func context(for options: TLSOptions) throws(ClientError) -> NIOSSLContext {
        // Whoever comes while it is being made waits for it, which is shorter than making another.
        try self.made.withLock { made throws(ClientError) in
            if let made, made.options == options { return made.context }
            let context = try Self.make(options)
            made = (options, context)
            return context
        }
    }

    /// A handler that makes TLS of one connection to `address`.
    func handler(for options: TLSOptions, to address: BrokerAddress) throws(ClientError) -> NIOSSLClientHandler {
        let context = try self.context(for: options)
        let name = options.serverName ?? address.host
        do {
            do {
                return try NIOSSLClientHandler(context: context, serverHostname: name)
            } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
                // Without a name the certificate has to be for the address of the socket, which is this one.
                return try NIOSSLClientHandler(context: context, serverHostname: nil)
            }
        } catch {
            throw ClientError(.cannotConnect, "cannot connect to \(address): '\(name)' can not be a server's name")
        }
    }

    private static func make(_ options: TLSOptions) throws(ClientError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // A broker that has answered the WebSocket's goodbye has nothing more to say.
        configuration.shutdownTimeout = .seconds(1)
        if !options.verifiesBroker { configuration.certificateVerification = .none }
        try Self.addAuthorities(of: options, to: &configuration)
        try Self.addCertificate(of: options, to: &configuration)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            if let file = options.certificateFile, let key = options.keyFile {
                throw Self.failure("the key in '\(key)' does not belong to the certificate in '\(file)'")
            }
            throw Self.failure("the authorities can not be used: \(error)")
        }
    }

    private static func addAuthorities(
        of options: TLSOptions,
        to configuration: inout TLSConfiguration
    ) throws(ClientError) {
        if let path = options.authorityFile {
            try Self.check(path, is: "the file of authorities")
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
                throw Self.failure("'\(path)' holds no certificate of an authority in PEM")
            }
            configuration.trustRoots = .certificates(certificates)
        }
        if let path = options.authorityFolder {
            try Self.check(path, is: "the folder of authorities")
            if options.authorityFile == nil {
                configuration.trustRoots = .file(path)
            } else {
                configuration.additionalTrustRoots = [.file(path)]
            }
        }
    }

    private static func addCertificate(
        of options: TLSOptions,
        to configuration: inout TLSConfiguration
    ) throws(ClientError) {
        guard let path = options.certificateFile, let keyPath = options.keyFile else {
            guard options.certificateFile == nil, options.keyFile == nil else {
                throw Self.failure("a client's certificate and its key come together, and one of them is missing")
            }
            return
        }
        try Self.check(path, is: "the certificate")
        try Self.check(keyPath, is: "the key")
        guard let chain = try? NIOSSLCertificate.fromPEMFile(path), !chain.isEmpty else {
            throw Self.failure("'\(path)' holds no certificate in PEM")
        }
        guard let key = try? NIOSSLPrivateKey(file: keyPath, format: .pem) else {
            throw Self.failure("'\(keyPath)' holds no key in PEM, or one that a password protects")
        }
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
    }

    private static func check(_ path: String, is what: String) throws(ClientError) {
        if let reason = FileAccess.problem(reading: path) {
            throw Self.failure("\(what) '\(path)' can not be read: \(reason)")
        }
    }

    private static func failure(_ text: String) -> ClientError {
        ClientError(.cannotConnect, "TLS can not be set up: \(text)")
    }
}
