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

    /// Why a key is none of ours, with which nothing is wrong.
    struct OtherKind: Error {
        var reason: String
    }

    /// - Returns: The key, or `nil` after noting what is wrong with it.
    /// - Throws: If it is for something else than what we verify.
    init?(_ reader: inout ObjectReader) async throws(OtherKind) {
        let before = reader.problems.count
        try Self.checkUse(&reader)
        guard let algorithm = try Self.algorithm(&reader), reader.problems.count == before else { return nil }
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

    /// A private key is refused whatever else it is for: who reads the file could sign.
    private static func checkUse(_ reader: inout ObjectReader) throws(OtherKind) {
        let secret = ["d", "p", "q", "dp", "dq", "qi"].first { reader.value($0) != nil }
        if reader.value("kty") != .string(Algorithm.hs256.type), let secret {
            let text = "is the private part of the key; leave it with who has it, the broker needs only the rest"
            return reader.report(secret, text)
        }
        guard reader.value("use").map({ $0 == .string("sig") }) ?? true else {
            throw OtherKind(reason: "its 'use' is not 'sig'")
        }
        guard reader.strings("key_ops")?.contains("verify") ?? true else {
            throw OtherKind(reason: "its 'key_ops' have no 'verify'")
        }
    }

    /// - Returns: What the key is for, or `nil` after noting what is wrong with it.
    private static func algorithm(_ reader: inout ObjectReader) throws(OtherKind) -> Algorithm? {
        guard let type = Self.text("kty", &reader) else { return nil }
        guard Algorithm.allCases.contains(where: { $0.type == type }) else {
            throw OtherKind(reason: "its type is \(TextTable.cell(type))")
        }
        guard reader.value("alg") != nil else { return try Self.algorithm(ofType: type, &reader) }
        guard let name = reader.string("alg") else { return nil }
        guard let algorithm = Algorithm(rawValue: name) else {
            let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw OtherKind(reason: "its algorithm is \(TextTable.cell(name)), which is none of \(known)")
        }
        guard type == algorithm.type else {
            reader.report("kty", "has to be \"\(algorithm.type)\" for \(name)")
            return nil
        }
        guard let curve = algorithm.curve, reader.value("crv") != .string(curve) else { return algorithm }
        // The other curve that this algorithm has.
        if algorithm == .edDSA, reader.value("crv") == .string("Ed448") {
            throw OtherKind(reason: "its curve is Ed448")
        }
        reader.report("crv", "has to be \"\(curve)\" for \(name)")
        return nil
    }

    /// What a key is for that does not say so.
    private static func algorithm(
        ofType type: String,
        _ reader: inout ObjectReader
    ) throws(OtherKind) -> Algorithm? {
        guard type != Algorithm.hs256.type else {
            reader.report("alg", "is missing; a secret has to say \"\(Algorithm.hs256.rawValue)\"")
            return nil
        }
        guard type != Algorithm.rs256.type else { return .rs256 }
        guard let curve = Self.text("crv", &reader) else { return nil }
        guard let algorithm = Algorithm.allCases.first(where: { $0.type == type && $0.curve == curve }) else {
            throw OtherKind(reason: "its curve is \(TextTable.cell(curve))")
        }
        return algorithm
    }

    /// A member that has to be there.
    private static func text(_ name: String, _ reader: inout ObjectReader) -> String? {
        if reader.value(name) == nil { reader.report(name, "is missing") }
        return reader.string(name)
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
