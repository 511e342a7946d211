import BrokerWire

/// Who a client says it is, in the `Authorization` field of its handshake.
///
/// However it is printed, dumped or logged, the token and the password do not appear.
public enum ClientCredentials: Hashable, Sendable {
    /// Nobody in particular.
    case none
    /// A token, sent as `Bearer`.
    case token(String)
    /// A user's name and password, sent as `Basic`.
    case user(String, password: String)
}

extension ClientCredentials {
    /// Throws when they can not be sent.
    package func check() throws(ClientError) { _ = try self.authorization() }

    /// What renews a connection: of a user, too, the broker judges the password as a token. Absent without credentials.
    var token: String? {
        switch self {
        case .none: nil
        case .token(let token): token
        case .user(_, let password): password
        }
    }

    /// What stands in the `Authorization` field; absent without credentials.
    func authorization() throws(ClientError) -> String? {
        switch self {
        case .none:
            return nil
        case .token(let token):
            // It stands in a line of the request: a line break in it would begin a field of its own.
            guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ClientError(.invalidArgument, "the token is empty, or holds something else than visible ASCII")
            }
            return "Bearer \(token)"
        case .user(let name, let password):
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: ":")) else {
                throw ClientError(.invalidArgument, "a user's name is not empty and holds no ':'")
            }
            let both = Array("\(name):\(password)".utf8)
            // RFC 7617, section 2.
            guard both.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw ClientError(.invalidArgument, "a user's name and password hold no control characters")
            }
            return "Basic \(Base64.encode(both))"
        }
    }
}

extension ClientCredentials: CustomStringConvertible, CustomDebugStringConvertible {
    /// Which kind of credentials these are, and whose, without the secret.
    public var description: String {
        switch self {
        case .none: "none"
        case .token: "token ***"
        case .user(let name, _): "user \(name), password ***"
        }
    }

    /// The same.
    public var debugDescription: String { self.description }
}

/// Without it `dump` and the messages of failed tests would show the secret, because they look at the values inside.
extension ClientCredentials: CustomReflectable {
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
