import BrokerWire

/// Where a request can say who sends it.
extension Credentials {
    /// A request says it in a way that can not be read, or twice.
    package struct Unreadable: Error, Hashable, Sendable {
        package var reason: String
    }

    /// What begins the subprotocol with which a page, which can set no header, shows its token.
    static let subprotocolPrefix = "bearer."

    /// The token of a request: from `Authorization`, else from the subprotocols, else from the query.
    ///
    /// - `values`: The values of the header field of a name, one for each time that it stands there.
    /// - `query`: What follows the `?`.
    /// - `allowsQuery`: Whether a token may stand there. Where it may not, one that does is no token, and who sends it
    ///   is not somebody without one.
    package static func token(
        query: Substring?,
        allowsQuery: Bool,
        values: (String) -> [String]
    ) throws(Unreadable) -> String? {
        let fields = values("Authorization")
        guard fields.count <= 1 else { throw Unreadable(reason: "'Authorization' stands twice") }
        if let field = fields.first { return try Self.token(authorization: field) }
        let offers = values("Sec-WebSocket-Protocol").flatMap { $0.split(separator: ",") }
        for offer in offers {
            let name = offer.drop { $0 == " " || $0 == "\t" }
            if name.hasPrefix(Self.subprotocolPrefix) {
                return String(name.dropFirst(Self.subprotocolPrefix.count).prefix { $0 != " " && $0 != "\t" })
            }
        }
        let prefix = "token="
        guard let pair = query?.split(separator: "&").first(where: { $0.hasPrefix(prefix) }) else { return nil }
        guard allowsQuery else {
            let reason = "a token in the URL is not taken, because URLs are written down: use 'Authorization: Bearer'"
            throw Unreadable(reason: reason + " (auth.queryToken)")
        }
        return String(pair.dropFirst(prefix.count))
    }

    private static func token(authorization field: String) throws(Unreadable) -> String {
        let scheme = field.prefix { $0 != " " }.lowercased()
        let rest = String(field.drop { $0 != " " }.drop { $0 == " " })
        switch scheme {
        case "bearer":
            return rest
        case "basic":
            // For tools that know nothing else; whatever the user is called, the password is the token.
            guard let pair = Base64.decode(rest), let colon = pair.firstIndex(of: UInt8(ascii: ":")),
                let token = String(validating: pair[(colon + 1)...], as: UTF8.self)
            else { throw Unreadable(reason: "'Authorization' is not NAME:TOKEN in base 64") }
            return token
        default:
            throw Unreadable(reason: "'Authorization' has to be Bearer TOKEN")
        }
    }
}

extension ConnectionAccess {
    /// What a request shows of who sends it; `nil` if it shows nothing.
    ///
    /// - Parameters:
    ///   - query: What follows the `?`.
    ///   - certificate: What its connection has shown.
    ///   - values: The values of the header field of a name, one for each time that it stands there.
    /// - Returns: Both, as far as they are there.
    /// - Throws: If it says it in a way that can not be read.
    package func credentials(
        query: Substring?,
        certificate: PeerCertificate?,
        values: (String) -> [String]
    ) throws(Credentials.Unreadable) -> Credentials? {
        let token = try Credentials.token(query: query, allowsQuery: self.policy.allowsQueryToken, values: values)
        return token == nil && certificate == nil ? nil : Credentials(token: token, certificate: certificate)
    }
}
