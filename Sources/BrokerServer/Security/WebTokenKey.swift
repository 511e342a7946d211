import Crypto
import FoundationEssentials
import JWTKit

/// A key that signs JSON Web Tokens, for one algorithm.
struct WebTokenKey: Sendable {
    /// The algorithms, and what a key for each has to be.
    enum Algorithm: String, CaseIterable, Sendable {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
        case edDSA = "EdDSA"

        var type: String {
            switch self {
            case .hs256: "oct"
            case .rs256: "RSA"
            case .es256: "EC"
            case .edDSA: "OKP"
            }
        }

        var curve: String? {
            switch self {
            case .hs256, .rs256: nil
            case .es256: "P-256"
            case .edDSA: "Ed25519"
            }
        }

        /// The members that are the key.
        var members: [String] {
            switch self {
            case .hs256: ["k"]
            case .rs256: ["n", "e"]
            case .es256: ["x", "y"]
            case .edDSA: ["x"]
            }
        }
    }

    static let secretBytesMin = 32
    static let modulusBitsMin = 2048

    let algorithm: Algorithm
    /// What a token names it by.
    let kid: String?
    /// What we name it by, with what is in it: another key under the same `kid` is another key.
    let id: String
    private let verifier: any JWTAlgorithm

    /// Whether a signature was made with this key.
    func verify(_ signature: [UInt8], signs bytes: [UInt8]) -> Bool {
        // The library throws where a signature can not be one of the algorithm at all.
        (try? self.verifier.verify(signature, signs: bytes)) ?? false
    }

    // MARK: From a JSON Web Key

    /// - Returns: The key, or `nil` after noting what is wrong with it.
    init?(_ reader: inout ObjectReader) async {
        let before = reader.problems.count
        guard let algorithm = Self.algorithm(&reader) else { return nil }
        self.algorithm = algorithm
        self.kid = reader.string("kid")
        if self.kid?.isEmpty == true { reader.report("kid", "is empty") }
        var parts: [String: [UInt8]] = [:]
        for name in algorithm.members {
            let bytes = reader.string(name).flatMap { Base64URL.bytes($0.utf8) }
            if let bytes, !bytes.isEmpty {
                parts[name] = bytes
            } else {
                reader.report(name, "has to be bytes in base64url, without padding")
            }
        }
        if algorithm != .hs256, reader.value("d") != nil {
            reader.report(
                "d",
                "is the private part of the key; leave it with who signs, the broker needs only the rest"
            )
        }
        Self.checkStrength(algorithm, parts, &reader)
        guard reader.problems.count == before else { return nil }
        let text = parts.mapValues { JSONValue.string(Base64URL.text($0)) }
        let content = JSONValue.object(text.merging(["alg": .string(algorithm.rawValue)]) { $1 })
        self.id = Hexadecimal.text(SHA256.hash(data: Data(content.bytes)))
        do {
            self.verifier = try await Self.verifier(algorithm, parts)
        } catch {
            reader.report(algorithm.members[0], "is no \(algorithm.rawValue) key")
            return nil
        }
    }

    private static func algorithm(_ reader: inout ObjectReader) -> Algorithm? {
        let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = reader.string("alg"), let algorithm = Algorithm(rawValue: name) else {
            reader.report("alg", "has to be one of \(known): a key is for one algorithm")
            return nil
        }
        guard reader.string("kty") == algorithm.type else {
            reader.report("kty", "has to be \"\(algorithm.type)\" for \(name)")
            return nil
        }
        if let curve = algorithm.curve, reader.string("crv") != curve {
            reader.report("crv", "has to be \"\(curve)\" for \(name)")
            return nil
        }
        return algorithm
    }

    private static func checkStrength(
        _ algorithm: Algorithm,
        _ parts: [String: [UInt8]],
        _ reader: inout ObjectReader
    ) {
        if algorithm == .hs256, let secret = parts["k"], secret.count < Self.secretBytesMin {
            reader.report("k", "has \(secret.count) bytes; less than \(Self.secretBytesMin) can be guessed")
        }
        if algorithm == .rs256, let modulus = parts["n"] {
            let digits = modulus.drop { $0 == 0 }
            let bits = digits.count * 8 - (digits.first?.leadingZeroBitCount ?? 0)
            guard bits < Self.modulusBitsMin else { return }
            reader.report("n", "has \(bits) bits; less than \(Self.modulusBitsMin) can be broken")
        }
    }

    /// The library keeps keys in collections and gives them out one by one.
    private static func verifier(
        _ algorithm: Algorithm,
        _ parts: [String: [UInt8]]
    ) async throws -> any JWTAlgorithm {
        let collection = JWTKeyCollection()
        let id: JWKIdentifier = "key"
        func text(_ name: String) -> String { Base64URL.text(parts[name] ?? []) }
        switch algorithm {
        case .hs256:
            await collection.add(hmac: HMACKey(from: parts["k"] ?? []), digestAlgorithm: .sha256, kid: id)
        case .rs256:
            try await collection.add(jwk: .rsa(.rs256, identifier: id, modulus: text("n"), exponent: text("e")))
        case .es256:
            try await collection.add(jwk: .ecdsa(.es256, identifier: id, x: text("x"), y: text("y"), curve: .p256))
        case .edDSA:
            try await collection.add(
                jwk: .octetKeyPair(.eddsa, identifier: id, x: text("x"), y: nil, curve: .ed25519)
            )
        }
        return try await collection.getKey(for: id)
    }
}
