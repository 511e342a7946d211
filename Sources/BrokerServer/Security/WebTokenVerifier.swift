import BrokerCore
import BrokerTransport
import BrokerWire
// FoundationEssentials for JSON.
import FoundationEssentials
import NIOCore

/// Says who a JSON Web Token (RFC 7519) speaks for.
///
/// The key says what the algorithm is, never the token; keys and addresses that a token brings with it (`jwk`, `jku`,
/// `x5u`, `x5c`) are not looked at.
struct WebTokenVerifier: Sendable {
    private struct Header: Decodable {
        var alg: String
        var kid: String?
        /// What a reader has to understand, or refuse the token; we understand nothing of the kind.
        var isCritical: Bool

        private enum Key: String, CodingKey {
            case alg
            case kid
            case crit
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            self.alg = try container.decode(String.self, forKey: .alg)
            self.kid = try container.decodeIfPresent(String.self, forKey: .kid)
            self.isCritical = container.contains(.crit)
        }
    }

    let keys: WebTokenKeySet
    let issuer: String
    let audience: String
    /// In milliseconds, as all times here.
    private let leeway: UInt64
    private let lifetimeMax: UInt64

    init(keys: WebTokenKeySet, configuration: AuthenticationConfiguration.WebTokens) {
        self.keys = keys
        self.issuer = configuration.issuer
        self.audience = configuration.audience
        self.leeway = UInt64(configuration.leeway.nanoseconds / 1_000_000)
        self.lifetimeMax = UInt64(configuration.lifetimeMax.nanoseconds / 1_000_000)
    }

    /// - `now`: Milliseconds since 1970.
    /// - Throws: `token_expired`, or `token_invalid` with what is wrong, without anything of the token.
    func identity(of token: String, at now: UInt64) throws(AuthenticationFailure) -> Identity {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw Self.invalid("it has not the three parts of a JSON Web Token") }
        guard let header = Base64URL.bytes(parts[0]), let payload = Base64URL.bytes(parts[1]),
            let signature = Base64URL.bytes(parts[2])
        else { throw Self.invalid("a part of it is not base64url") }
        let key = try self.key(header)
        let signed = Array(token.utf8[..<parts[1].endIndex])
        guard key.verify(signature, signs: signed) else { throw Self.invalid("its signature is not that of its key") }
        guard case .object(let members)? = try? JSONDecoder().decode(JSONValue.self, from: Data(payload)) else {
            throw Self.invalid("its claims are no JSON object")
        }
        let claims = WebTokenClaims(members)
        try claims.check(issuer: self.issuer, audience: self.audience)
        let expires = try claims.expiry(at: now, leeway: self.leeway, lifetimeMax: self.lifetimeMax)
        return Identity(
            name: try claims.name(),
            claims: claims.texts,
            proof: .signedToken(keyID: key.id, issuer: self.issuer, audience: self.audience),
            expires: expires
        )
    }

    private func key(_ bytes: [UInt8]) throws(AuthenticationFailure) -> WebTokenKey {
        guard let header = try? JSONDecoder().decode(Header.self, from: Data(bytes)) else {
            throw Self.invalid("its header is no JSON object with 'alg'")
        }
        guard !header.isCritical else { throw Self.invalid("its header has 'crit'") }
        guard let key = self.keys.key(header.kid) else {
            let isNamed = header.kid != nil
            throw Self.invalid(
                isNamed ? "its 'kid' is none of auth.jwt.keys" : "it has no 'kid', and there are several keys"
            )
        }
        guard header.alg == key.algorithm.rawValue else {
            throw Self.invalid("its 'alg' is not that of its key, \(key.algorithm.rawValue)")
        }
        return key
    }

    static func invalid(_ reason: String) -> AuthenticationFailure {
        AuthenticationFailure(.tokenInvalid, "the token is not taken: \(reason)")
    }
}
