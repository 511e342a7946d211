package import BrokerCore
package import BrokerWire

/// What a client shows to say who it is.
package struct Credentials: Hashable, Sendable {
    /// A token, from `Authorization`, `hello`, a subprotocol or, where that is allowed, the query.
    package var token: String?
    /// What stands in the certificate that it has shown, which was verified.
    package var certificate: PeerCertificate?

    package init(token: String? = nil, certificate: PeerCertificate? = nil) {
        self.token = token
        self.certificate = certificate
    }
}

/// A client's certificate, as far as it says who the client is.
package struct PeerCertificate: Hashable, Sendable {
    /// The first URI of its alternative names, else the first DNS name, else the common name.
    package var name: String
    /// When it ends, in milliseconds since 1970.
    package var expires: UInt64
    /// The authorities one of which had to have signed it, each as its certificate in DER.
    package var authorities: Set<[UInt8]>

    package init(name: String, expires: UInt64, authorities: Set<[UInt8]> = []) {
        self.name = name
        self.expires = expires
        self.authorities = authorities
    }
}

/// Why credentials are not taken. The reason never has any of them in it.
package struct AuthenticationFailure: Error, Hashable, Sendable {
    /// `unauthenticated`, `token_expired` or `token_invalid`; `rate_limited` for who was wrong too often, `forbidden`
    /// for who is somebody else already, `restarting` for who has to connect again, and was not wrong.
    package var code: ErrorCode
    package var reason: String
    /// When to try again.
    package var retryAfterSeconds: Int?

    package init(_ code: ErrorCode, _ reason: String, retryAfterSeconds: Int? = nil) {
        self.code = code
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// How the client is told.
    package var refusal: Refusal {
        var refusal = Refusal(self.code, self.reason)
        if let seconds = self.retryAfterSeconds { refusal.afterMilliseconds = seconds * 1000 }
        return refusal
    }
}

/// Says who somebody is.
package protocol Authenticator: Sendable {
    /// - `now`: Milliseconds since 1970.
    func identity(of credentials: Credentials, at now: UInt64) async throws(AuthenticationFailure) -> Identity
}
