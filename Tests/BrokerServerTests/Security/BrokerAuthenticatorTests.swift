import BrokerCore
import BrokerTestKit
import BrokerTransport
import BrokerWire
import Foundation
import Testing

@testable import BrokerServer

/// How credentials of all kinds become identities, and stop being some.
@Suite("Authenticator")
struct BrokerAuthenticatorTests {
    private static let now: UInt64 = 1_800_000_000_000

    /// Files in a folder, and a configuration that names them.
    private struct Setup {
        let folder: URL
        var configuration = BrokerConfiguration()

        init(tokens: String? = nil, keys: String? = nil) throws {
            self.folder = try TestBroker.makeFolder()
            if let tokens {
                self.configuration.authentication.tokens = try self.write(tokens, "tokens.json")
            }
            if let keys {
                self.configuration.authentication.jwt.keys = try self.write(keys, "jwks.json")
                self.configuration.authentication.jwt.issuer = "i"
                self.configuration.authentication.jwt.audience = "a"
            }
        }

        @discardableResult
        func write(_ text: String, _ name: String) throws -> String {
            let file = self.folder.appendingPathComponent(name)
            try Data(text.utf8).write(to: file)
            return file.path
        }

        func material() async throws(ConfigurationError) -> CredentialMaterial {
            try await CredentialMaterial.load(self.configuration, environment: [:])
        }

        func remove() { try? FileManager.default.removeItem(at: self.folder) }
    }

    private static func tokens(_ entries: (name: String, token: String, expires: UInt64?)...) -> String {
        let list = entries.map {
            TokenList.Entry(name: $0.name, sha256: TokenList.sha256($0.token), expires: $0.expires).document
        }
        return JSONValue.object(["tokens": .array(list)]).prettyText
    }

    private static func keys(_ entries: String...) -> String { #"{"keys":[\#(entries.joined(separator: ","))]}"# }

    private static func webToken(_ key: SigningKey = .hs256, kid: String? = nil) throws -> String {
        try key.token(#"{"sub":"web","iss":"i","aud":"a","exp":1800000600,"iat":1800000000}"#, kid: kid)
    }

    private func verdict(
        _ credentials: Credentials,
        _ authenticator: BrokerAuthenticator,
        at now: UInt64 = now
    ) async -> String {
        do throws(AuthenticationFailure) {
            return try await authenticator.identity(of: credentials, at: now).name
        } catch {
            return "\(error.code.name): \(error.reason)"
        }
    }

    private func verdict(
        token: String,
        _ authenticator: BrokerAuthenticator,
        at now: UInt64 = now
    ) async -> String {
        await self.verdict(Credentials(token: token), authenticator, at: now)
    }

    // MARK: Who somebody is

    @Test func tokensOfTheListAndWebTokensAreTakenSideBySide() async throws {
        let setup = try Setup(
            tokens: Self.tokens(("meter", "secret", nil), ("dotted", "a.b.c", nil)),
            keys: Self.keys(SigningKey.hs256.entry())
        )
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(token: "secret", authenticator) == "meter")
        #expect(await self.verdict(token: "a.b.c", authenticator) == "dotted")
        #expect(await self.verdict(token: try Self.webToken(), authenticator) == "web")
        #expect(await self.verdict(token: "wrong", authenticator) == "token_invalid: the token is not known")
        #expect(await self.verdict(token: "a.b", authenticator).hasSuffix("the three parts of a JSON Web Token"))
        #expect(await self.verdict(token: "", authenticator) == "token_invalid: the token is empty")
    }

    @Test func anExpiredTokenIsSaidToBe() async throws {
        let setup = try Setup(tokens: Self.tokens(("meter", "secret", Self.now)))
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(token: "secret", authenticator, at: Self.now - 1) == "meter")
        #expect(await self.verdict(token: "secret", authenticator) == "token_expired: the token of 'meter' has expired")
    }

    /// A5: what is too long is not even hashed.
    @Test func aTokenHasAtMostEightKibibytes() async throws {
        let longest = String(repeating: "t", count: 8192)
        let setup = try Setup(tokens: Self.tokens(("meter", longest, nil)), keys: Self.keys(SigningKey.hs256.entry()))
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(token: longest, authenticator) == "meter")
        for long in [longest + "t", String(repeating: ".", count: 1 << 20)] {
            #expect(
                await self.verdict(token: long, authenticator) == "token_invalid: the token has more than 8192 bytes"
            )
        }
    }

    @Test func whereNothingIsConfiguredATokenIsWrongAndNoneIsAnonymous() async throws {
        let setup = try Setup()
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(token: "secret", authenticator).hasPrefix("token_invalid: no tokens are taken here"))
        #expect(await self.verdict(Credentials(), authenticator) == "anonymous")
    }

    @Test func whereCredentialsAreConfiguredThereHaveToBeSome() async throws {
        var setup = try Setup(tokens: Self.tokens())
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(Credentials(), authenticator).hasPrefix("unauthenticated: "))
        #expect(authenticator.standing(of: .anonymous) == .ended)
        setup.configuration.anonymousRights = ["subscribe"]
        let open = BrokerAuthenticator(try await setup.material())
        #expect(await self.verdict(Credentials(), open) == "anonymous")
        // A wrong one is never taken for none.
        #expect(await self.verdict(token: "wrong", open) == "token_invalid: the token is not known")
        #expect(open.standing(of: .anonymous) == .counts(.anonymous))
        #expect(authenticator.standing(of: .administrator) == .counts(.administrator))
    }

    @Test func aCertificateNamesWhoHasNoToken() async throws {
        let setup = try Setup(tokens: Self.tokens(("meter", "secret", nil)))
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        func credentials(_ name: String, _ token: String? = nil) -> Credentials {
            Credentials(token: token, certificate: PeerCertificate(name: name, expires: Self.now + 1))
        }
        let identity = try await authenticator.identity(of: credentials("spiffe://example/a"), at: Self.now)
        let proof = Identity.Proof.certificate(authorities: [])
        #expect(identity == Identity(name: "spiffe://example/a", proof: proof, expires: Self.now + 1))
        #expect(await self.verdict(credentials("a", "secret"), authenticator) == "meter")
        #expect(await self.verdict(credentials("a", "wrong"), authenticator) == "token_invalid: the token is not known")
        #expect(await self.verdict(credentials("a"), authenticator, at: Self.now + 1).hasPrefix("token_expired: "))
        for name in ["", "anonymous", "administrator", "a\nb", String(repeating: "n", count: 129)] {
            #expect(await self.verdict(credentials(name), authenticator).hasPrefix("unauthenticated: the name in the"))
        }
    }

    // MARK: Later on

    @Test func whatIsTakenOffTheListStopsCounting() async throws {
        let setup = try Setup(
            tokens: Self.tokens(("meter", "old", nil), ("meter", "new", nil), ("other", "third", nil))
        )
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        var identities: [Identity] = []
        for token in ["old", "new", "third"] {
            identities.append(try await authenticator.identity(of: Credentials(token: token), at: Self.now))
        }
        #expect(authenticator.reload(try await setup.material()) == [])
        #expect(identities.map(authenticator.standing) == identities.map { .counts($0) })
        // One is gone, one has an end now, one belongs to somebody else.
        try setup.write(Self.tokens(("meter", "new", Self.now + 5000), ("renamed", "third", nil)), "tokens.json")
        #expect(authenticator.reload(try await setup.material()) == ["auth.tokens"])
        var ending = identities[1]
        ending.expires = Self.now + 5000
        #expect(identities.map(authenticator.standing) == [.ended, .counts(ending), .ended])
        #expect(await self.verdict(token: "old", authenticator) == "token_invalid: the token is not known")
    }

    @Test func whatAKeySignedStopsCountingWithTheKey() async throws {
        let setup = try Setup(keys: Self.keys(SigningKey.hs256.entry(kid: "a"), SigningKey.es256.entry(kid: "b")))
        defer { setup.remove() }
        let authenticator = BrokerAuthenticator(try await setup.material())
        let first = try await authenticator.identity(of: Credentials(token: try Self.webToken(kid: "a")), at: Self.now)
        let token = try Self.webToken(.es256, kid: "b")
        let second = try await authenticator.identity(of: Credentials(token: token), at: Self.now)
        #expect(authenticator.standing(of: first) == .counts(first))
        #expect(first.expires == Self.now + 630_000)
        // Another key under the name of the first.
        try setup.write(Self.keys(SigningKey.edDSA.entry(kid: "a"), SigningKey.es256.entry(kid: "b")), "jwks.json")
        #expect(authenticator.reload(try await setup.material()) == ["auth.jwt.keys"])
        #expect(authenticator.standing(of: first) == .ended)
        #expect(authenticator.standing(of: second) == .counts(second))
    }

    /// The token may be for several, and is not here to be looked at again.
    @Test func whatOthersIssueOrIsForOthersHasToBeShownAgain() async throws {
        for change in [\AuthenticationConfiguration.WebTokens.issuer, \.audience] {
            var setup = try Setup(keys: Self.keys(SigningKey.hs256.entry()))
            defer { setup.remove() }
            let authenticator = BrokerAuthenticator(try await setup.material())
            let identity = try await authenticator.identity(
                of: Credentials(token: try Self.webToken()),
                at: Self.now
            )
            setup.configuration.authentication.jwt[keyPath: change] = "b"
            _ = authenticator.reload(try await setup.material())
            #expect(authenticator.standing(of: identity) == .isUnknown)
        }
    }

    @Test func whomAnAuthorityOfThatTimeHasSignedHasToShowItAgainWhenOneOfThemIsGone() async throws {
        let setup = try Setup()
        defer { setup.remove() }
        var material = try await setup.material()
        material.clientAuthorities = [[1], [2]]
        let authenticator = BrokerAuthenticator(material)
        let certificate = PeerCertificate(name: "a", expires: Self.now + 1, authorities: [[1], [2]])
        let credentials = Credentials(certificate: certificate)
        let identity = try await authenticator.identity(of: credentials, at: Self.now)
        material.clientAuthorities = [[1], [2], [3]]
        #expect(authenticator.reload(material) == ["listen.tls.clientAuthorities"])
        #expect(authenticator.standing(of: identity) == .counts(identity), "another one beside them changes nothing")
        material.clientAuthorities = [[2], [3]]
        _ = authenticator.reload(material)
        #expect(authenticator.standing(of: identity) == .isUnknown)
        #expect(await self.verdict(credentials, authenticator).hasPrefix("restarting: the authorities of"))
    }

    // MARK: Reading

    @Test func allFilesThatAreWrongAreNamedAtOnce() async throws {
        let setup = try Setup(tokens: "{}", keys: "{}")
        defer { setup.remove() }
        let error = await #expect(throws: ConfigurationError.self) { try await setup.material() }
        #expect(try #require(error).problems.count == 2)
        setup.remove()
        let missing = await #expect(throws: ConfigurationError.self) { try await setup.material() }
        let problems = try #require(missing).problems.map(\.description)
        try #require(problems.count == 2)
        #expect(problems[0].hasPrefix("auth.tokens: ") && problems[0].hasSuffix("No such file or directory"))
        #expect(problems[1].hasPrefix("auth.jwt.keys: "))
    }

    @Test func aVariableMayHaveTheTokensInstead() async throws {
        var configuration = BrokerConfiguration()
        configuration.authentication.tokensVariable = "TOKENS"
        let environment = ["TOKENS": Self.tokens(("meter", "secret", nil))]
        let material = try await CredentialMaterial.load(configuration, environment: environment)
        #expect(material.tokens?.entry(of: "secret")?.name == "meter")
        for (environment, problem) in [
            ([:], "auth.tokensVariable: there is no variable 'TOKENS'"), (["TOKENS": ""], "$TOKENS: is empty"),
        ] {
            let error = await #expect(throws: ConfigurationError.self) {
                try await CredentialMaterial.load(configuration, environment: environment)
            }
            #expect(try #require(error).problems.map(\.description) == [problem])
        }
    }

    @Test func aFileThatEverybodyCanReadIsAWarningAndNoError() async throws {
        let setup = try Setup(tokens: Self.tokens(), keys: Self.keys(SigningKey.hs256.entry()))
        defer { setup.remove() }
        for (mode, count) in [(0o644, 2), (0o640, 0), (0o600, 0)] {
            for file in ["tokens.json", "jwks.json"] {
                let path = setup.folder.appendingPathComponent(file).path
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
            #expect(try await setup.material().warnings.count == count)
        }
        // Public keys are public.
        try setup.write(Self.keys(SigningKey.es256.entry()), "jwks.json")
        #expect(try await setup.material().warnings == [])
    }
}
