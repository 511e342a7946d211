/// Who somebody is, as their credentials say.
package struct Identity: Hashable, Sendable {
    /// What showed who it is.
    package enum Proof: Hashable, Sendable {
        case nothing
        /// A token of the broker's own list, by the SHA-256 that stands there: it ends when that is taken off the list.
        case token(sha256: [UInt8])
        /// A JSON Web Token, by the id of the key that signed it, and by whom it had to be issued and for whom.
        case signedToken(keyID: String, issuer: String, audience: String)
        /// The certificate of the client's end of the connection, by the authorities (their certificates, in DER) one
        /// of which had to have signed it.
        case certificate(authorities: Set<[UInt8]>)
    }

    /// What rules, logs and producers' names know it by, and what `{sub}` stands for.
    package var name: String
    /// What `{claim.x}` stands for.
    package var claims: [String: String]
    package var proof: Proof
    /// When the proof ends, in milliseconds since 1970; `nil` for never.
    package var expires: UInt64?

    package init(name: String, claims: [String: String] = [:], proof: Proof, expires: UInt64? = nil) {
        self.name = name
        self.claims = claims
        self.proof = proof
        self.expires = expires
    }

    /// Who gives no credentials.
    package static let anonymous = Self(name: "anonymous", proof: .nothing)
    /// The broker itself, and who reaches a listener for administrators that asks nobody.
    package static let administrator = Self(name: "administrator", proof: .nothing)

    /// Names that no credentials may give.
    package static let reservedNames: Set<String> = [Self.anonymous.name, Self.administrator.name]
    /// The most bytes of a name: it stands in the store beside each producer and in log lines.
    package static let nameBytesMax = 128
}
