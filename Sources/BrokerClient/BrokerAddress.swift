/// Where a broker listens: `ws://host:port/path`.
public struct BrokerAddress: Hashable, Sendable {
    /// A name or an IP address, without the brackets of IPv6.
    public var host: String
    public var port: Int
    /// The path of the WebSocket; a broker serves it at `/` and `/ws`.
    public var path: String

    /// The port of a broker that was told no other.
    public static let defaultPort = 8181

    public init(host: String = "127.0.0.1", port: Int = Self.defaultPort, path: String = "/") {
        self.host = host
        self.port = port
        self.path = path
    }

    /// Reads `ws://host[:port][/path]`. Without a port it is the broker's 8181, not HTTP's 80.
    public init(_ url: String) throws(ClientError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw ClientError(.invalidArgument, "'\(url)' is not of the form ws://host:port/path")
        }
        guard url[..<schemeEnd.lowerBound].lowercased() == "ws" else {
            throw ClientError(.invalidArgument, "'\(url)' does not begin with ws://, the only scheme there is yet")
        }
        let rest = url[schemeEnd.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        (self.host, self.port) = try Self.authority(rest[..<authorityEnd], of: url)
        let path = String(rest[authorityEnd...])
        self.path = path.hasPrefix("/") ? path : "/" + path
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw ClientError(.invalidArgument, "the path of '\(url)' holds white space or a control character")
        }
    }

    private static func authority(_ text: Substring, of url: String) throws(ClientError) -> (String, Int) {
        guard !text.contains("@") else {
            throw ClientError(.invalidArgument, "'\(url)' holds a user name, which the broker knows no use for")
        }
        var host = text
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else {
                throw ClientError(.invalidArgument, "'\(url)' has '[' without ']'")
            }
            host = text[text.index(after: text.startIndex)..<bracket]
            let after = text[text.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                throw ClientError(.invalidArgument, "'\(url)' has something other than a port behind ']'")
            }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ClientError(.invalidArgument, "'\(url)' names no host")
        }
        guard let portText else { return (String(host), Self.defaultPort) }
        guard let port = Int(portText), (1...65_535).contains(port) else {
            throw ClientError(.invalidArgument, "the port of '\(url)' is not a number from 1 to 65535")
        }
        return (String(host), port)
    }

    /// The host as it stands in a URL and in the `Host` field.
    var bracketedHost: String { self.host.contains(":") ? "[\(self.host)]" : self.host }
}

extension BrokerAddress: CustomStringConvertible {
    /// The host and the port.
    public var description: String { "\(self.bracketedHost):\(self.port)" }
}
