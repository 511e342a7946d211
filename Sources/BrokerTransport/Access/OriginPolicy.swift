/// Which pages in a browser may use the broker.
///
/// A browser connects wherever a page tells it to, from inside whatever network its user is in, and says in `Origin`
/// where the page is from. Who is no browser sends none.
package struct OriginPolicy: Hashable, Sendable {
    /// Exactly as browsers send them: scheme, host in lower case, and the port unless it is the scheme's own.
    package var allowed: Set<String>

    package init(allowed: Set<String> = []) { self.allowed = allowed }

    /// Whether a page may connect: a listed one, or the broker's own.
    ///
    /// - `host`: What the request says that it is for, with the port.
    /// - `isSecure`: Whether the connection has TLS.
    package func allows(_ origin: String, host: String, isSecure: Bool) -> Bool {
        self.allowed.contains(origin) || Self.isOwnPage(origin, host: host, isSecure: isSecure)
    }

    /// Whether a name is one of the broker's: local, or that of a listed page.
    package func isKnown(host: String) -> Bool {
        let name = host.lowercased()
        return Self.isLocal(host) || ["http", "https"].contains { self.allowed.contains("\($0)://\(name)") }
    }

    /// Whether the page comes from where the request goes.
    ///
    /// That both have the same name shows nothing by itself: anybody can make a name of his own point here (DNS
    /// rebinding). With TLS the certificate shows it; without, only names count that nobody else can have: addresses,
    /// and names without a dot.
    private static func isOwnPage(_ origin: String, host: String, isSecure: Bool) -> Bool {
        guard !host.isEmpty, origin == "\(isSecure ? "https" : "http")://\(host.lowercased())" else { return false }
        return isSecure || Self.isLocal(host)
    }

    /// Whether it is a name that nobody can have made point here: an address, or a name without a dot. With or without
    /// a port.
    package static func isLocal(_ host: String) -> Bool {
        if host.hasPrefix("[") { return true }
        let name = host.prefix { $0 != ":" }
        return !name.contains(".") || name.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
    }
}
