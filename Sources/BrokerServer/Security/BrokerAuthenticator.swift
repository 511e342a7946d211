package import BrokerCore
package import BrokerTransport
import BrokerWire
import Synchronization

/// Says who somebody is by what is configured: tokens of the broker's own list, JSON Web Tokens, certificates.
package final class BrokerAuthenticator: Authenticator {
    private let material: Mutex<CredentialMaterial>

    init(_ material: CredentialMaterial) { self.material = Mutex(material) }

    // MARK: Who somebody is

    /// A token says more than the certificate beside it: it was given for this broker. A wrong one is an error,
    /// whatever else there is. Without both it is ``Identity/anonymous``, where that may do anything.
    ///
    /// - `now`: Milliseconds since 1970.
    package func identity(
        of credentials: Credentials,
        at now: UInt64
    ) async throws(AuthenticationFailure)
        -> Identity
    {
        let material = self.material.withLock { $0 }
        if let token = credentials.token { return try Self.identity(of: token, material, at: now) }
        if let certificate = credentials.certificate { return try Self.identity(of: certificate, at: now) }
        guard material.allowsAnonymous else {
            throw AuthenticationFailure(.unauthenticated, "credentials are needed here, and there were none")
        }
        return .anonymous
    }

    private static func identity(
        of token: String,
        _ material: CredentialMaterial,
        at now: UInt64
    ) throws(AuthenticationFailure) -> Identity {
        guard !token.isEmpty else { throw AuthenticationFailure(.tokenInvalid, "the token is empty") }
        guard token.utf8.count <= TokenList.tokenBytesMax else {
            throw AuthenticationFailure(.tokenInvalid, "the token has more than \(TokenList.tokenBytesMax) bytes")
        }
        if let entry = material.tokens?.entry(of: token) {
            guard !entry.isExpired(at: now) else {
                throw AuthenticationFailure(.tokenExpired, "the token of '\(entry.name)' has expired")
            }
            return Identity(name: entry.name, proof: .token(sha256: entry.sha256), expires: entry.expires)
        }
        if let webTokens = material.webTokens, token.utf8.contains(UInt8(ascii: ".")) {
            return try webTokens.identity(of: token, at: now)
        }
        let isAsked = material.tokens != nil || material.webTokens != nil
        let reason = isAsked ? "the token is not known" : "no tokens are taken here: none are configured"
        throw AuthenticationFailure(.tokenInvalid, reason)
    }

    private static func identity(
        of certificate: PeerCertificate,
        at now: UInt64
    ) throws(AuthenticationFailure) -> Identity {
        if let problem = IdentityName.problem(ofForeign: certificate.name) {
            throw AuthenticationFailure(.unauthenticated, "the name in the certificate \(problem)")
        }
        guard certificate.expires > now else {
            throw AuthenticationFailure(.tokenExpired, "the certificate has expired")
        }
        return Identity(name: certificate.name, proof: .certificate, expires: certificate.expires)
    }

    // MARK: Later on

    /// Whether what showed who somebody is would still be taken: it has not ended, and no reload has taken it away.
    ///
    /// - `now`: Milliseconds since 1970.
    package func isStillValid(_ identity: Identity, at now: UInt64) -> Bool {
        if let expires = identity.expires, expires <= now { return false }
        let material = self.material.withLock { $0 }
        switch identity.proof {
        case .nothing: return identity != .anonymous || material.allowsAnonymous
        case .token(let sha256):
            // The list may have another name or another end for it now.
            guard let entry = material.tokens?.entry(sha256: sha256) else { return false }
            return entry.name == identity.name && !entry.isExpired(at: now)
        case .signedToken(let keyID): return material.webTokens?.keys.ids.contains(keyID) ?? false
        case .certificate: return true
        }
    }

    /// Judges by `material` from now on.
    ///
    /// - Returns: The keys of the configuration behind which there is something else now.
    func reload(_ material: CredentialMaterial) -> [String] {
        self.material.withLock { current in
            let keys = material.changedKeys(from: current)
            current = material
            return keys
        }
    }
}
