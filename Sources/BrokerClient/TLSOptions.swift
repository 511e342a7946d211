/// How a client makes sure that it speaks to its broker, and how it shows who it is itself, on `wss://`.
///
/// TLS 1.2 is the least that is spoken. All files hold PEM and are read once, when the first client that was made
/// with the configuration starts.
public struct TLSOptions: Hashable, Sendable {
    /// The file of the authorities that are trusted, instead of those that the system trusts.
    public var authorityFile: String?
    /// The folder of the authorities that are trusted, with the names that `openssl rehash` gives its files.
    public var authorityFolder: String?
    /// The file of the certificate that the client shows, followed by those between it and the authority.
    public var certificateFile: String?
    /// The file of the key that belongs to the certificate.
    public var keyFile: String?
    /// Whether the broker has to prove that it is the one that was asked for.
    ///
    /// Without it anybody on the way can be the broker, read everything, the credentials included, and change it.
    public var verifiesBroker = true
    /// The name that the broker's certificate has to be for, where that is not the host of the address.
    public var serverName: String?

    /// The system's authorities, no certificate, and a broker that has to prove who it is.
    public init() {}
}
