import NIOCore
import NIOSSL

#if canImport(Glibc)
// Glibc for the rights of files.
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the files of ``TLSSettings`` held when they were read, ready for connections.
package struct TLSMaterial: Sendable {
    /// For those who publish and subscribe.
    let clients: NIOSSLContext
    /// The same certificate for the admin listener, which asks for none: its own commands have none to show.
    let administrators: NIOSSLContext
    /// Whose signature certificates of clients need, each as its certificate in DER; `nil` if they are asked for none.
    package let clientAuthorities: Set<[UInt8]>?
    let chain: [NIOSSLCertificate]
    /// When the broker's certificate ends, in seconds since 1970.
    package let end: Int64
    /// Whether it had ended when it was read.
    let isExpired: Bool
    /// What is not wrong and should still be different.
    package let warnings: [TLSFileError.Problem]

    /// Reads the files, which blocks on them for a moment.
    ///
    /// - `now`: Milliseconds since 1970.
    package init(reading settings: TLSSettings, at now: UInt64) throws(TLSFileError) {
        var problems: [TLSFileError.Problem] = []
        let chain = Self.certificates(in: settings.certificate, .certificate, &problems)
        let key = Self.key(in: settings.key, &problems)
        let authorities =
            settings.clients == .none
            ? [] : Self.certificates(in: settings.clientAuthorities, .clientAuthorities, &problems)
        guard problems.isEmpty, let leaf = chain.first, let key else { throw TLSFileError(problems: problems) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // The time that a client has to answer is over when the broker closes for good. All of it can pass: a channel
        // that allows half-closure, as ours do, does not notice that its own goodbye is answered.
        configuration.shutdownTimeout = .seconds(1)
        do {
            self.administrators = try NIOSSLContext(configuration: configuration)
        } catch {
            let text = "'\(settings.key)' does not belong to the certificate in '\(settings.certificate)'"
            throw TLSFileError(problems: [.init(setting: .key, text: text)])
        }
        Self.demand(settings.clients, from: authorities, &configuration)
        do {
            self.clients = try NIOSSLContext(configuration: configuration)
        } catch {
            let text = "'\(settings.clientAuthorities)' can not be used: \(error)"
            throw TLSFileError(problems: [.init(setting: .clientAuthorities, text: text)])
        }
        self.clientAuthorities = settings.clients == .none ? nil : Set(authorities.compactMap { try? $0.toDERBytes() })
        self.chain = chain
        let seconds = Int64(clamping: now / 1000)
        self.end = Int64(leaf.notValidAfter)
        self.isExpired = self.end < seconds
        self.warnings = Self.warnings(settings, leaf, seconds)
    }

    private static func demand(
        _ clients: TLSSettings.Clients,
        from authorities: [NIOSSLCertificate],
        _ configuration: inout TLSConfiguration
    ) {
        switch clients {
        case .none: return
        case .optional: configuration.certificateVerification = .optionalVerification
        // What a client is called is not where it is.
        case .required: configuration.certificateVerification = .noHostnameVerification
        }
        configuration.trustRoots = .certificates(authorities)
        // So that a client with several certificates knows which one is meant.
        configuration.sendCANameList = true
    }

    // MARK: Files

    private static func certificates(
        in path: String,
        _ setting: TLSFileError.Setting,
        _ problems: inout [TLSFileError.Problem]
    ) -> [NIOSSLCertificate] {
        if let reason = Self.problem(reading: path) {
            problems.append(.init(setting: setting, text: "'\(path)' can not be read: \(reason)"))
            return []
        }
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            problems.append(.init(setting: setting, text: "'\(path)' holds no certificate in PEM"))
            return []
        }
        return certificates
    }

    private static func key(in path: String, _ problems: inout [TLSFileError.Problem]) -> NIOSSLPrivateKey? {
        if let reason = Self.problem(reading: path) {
            problems.append(.init(setting: .key, text: "'\(path)' can not be read: \(reason)"))
            return nil
        }
        guard let key = try? NIOSSLPrivateKey(file: path, format: .pem) else {
            problems.append(
                .init(setting: .key, text: "'\(path)' holds no key in PEM, or one that a password protects")
            )
            return nil
        }
        return key
    }

    /// Why a file can not be read, in the system's words; the library says it without the file's name.
    private static func problem(reading path: String) -> String? {
        access(path, R_OK) == 0 ? nil : String(cString: strerror(errno))
    }

    private static func warnings(
        _ settings: TLSSettings,
        _ leaf: NIOSSLCertificate,
        _ now: Int64
    ) -> [TLSFileError.Problem] {
        var warnings: [TLSFileError.Problem] = []
        var status = stat()
        // That a group may read it is how a user of the broker's own gets a key that root owns.
        if stat(settings.key, &status) == 0, status.st_mode & S_IROTH != 0 {
            let text = "'\(settings.key)' can be read by every user of the machine: chmod o= \(settings.key)"
            warnings.append(.init(setting: .key, text: text))
        }
        if Int64(leaf.notValidAfter) < now {
            let text = "the certificate in '\(settings.certificate)' has expired, and clients refuse it"
            warnings.append(.init(setting: .certificate, text: text))
        }
        if Int64(leaf.notValidBefore) > now {
            let text = "the certificate in '\(settings.certificate)' is not valid yet, and clients refuse it"
            warnings.append(.init(setting: .certificate, text: text))
        }
        return warnings
    }
}
