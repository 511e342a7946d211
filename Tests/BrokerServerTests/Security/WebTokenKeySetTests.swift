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

    @Test func keysForSomethingElseThanSignaturesAreLeftOut() async throws {
        let encryption = #"{"kty":"RSA","alg":"RSA-OAEP","use":"enc","n":"AA","e":"AQAB"}"#
        #expect(await self.problems(keys: SigningKey.es256.entry(), encryption) == [])
        #expect(await self.problems(keys: encryption).count == 1)
    }

    @Test(arguments: [
        ("", "jwks.json: is empty"),
        ("{", "jwks.json: is not JSON"),
        ("[]", "jwks.json: has to be a JSON Web Key Set"),
        (#"{"keys":{}}"#, "jwks.json: has to be a JSON Web Key Set"),
        (#"{"keys":[]}"#, "jwks.json: has no key for signatures"),
        (#"{"keys":[1]}"#, "jwks.json: keys[0]: has to be an object, not a number"),
        (#"{"keys":[{}]}"#, "jwks.json: keys[0].alg: has to be one of HS256, RS256, ES256, EdDSA"),
        (#"{"keys":[{"alg":"none","kty":"oct"}]}"#, "jwks.json: keys[0].alg: has to be one of HS256"),
        (#"{"keys":[{"alg":"RS512","kty":"RSA"}]}"#, "jwks.json: keys[0].alg: has to be one of HS256"),
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
