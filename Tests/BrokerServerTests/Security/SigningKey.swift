import Crypto
import CryptoExtras
import Foundation

@testable import BrokerServer

/// A key that an issuer of tokens has, by the library that `BrokerServer` verifies with by way of another one.
struct SigningKey: Sendable {
    /// The key as it stands in the key set, without braces.
    var members: String
    var algorithm: String
    var sign: @Sendable ([UInt8]) throws -> [UInt8]

    /// In a key set, with a name.
    func entry(kid: String? = nil, _ more: String = "") -> String {
        let name = kid.map { #","kid":"\#($0)""# } ?? ""
        return "{\(self.members)\(name)\(more)}"
    }

    /// A token with these claims, and a header of one's own where that is given.
    func token(_ claims: String, header: String? = nil, kid: String? = nil) throws -> String {
        let name = kid.map { #","kid":"\#($0)""# } ?? ""
        let header = header ?? #"{"alg":"\#(self.algorithm)","typ":"JWT"\#(name)}"#
        let text = "\(Base64URL.text(header.utf8)).\(Base64URL.text(claims.utf8))"
        return "\(text).\(Base64URL.text(try self.sign(Array(text.utf8))))"
    }

    static func hs256(_ secret: [UInt8]) -> Self {
        let key = SymmetricKey(data: secret)
        return Self(members: #""kty":"oct","alg":"HS256","k":"\#(Base64URL.text(secret))""#, algorithm: "HS256") {
            Array(HMAC<SHA256>.authenticationCode(for: $0, using: key))
        }
    }

    static let hs256 = Self.hs256(Array("a secret of thirty-two bytes ...".utf8))

    static let es256: Self = {
        let key = P256.Signing.PrivateKey()
        let point = Array(key.publicKey.rawRepresentation)
        let (x, y) = (Base64URL.text(point.prefix(32)), Base64URL.text(point.suffix(32)))
        let members = #""kty":"EC","crv":"P-256","alg":"ES256","x":"\#(x)","y":"\#(y)""#
        return Self(members: members, algorithm: "ES256") { Array(try key.signature(for: $0).rawRepresentation) }
    }()

    static let edDSA: Self = {
        let key = Curve25519.Signing.PrivateKey()
        let x = Base64URL.text(key.publicKey.rawRepresentation)
        let members = #""kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"\#(x)""#
        return Self(members: members, algorithm: "EdDSA") { Array(try key.signature(for: $0)) }
    }()

    private static let rsaKey = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    /// The public part of the RSA key: its modulus, and the forms in which somebody may take it for a secret.
    static func rsaPublicKey() throws -> (modulus: [UInt8], forms: [[UInt8]]) {
        let key = try Self.rsaKey.get().publicKey
        let modulus = Array(try key.getKeyPrimitives().modulus)
        return (modulus, [Array(key.pemRepresentation.utf8), Array(key.derRepresentation), modulus])
    }

    static func rs256() throws -> Self {
        let key = try Self.rsaKey.get()
        let numbers = try key.publicKey.getKeyPrimitives()
        let (n, e) = (Base64URL.text(numbers.modulus), Base64URL.text(numbers.publicExponent))
        return Self(members: #""kty":"RSA","alg":"RS256","n":"\#(n)","e":"\#(e)""#, algorithm: "RS256") {
            Array(try key.signature(for: $0, padding: .insecurePKCS1v1_5).rawRepresentation)
        }
    }

    static func all() throws -> [Self] { [Self.hs256, try Self.rs256(), Self.es256, Self.edDSA] }
}
