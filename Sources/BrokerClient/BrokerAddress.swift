/// Where a broker listens: `ws://host:port/path`, or `wss://` with TLS.
public struct BrokerAddress: Hashable, Sendable {
    /// A name or an IP address, without the brackets of IPv6.
    public var host: String
    /// The TCP port.
    public var port: Int
    /// The path of the WebSocket; a broker serves it at `/` and `/ws`.
    public var path: String
    /// Whether it speaks TLS: `wss://`.
    public var isSecure: Bool
    /// Who the client is, where that stands in the URL.
    public var credentials: ClientCredentials

    /// The port of a broker that was told no other, with TLS and without.
    public static let defaultPort = 8181

    /// An address of its parts; by default that of a broker on this machine.
    public init(
        host: String = "127.0.0.1",
        port: Int = Self.defaultPort,
        path: String = "/",
        isSecure: Bool = false,
        credentials: ClientCredentials = .none
    ) {
        self.host = host
        self.port = port
        self.path = path
        self.isSecure = isSecure
        self.credentials = credentials
    }

    /// Reads `ws[s]://[user[:password]@]host[:port][/path]`.
    ///
    /// Without a port it is the broker's 8181, not that of HTTP. A user and a password are percent-decoded.
    public init(_ url: String) throws(ClientError) {
        (self.host, self.port, self.path, self.isSecure, self.credentials) = try BrokerURL(url).parts()
    }

    /// The host as it stands in a URL and in the `Host` field.
    var bracketedHost: String { self.host.contains(":") ? "[\(self.host)]" : self.host }

    /// Whether nobody else is on the way.
    var isLoopback: Bool { self.host == "localhost" || self.host == "::1" || self.host.hasPrefix("127.") }

    /// How a URL of it begins: the scheme, the host and the port.
    package var origin: String { "\(self.isSecure ? "wss" : "ws")://\(self)" }
}

extension BrokerAddress: CustomStringConvertible {
    /// The host and the port, and nothing of the credentials.
    public var description: String { "\(self.bracketedHost):\(self.port)" }
}
