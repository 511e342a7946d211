import BrokerCore
import BrokerTransport
import BrokerWire
import Testing

@testable import BrokerServer

/// JSON Web Tokens, and everything that somebody may try with one.
@Suite("JSON Web Tokens")
struct WebTokenTests {
    /// Seconds since 1970, and the same as the broker counts.
    private static let now = 1_800_000_000
    private static let milliseconds = UInt64(now) * 1000

    private static func claims(
        sub: String = #""meter-17""#,
        iss: String = #""https://issuer.example""#,
        aud: String = #""wsbroker""#,
        exp: String = "1800000600",
        _ more: String = #","iat":1800000000"#
    ) -> String {
        #"{"sub":\#(sub),"iss":\#(iss),"aud":\#(aud),"exp":\#(exp)\#(more)}"#
    }

    private func verifier(_ entries: String...) async throws -> WebTokenVerifier {
        var configuration = AuthenticationConfiguration.WebTokens()
        configuration.issuer = "https://issuer.example"
        configuration.audience = "wsbroker"
        let text = #"{"keys":[\#(entries.joined(separator: ","))]}"#
        let keys = try await WebTokenKeySet(Array(text.utf8), named: "jwks.json")
        return WebTokenVerifier(keys: keys, configuration: configuration)
    }

    /// What is said of a token, or the name that it has.
    private func verdict(
        _ token: String,
        _ verifier: WebTokenVerifier,
        at now: UInt64 = milliseconds
    ) -> String {
        do throws(AuthenticationFailure) {
            return try verifier.identity(of: token, at: now).name
        } catch {
            return "\(error.code.name): \(error.reason)"
        }
    }

    /// The verdict on claims that the right key has signed.
    private func verdict(_ claims: String, at now: UInt64 = milliseconds) async throws -> String {
        let verifier = try await self.verifier(SigningKey.hs256.entry())
        return self.verdict(try SigningKey.hs256.token(claims), verifier, at: now)
    }

    // MARK: Signatures

    @Test func aTokenOfEachAlgorithmSaysWhoItIs() async throws {
        for key in try SigningKey.all() {
            let verifier = try await self.verifier(key.entry())
            let token = try key.token(Self.claims())
            let identity = try verifier.identity(of: token, at: Self.milliseconds)
            #expect(identity.name == "meter-17", "\(key.algorithm)")
            #expect(identity.expires == Self.milliseconds + 630_000, "with the leeway")
            guard case .signedToken(let keyID, _, _) = identity.proof else {
                Issue.record("\(identity.proof)")
                continue
            }
            #expect(verifier.keys.ids == [keyID])
        }
    }

    @Test func aChangedByteAnywhereIsRefused() async throws {
        for key in try SigningKey.all() {
            let verifier = try await self.verifier(key.entry())
            let token = Array(try key.token(Self.claims()).utf8)
            for place in stride(from: 0, to: token.count, by: 7) {
                var changed = token
                changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let verdict = self.verdict(String(decoding: changed, as: UTF8.self), verifier)
                #expect(verdict.hasPrefix("token_invalid"), "\(key.algorithm), byte \(place): \(verdict)")
            }
        }
    }

    @Test func signaturesOfNoLengthOfTheAlgorithmAreRefused() async throws {
        for key in try SigningKey.all() {
            let verifier = try await self.verifier(key.entry())
            let parts = try key.token(Self.claims()).split(separator: ".")
            for signature in ["", "AA", String(repeating: "A", count: 43), String(repeating: "A", count: 2000)] {
                let verdict = self.verdict("\(parts[0]).\(parts[1]).\(signature)", verifier)
                #expect(verdict == "token_invalid: the token is not taken: its signature is not that of its key")
            }
        }
    }

    /// A2: the classic ways around a signature.
    @Test func theKeySaysTheAlgorithmNeverTheToken() async throws {
        let rs256 = try SigningKey.rs256()
        let verifier = try await self.verifier(rs256.entry())
        for name in ["none", "None", "NONE", "HS256", "RS512", "PS256", "ES256", "rs256", ""] {
            let header = #"{"alg":"\#(name)"}"#
            let text = "\(Base64URL.text(header.utf8)).\(Base64URL.text(Self.claims().utf8))"
            for token in ["\(text).", try rs256.token(Self.claims(), header: header)] {
                let verdict = self.verdict(token, verifier)
                #expect(verdict == "token_invalid: the token is not taken: its 'alg' is not that of its key, RS256")
            }
        }
    }

    /// A key that does not say its algorithm has one all the same, and a token that names another is refused.
    @Test func aKeyWithoutAnAlgorithmIsForOneAllTheSame() async throws {
        for key in [try SigningKey.rs256(), .es256, .edDSA] {
            let verifier = try await self.verifier(key.entry().replacing(#""alg":"\#(key.algorithm)","#, with: ""))
            #expect(self.verdict(try key.token(Self.claims()), verifier) == "meter-17")
            for name in ["none", "HS256", "RS256", "RS512", "PS256", "ES256", "EdDSA"] where name != key.algorithm {
                let verdict = self.verdict(try key.token(Self.claims(), header: #"{"alg":"\#(name)"}"#), verifier)
                #expect(verdict.hasSuffix("its 'alg' is not that of its key, \(key.algorithm)"))
            }
        }
    }

    @Test func aPublicKeyIsNoSecret() async throws {
        let rs256 = try SigningKey.rs256()
        let verifier = try await self.verifier(rs256.entry(kid: "r"), SigningKey.es256.entry(kid: "e"))
        for secret in try SigningKey.rsaPublicKey().forms + [Array(rs256.members.utf8)] {
            let forged = SigningKey.hs256(secret)
            for header in [#"{"alg":"HS256","kid":"r"}"#, #"{"alg":"RS256","kid":"r"}"#] {
                let verdict = self.verdict(try forged.token(Self.claims(), header: header), verifier)
                #expect(verdict.hasPrefix("token_invalid"), "\(verdict)")
            }
        }
    }

    @Test func aTokenOfOneKeyIsNotOneOfAnother() async throws {
        let other = SigningKey.hs256(Array("another secret of 32 bytes ....!".utf8))
        let verifier = try await self.verifier(SigningKey.hs256.entry(kid: "a"), other.entry(kid: "b"))
        #expect(self.verdict(try SigningKey.hs256.token(Self.claims(), kid: "a"), verifier) == "meter-17")
        #expect(self.verdict(try other.token(Self.claims(), kid: "b"), verifier) == "meter-17")
        #expect(self.verdict(try other.token(Self.claims(), kid: "a"), verifier).contains("its signature is not"))
        #expect(
            self.verdict(try other.token(Self.claims()), verifier).contains("it has no 'kid', and there are several")
        )
    }

    /// A4: a key's name is no file, no address and no query.
    @Test(arguments: ["../../etc/passwd", "/dev/null", "http://evil.example/k", "a' OR 1=1", "", "A", "a "])
    func aNameOfAKeyIsOnlyLookedUp(kid: String) async throws {
        let verifier = try await self.verifier(SigningKey.hs256.entry(kid: "a"))
        let verdict = self.verdict(try SigningKey.hs256.token(Self.claims(), kid: kid), verifier)
        #expect(verdict == "token_invalid: the token is not taken: its 'kid' is none of auth.jwt.keys")
    }

    @Test func theOnlyKeyAlsoServesTokensThatNameNone() async throws {
        let verifier = try await self.verifier(SigningKey.hs256.entry(kid: "a"))
        #expect(self.verdict(try SigningKey.hs256.token(Self.claims()), verifier) == "meter-17")
    }

    @Test func keysThatATokenBringsWithItAreNotLookedAt() async throws {
        let verifier = try await self.verifier(SigningKey.es256.entry())
        let own = SigningKey.edDSA
        for (alg, key) in [("EdDSA", own), ("ES256", own)] {
            let header = """
                {"alg":"\(alg)","jwk":\(key.entry()),"jku":"https://evil.example",\
                "x5u":"https://evil.example","x5c":["AA"]}
                """
            #expect(self.verdict(try key.token(Self.claims(), header: header), verifier).hasPrefix("token_invalid"))
        }
        let header = #"{"alg":"ES256","jku":"https://evil.example","jwk":{}}"#
        #expect(self.verdict(try SigningKey.es256.token(Self.claims(), header: header), verifier) == "meter-17")
    }

    @Test func whatHasToBeUnderstoodIsRefused() async throws {
        let verifier = try await self.verifier(SigningKey.hs256.entry())
        let token = try SigningKey.hs256.token(Self.claims(), header: #"{"alg":"HS256","crit":["b64"],"b64":false}"#)
        #expect(self.verdict(token, verifier).hasSuffix("its header has 'crit'"))
    }

    /// A5.
    @Test func whatIsNoTokenIsRefusedByItsForm() async throws {
        let verifier = try await self.verifier(SigningKey.hs256.entry())
        let token = try SigningKey.hs256.token(Self.claims())
        let parts = token.split(separator: ".")
        for text in [
            "", ".", "..", "...", "a.b", token + ".", token + ".a", "a.b.c.d.e", String(repeating: ".", count: 8192),
        ] {
            #expect(self.verdict(text, verifier).hasPrefix("token_invalid"), "\(text.prefix(20))")
        }
        for text in [
            token + "=", token + "\n", " " + token, "\(parts[0]).\(parts[1]).+/+/", "\(parts[0])=.\(parts[1]).AA",
        ] {
            #expect(self.verdict(text, verifier).hasSuffix("a part of it is not base64url"), "\(text.prefix(20))")
        }
        for header in [
            "[]", "{}", "1", #"{"alg":1}"#, #"{"alg":"HS256","kid":1}"#, "{", String(repeating: "[", count: 5000),
        ] {
            let verdict = self.verdict(try SigningKey.hs256.token(Self.claims(), header: header), verifier)
            #expect(verdict.hasSuffix("its header is no JSON object with 'alg'"), "\(header.prefix(20)): \(verdict)")
        }
        for claims in ["[]", "1", "", "{", #"{"a":"#, String(repeating: "[", count: 5000)] {
            #expect(try await self.verdict(claims).hasSuffix("its claims are no JSON object"))
        }
    }

    // MARK: Claims

    /// A3.
    @Test(arguments: [
        (claims(iss: #""https://issuer.example/""#), "its 'iss' is not auth.jwt.issuer"),
        (claims(iss: "null"), "its 'iss' is not auth.jwt.issuer"),
        (claims(aud: #""other""#), "its 'aud' is not, and has not, auth.jwt.audience"),
        (claims(aud: #"["other"]"#), "its 'aud' is not, and has not, auth.jwt.audience"),
        (claims(aud: "[]"), "its 'aud' is not, and has not, auth.jwt.audience"),
        (claims(aud: #"{"wsbroker":1}"#), "its 'aud' is not, and has not, auth.jwt.audience"),
        (claims(exp: "null"), "its 'exp' is no time in seconds since 1970"),
        (claims(exp: #""1800000600""#), "its 'exp' is no time in seconds since 1970"),
        (claims(exp: "-1"), "its 'exp' is no time in seconds since 1970"),
        (claims(exp: "1e300"), "its 'exp' is no time in seconds since 1970"),
        (claims(exp: "253402300799", ""), "its 'exp' is further away than auth.jwt.lifetimeMax"),
        (claims(#","nbf":true"#), "its 'nbf' is no time in seconds since 1970"),
        (claims(#","iat":"now""#), "its 'iat' is no time in seconds since 1970"),
        (claims(sub: "17"), "it has no 'sub' that is a string"),
        (claims(sub: "null"), "it has no 'sub' that is a string"),
        (claims(sub: #""""#), "its 'sub' is empty"),
        (claims(sub: #""anonymous""#), "its 'sub' can not be 'anonymous', which the broker uses itself"),
        (claims(sub: #""administrator""#), "its 'sub' can not be 'administrator', which the broker uses itself"),
        (claims(sub: #""a\nb""#), "its 'sub' has control characters"),
        (claims(sub: #""a\u001b[1m""#), "its 'sub' has control characters"),
        (claims(sub: #""a\u2028b""#), "its 'sub' has control characters"),
        (claims(sub: #""a\u202eb""#), "its 'sub' has control characters"),
    ])
    func aWrongClaimIsNamed(claims: String, reason: String) async throws {
        #expect(try await self.verdict(claims) == "token_invalid: the token is not taken: \(reason)")
    }

    @Test(arguments: [
        (#"{"iss":"https://issuer.example","aud":"wsbroker","exp":1800000600}"#, "it has no 'sub' that is a string"),
        (#"{"sub":"a","aud":"wsbroker","exp":1800000600}"#, "its 'iss' is not auth.jwt.issuer"),
        (
            #"{"sub":"a","iss":"https://issuer.example","exp":1800000600}"#,
            "its 'aud' is not, and has not, auth.jwt.audience"
        ),
        (#"{"sub":"a","iss":"https://issuer.example","aud":"wsbroker"}"#, "it has no 'exp'"),
    ])
    func aClaimThatIsMissingIsNamed(claims: String, reason: String) async throws {
        #expect(try await self.verdict(claims) == "token_invalid: the token is not taken: \(reason)")
    }

    @Test func theEndHasALeewayOfThirtySeconds() async throws {
        let claims = Self.claims(exp: "1800000600")
        #expect(try await self.verdict(claims, at: 1_800_000_629_999) == "meter-17")
        #expect(try await self.verdict(claims, at: 1_800_000_630_000) == "token_expired: the token has expired")
    }

    @Test(arguments: ["nbf", "iat"])
    func theBeginningHasALeewayOfThirtySeconds(name: String) async throws {
        #expect(try await self.verdict(Self.claims(#","\#(name)":1800000030"#)) == "meter-17")
        let verdict = try await self.verdict(Self.claims(#","\#(name)":1800000030.001"#))
        #expect(verdict == "token_invalid: the token is not taken: its '\(name)' is in the future")
    }

    @Test(arguments: [("1800086400", #","iat":1800000000"#), ("1800086400", ""), ("1800000001", #","iat":1799913601"#)])
    func aTokenCountsADayAtMost(exp: String, more: String) async throws {
        #expect(try await self.verdict(Self.claims(exp: exp, more)) == "meter-17")
        let verdict = try await self.verdict(Self.claims(exp: exp + ".001", more))
        #expect(verdict.hasSuffix("its 'exp' is further away than auth.jwt.lifetimeMax"), "\(verdict)")
    }

    @Test func theAudienceMayBeOneOfSeveral() async throws {
        #expect(try await self.verdict(Self.claims(aud: #"["other","wsbroker"]"#)) == "meter-17")
    }

    @Test func aNameMayBeWhatTheIssuerCallsItUpTo128Bytes() async throws {
        for name in ["urn:x/Zoë #1+", String(repeating: "n", count: 128)] {
            #expect(try await self.verdict(Self.claims(sub: "\"\(name)\"")) == name)
        }
        let verdict = try await self.verdict(Self.claims(sub: "\"\(String(repeating: "n", count: 129))\""))
        #expect(verdict.hasSuffix("its 'sub' has more than 128 bytes"))
    }

    @Test func textsAreClaimsAndNothingElse() async throws {
        let long = String(repeating: "x", count: 257)
        let more = """
            ,"plant":"north","level":3,"flag":true,"nothing":null,"roles":["a"],"address":{"plant":"south"},
            "long":"\(long)","\(long)":"a","just":"\(long.dropLast())","jti":"j"
            """
        let verifier = try await self.verifier(SigningKey.hs256.entry())
        let token = try SigningKey.hs256.token(Self.claims(more))
        let claims = try verifier.identity(of: token, at: Self.milliseconds).claims
        #expect(claims == ["plant": "north", "just": String(long.dropLast())])
    }

    @Test func thereAreAtMostThirtyTwoClaims() async throws {
        let more = (10..<43).map { #","c\#($0)":"v""# }.joined()
        let verifier = try await self.verifier(SigningKey.hs256.entry())
        let token = try SigningKey.hs256.token(Self.claims(more))
        let claims = try verifier.identity(of: token, at: Self.milliseconds).claims
        #expect(claims.keys.sorted() == (10..<42).map { "c\($0)" })
    }

    @Test func noReasonHasAnythingOfTheToken() async throws {
        let marked = Self.claims(sub: #""secret-name\n""#, #","plant":"secret-plant""#)
        #expect(try await !self.verdict(marked).contains("secret"))
        let issuer = try await self.verdict(Self.claims(iss: #""secret-issuer""#))
        #expect(!issuer.contains("secret"))
    }
}
