import Foundation
import Testing

@testable import BrokerServer

/// The file of the keys that sign JSON Web Tokens.
@Suite("Key sets")
struct WebTokenKeySetTests {
    private func problems(_ text: String) async -> [String] {
        do throws(ConfigurationError) {
            _ = try await WebTokenKeySet(Array(text.utf8), named: "jwks.json")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private func problems(keys: String...) async -> [String] {
        await self.problems(#"{"keys":[\#(keys.joined(separator: ","))]}"#)
    }

    @Test func keysOfAllAlgorithmsAndMembersThatWeDoNotKnowAreTaken() async throws {
        let keys = try SigningKey.all().enumerated().map { index, key in
            key.entry(kid: "k\(index)", #","use":"sig","key_ops":["verify"],"x5c":["AA"],"x5t":"AA""#)
        }
        let text = #"{"keys":[\#(keys.joined(separator: ","))],"more":1}"#
        let set = try await WebTokenKeySet(Array(text.utf8), named: "jwks.json")
        #expect(set.ids.count == 4)
        #expect(set.hasSecrets)
        #expect(set.key("k1")?.algorithm == .rs256)
        #expect(set.key(nil) == nil)
    }

    /// What is said of a set beside a key that is right.
    private func warnings(_ entry: String) async throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString)")
        let text = #"{"keys":[\#(SigningKey.es256.entry(kid: "right")),\#(entry)]}"#
        try Data(text.utf8).write(to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = BrokerConfiguration()
        configuration.authentication.jwt.keys = folder.path
        configuration.authentication.jwt.issuer = "i"
        configuration.authentication.jwt.audience = "a"
        let material = try await CredentialMaterial.load(configuration)
        #expect(material.webTokens?.keys.ids.count == 1)
        return material.warnings.map { $0.replacing(folder.path, with: "jwks.json") }
    }

    @Test(arguments: [
        (#""kty":"RSA","alg":"RSA-OAEP","use":"enc","n":"AA","e":"AQAB""#, "its 'use' is not 'sig'"),
        (#""kty":"RSA","alg":"RS256","key_ops":["encrypt"],"n":"AA","e":"AQAB""#, "its 'key_ops' have no 'verify'"),
        (#""kty":"RSA","alg":"RS256","key_ops":[],"n":"AA","e":"AQAB""#, "its 'key_ops' have no 'verify'"),
        (#""kty":"EC","alg":"ES384","crv":"P-384","x":"AA","y":"AA""#, "its algorithm is ES384"),
        (#""kty":"RSA","alg":"PS256","n":"AA","e":"AQAB""#, "its algorithm is PS256"),
        (#""kty":"RSA","alg":"RS512","n":"AA","e":"AQAB""#, "its algorithm is RS512"),
        (#""kty":"oct","alg":"none","k":"AA""#, "its algorithm is none"),
        (#""kty":"EC","crv":"P-521","x":"AA","y":"AA""#, "its curve is P-521"),
        (#""kty":"OKP","crv":"X25519","x":"AA""#, "its curve is X25519"),
        (#""kty":"OKP","alg":"EdDSA","crv":"Ed448","x":"AA""#, "its curve is Ed448"),
        (#""kty":"AKP","pub":"AA""#, "its type is AKP"),
    ])
    func keysThatAreNotForUsAreLeftOutAndNamed(members: String, reason: String) async throws {
        let warnings = try await self.warnings(#"{"kid":"other",\#(members)}"#)
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("jwks.json: keys[1] 'other' is left out: \(reason)") == true, "\(warnings)")
        let problems = await self.problems(keys: "{\(members)}")
        #expect(problems.count == 1 && problems.first?.hasPrefix("jwks.json: has no key for signatures") == true)
        #expect(problems.first?.contains("keys[0] is left out: \(reason)") == true, "\(problems)")
    }

    /// As Keycloak and Microsoft Entra have them.
    @Test func aKeyWithoutAnAlgorithmHasTheOneOfItsType() async throws {
        for key in [try SigningKey.rs256(), .es256, .edDSA] {
            let entry = key.entry(kid: "k", #","use":"sig""#)
            let text = entry.replacing(#""alg":"\#(key.algorithm)","#, with: "")
            #expect(text != entry)
            let sets = try await [entry, text].asyncMap {
                try await WebTokenKeySet(Array(#"{"keys":[\#($0)]}"#.utf8), named: "jwks.json")
            }
            #expect(sets[1].key("k")?.algorithm.rawValue == key.algorithm)
            #expect(sets[1].ids == sets[0].ids, "it is the same key")
        }
        let secret = SigningKey.hs256.entry().replacing(#""alg":"HS256","#, with: "")
        #expect(
            await self.problems(keys: secret) == [
                #"jwks.json: keys[0].alg: is missing; a secret has to say "HS256""#
            ]
        )
    }

    @Test(arguments: [
        ("", "jwks.json: is empty"),
        ("{", "jwks.json: is not JSON"),
        ("[]", "jwks.json: has to be a JSON Web Key Set"),
        (#"{"keys":{}}"#, "jwks.json: has to be a JSON Web Key Set"),
        (#"{"keys":[]}"#, "jwks.json: has no key for signatures"),
        (#"{"keys":[1]}"#, "jwks.json: keys[0]: has to be an object, not a number"),
        (#"{"keys":[{}]}"#, "jwks.json: keys[0].kty: is missing"),
        (#"{"keys":[{"kty":1}]}"#, "jwks.json: keys[0].kty: can not be a number"),
        (#"{"keys":[{"kty":"RSA","alg":1}]}"#, "jwks.json: keys[0].alg: can not be a number"),
        (#"{"keys":[{"kty":"EC"}]}"#, "jwks.json: keys[0].crv: is missing"),
        (#"{"keys":[{"kty":"RSA","alg":"RS256","key_ops":"verify"}]}"#, "jwks.json: keys[0].key_ops: has to be a list"),
        (#"{"keys":[{"alg":"HS256","kty":"RSA"}]}"#, #"jwks.json: keys[0].kty: has to be "oct" for HS256"#),
        (
            #"{"keys":[{"alg":"ES256","kty":"EC","crv":"P-384"}]}"#,
            #"jwks.json: keys[0].crv: has to be "P-256" for ES256"#
        ),
        (#"{"keys":[{"alg":"EdDSA","kty":"OKP","crv":"X25519"}]}"#, #"jwks.json: keys[0].crv: has to be "Ed25519""#),
        (#"{"keys":[{"alg":"HS256","kty":"oct"}]}"#, "jwks.json: keys[0].k: has to be bytes in base64url"),
        (#"{"keys":[{"alg":"HS256","kty":"oct","k":"a+b="}]}"#, "jwks.json: keys[0].k: has to be bytes in base64url"),
        (#"{"keys":[{"alg":"RS256","kty":"RSA","n":"AA"}]}"#, "jwks.json: keys[0].e: has to be bytes in base64url"),
        (
            #"{"keys":[{"alg":"EdDSA","kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#,
            "jwks.json: keys[0].x: is no EdDSA key"
        ),
        (
            #"{"keys":[{"alg":"ES256","kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}"#,
            "jwks.json: keys[0].x: is no ES256 key"
        ),
    ])
    func whatIsNoKeyIsRefusedWithItsPlace(text: String, problem: String) async {
        let problems = await self.problems(text)
        #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
    }

    @Test func aSecretHasAtLeastThirtyTwoBytes() async {
        #expect(await self.problems(keys: SigningKey.hs256([UInt8](repeating: 7, count: 32)).entry()) == [])
        let problems = await self.problems(keys: SigningKey.hs256([UInt8](repeating: 7, count: 31)).entry())
        #expect(problems == ["jwks.json: keys[0].k: has 31 bytes; less than 32 can be guessed"])
    }

    @Test func aModulusHasAtLeast2048Bits() async throws {
        func key(_ modulus: [UInt8]) -> String {
            #"{"kty":"RSA","alg":"RS256","e":"AQAB","n":"\#(Base64URL.text(modulus))"}"#
        }
        let modulus = try SigningKey.rsaPublicKey().modulus
        #expect(await self.problems(keys: key(modulus)) == [])
        let shorter = [0, modulus[0] & 0x7f | 0x40] + modulus.dropFirst()
        #expect(
            await self.problems(keys: key(shorter)) == [
                "jwks.json: keys[0].n: has 2047 bits; less than 2048 can be broken"
            ]
        )
    }

    /// Also one that would be left out: who reads the file could sign.
    @Test(arguments: [
        #"{"kty":"EC","alg":"ES384","crv":"P-384","x":"AA","y":"AA","d":"AA"}"#,
        #"{"kty":"RSA","n":"AA","e":"AQAB","d":"AA","key_ops":["sign"]}"#,
    ])
    func aPrivateKeyIsNeverLeftOut(entry: String) async {
        let problems = await self.problems(keys: SigningKey.es256.entry(kid: "a"), entry)
        #expect(
            problems.first?.hasPrefix("jwks.json: keys[1].d: is the private part of the key") == true,
            "\(problems)"
        )
    }

    /// Whatever else it is for, and by any of its members.
    @Test(arguments: [
        (#"{"kty":"RSA","use":"enc","n":"AA","e":"AQAB","d":"AA"}"#, "d"),
        (#"{"kty":"RSA","alg":"RS256","n":"AA","e":"AQAB","qi":"AA"}"#, "qi"),
    ])
    func aPrivatePartIsSeenWhereverItStands(entry: String, member: String) async {
        let problems = await self.problems(keys: SigningKey.es256.entry(kid: "a"), entry)
        #expect(problems.first?.hasPrefix("jwks.json: keys[1].\(member): is the private") == true, "\(problems)")
    }

    @Test func aPrivateKeyIsRefused() async {
        let problems = await self.problems(keys: SigningKey.es256.entry(kid: nil, #","d":"AA""#))
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("jwks.json: keys[0].d: is the private part of the key") == true)
    }

    @Test func severalKeysHaveNamesOfTheirOwn() async {
        let (first, second) = (SigningKey.es256, SigningKey.edDSA)
        #expect(await self.problems(keys: first.entry(kid: "a"), second.entry(kid: "b")) == [])
        #expect(await self.problems(keys: first.entry(kid: "a"), second.entry()).count == 1)
        #expect(
            await self.problems(keys: first.entry(kid: "a"), second.entry(kid: "a")) == [
                "jwks.json: has two keys of one 'kid'"
            ]
        )
        #expect(await self.problems(keys: first.entry(kid: "")) == ["jwks.json: keys[0].kid: is empty"])
    }

    @Test func thereAreAtMostAHundredKeys() async {
        func keys(_ count: Int) -> String {
            let entries = (0..<count).map {
                SigningKey.hs256([UInt8](repeating: UInt8($0), count: 32)).entry(kid: "\($0)")
            }
            return #"{"keys":[\#(entries.joined(separator: ","))]}"#
        }
        #expect(await self.problems(keys(100)) == [])
        #expect(await self.problems(keys(101)) == ["jwks.json: has more than 100 keys"])
    }

    @Test func anotherKeyOfTheSameNameIsAnotherKey() async throws {
        func ids(_ secret: UInt8) async throws -> Set<String> {
            let entry = SigningKey.hs256([UInt8](repeating: secret, count: 32)).entry(kid: "a")
            return try await WebTokenKeySet(Array(#"{"keys":[\#(entry)]}"#.utf8), named: "jwks.json").ids
        }
        #expect(try await ids(1) == ids(1))
        #expect(try await ids(1) != ids(2))
    }

    @Test func base64IsWhatWeWriteAndNothingElse() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
            let text = Base64URL.text(bytes)
            let reference = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
            #expect(text == reference)
            #expect(Base64URL.bytes(text.utf8) == bytes)
        }
        for wrong in ["A", "AB", "AAB", "AAAAA", "AA==", "A A", "+/", "é"] {
            #expect(Base64URL.bytes(wrong.utf8) == nil, "\(wrong)")
        }
    }
}

extension Array {
    fileprivate func asyncMap<Other>(_ transform: (Element) async throws -> Other) async rethrows -> [Other] {
        var others: [Other] = []
        for element in self { others.append(try await transform(element)) }
        return others
    }
}
