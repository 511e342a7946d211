import BrokerCore
import BrokerTransport
import BrokerWire

/// What a JSON Web Token says, once its signature is right.
struct WebTokenClaims {
    /// The most claims that rules can speak of; of more, those that come first by name.
    static let textsMax = 32
    /// The longest, in bytes: a variable of a rule stands for one level of a topic, and no level is that long.
    static let textBytesMax = 256
    /// Those that are about the token and not about who has it.
    private static let registered: Set<String> = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]
    /// The year 9999, in seconds.
    private static let secondsMax = 253_402_300_799.0

    private let members: [String: JSONValue]

    init(_ members: [String: JSONValue]) { self.members = members }

    func check(issuer: String, audience: String) throws(AuthenticationFailure) {
        guard self.members["iss"] == .string(issuer) else {
            throw WebTokenVerifier.invalid("its 'iss' is not auth.jwt.issuer")
        }
        let isForUs =
            switch self.members["aud"] {
            case .string(let text)?: text == audience
            case .array(let values)?: values.contains(.string(audience))
            default: false
            }
        guard isForUs else { throw WebTokenVerifier.invalid("its 'aud' is not, and has not, auth.jwt.audience") }
    }

    /// From when on the token is not taken any more, all in milliseconds.
    func expiry(
        at now: UInt64,
        leeway: UInt64,
        lifetimeMax: UInt64
    ) throws(AuthenticationFailure) -> UInt64 {
        guard let end = try self.time("exp") else { throw WebTokenVerifier.invalid("it has no 'exp'") }
        guard end + leeway > now else { throw AuthenticationFailure(.tokenExpired, "the token has expired") }
        let issued = try self.time("iat")
        for (name, time) in [("nbf", try self.time("nbf")), ("iat", issued)] {
            guard let time, time > now + leeway else { continue }
            throw WebTokenVerifier.invalid("its '\(name)' is in the future")
        }
        let start = issued ?? now
        guard end < start || end - start <= lifetimeMax else {
            throw WebTokenVerifier.invalid("its 'exp' is further away than auth.jwt.lifetimeMax")
        }
        return end + leeway
    }

    private func time(_ name: String) throws(AuthenticationFailure) -> UInt64? {
        guard let value = self.members[name] else { return nil }
        guard case .number(let seconds) = value, (0...Self.secondsMax).contains(seconds) else {
            throw WebTokenVerifier.invalid("its '\(name)' is no time in seconds since 1970")
        }
        return UInt64((seconds * 1000).rounded())
    }

    func name() throws(AuthenticationFailure) -> String {
        guard case .string(let name)? = self.members["sub"] else {
            throw WebTokenVerifier.invalid("it has no 'sub' that is a string")
        }
        if let problem = IdentityName.problem(ofForeign: name) {
            throw WebTokenVerifier.invalid("its 'sub' \(problem)")
        }
        return name
    }

    /// The claims that rules can speak of: texts of a bounded length. What is none is not there for a rule, which then
    /// allows nothing by it.
    var texts: [String: String] {
        var texts: [String: String] = [:]
        for (name, value) in self.members.sorted(by: { $0.key < $1.key }) where texts.count < Self.textsMax {
            guard case .string(let text) = value, !Self.registered.contains(name),
                max(name.utf8.count, text.utf8.count) <= Self.textBytesMax
            else { continue }
            texts[name] = text
        }
        return texts
    }
}
