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
        if let certificate = credentials.certificate { return try Self.identity(of: certificate, material, at: now) }
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
        _ material: CredentialMaterial,
        at now: UInt64
    ) throws(AuthenticationFailure) -> Identity {
        if let problem = IdentityName.problem(ofForeign: certificate.name) {
            throw AuthenticationFailure(.unauthenticated, "the name in the certificate \(problem)")
        }
        guard certificate.expires > now else {
            throw AuthenticationFailure(.tokenExpired, "the certificate has expired")
        }
        // Of a connection that was there before a reload, and asks again.
        guard certificate.authorities.isSubset(of: material.clientAuthorities) else {
            let reason = "the authorities of certificates have changed; connect again (listen.tls.clientAuthorities)"
            throw AuthenticationFailure(.restarting, reason)
        }
        return Identity(
            name: certificate.name,
            proof: .certificate(authorities: certificate.authorities),
            expires: certificate.expires
        )
    }

    // MARK: Later on

    /// What a reload has made of credentials that were taken before; their time is not looked at.
    package func standing(of identity: Identity) -> Standing {
        let material = self.material.withLock { $0 }
        switch identity.proof {
        case .nothing:
            return identity != .anonymous || material.allowsAnonymous ? .counts(identity) : .ended
        case .token(let sha256):
            // The list may have another name or another end for it now.
            guard let entry = material.tokens?.entry(sha256: sha256), entry.name == identity.name else { return .ended }
            var current = identity
            current.expires = entry.expires
            return .counts(current)
        case .signedToken(let keyID, let issuer, let audience):
            guard let webTokens = material.webTokens, webTokens.keys.ids.contains(keyID) else { return .ended }
            // Other claims may do as well, and are not here to be looked at.
            return webTokens.issuer == issuer && webTokens.audience == audience ? .counts(identity) : .isUnknown
        case .certificate(let authorities):
            return authorities.isSubset(of: material.clientAuthorities) ? .counts(identity) : .isUnknown
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
