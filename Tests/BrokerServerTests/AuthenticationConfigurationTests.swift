import BrokerAggregation
import NIOCore
import Testing

@testable import BrokerServer

/// The section `auth`.
@Suite("Authentication configuration")
struct AuthenticationConfigurationTests {
    private func load(_ json: String, environment: [String: String] = [:]) -> (BrokerConfiguration, [String]) {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(json.utf8), named: "config.json")
        loader.apply(environment: environment)
        let problems = loader.problems + loader.configuration.problems(registry: .builtIn)
        return (loader.configuration, problems.map(\.description))
    }

    private static let jwt = #""jwt":{"keys":"jwks.json","issuer":"i","audience":"a"}"#

    @Test func eachKeyIsTaken() {
        let text =
            #"{"auth":{"tokens":"t","queryToken":true,"jwt":{"keys":"k","issuer":"i","audience":"a","leeway":"0s"}}}"#
        let (configuration, problems) = self.load(text)
        #expect(problems == [])
        #expect(configuration.authentication.tokens == "t")
        #expect(configuration.authentication.queryToken)
        #expect(configuration.authentication.jwt.leeway == .zero)
        #expect(configuration.authentication.jwt.lifetimeMax == .hours(24))
        #expect(self.load("{}", environment: ["WSBROKER_AUTH_TOKENS": "t"]).0.authentication.tokens == "t")
    }

    /// Who asks for credentials lets nobody in without, unless it is said.
    @Test(arguments: [
        ("{}", ["publish", "subscribe"]), (#"{"auth":{}}"#, ["publish", "subscribe"]),
        (#"{"auth":{"tokens":"t"}}"#, []),
        (#"{"listen":{"tls":{"certificate":"c","key":"k","clients":"optional","clientAuthorities":"a"}}}"#, []),
        (#"{"auth":{"tokensVariable":"T"}}"#, []), ("{\"auth\":{\(jwt)}}", []),
        (#"{"auth":{"tokens":"t","anonymous":["subscribe"]}}"#, ["subscribe"]), (#"{"auth":{"anonymous":[]}}"#, []),
    ])
    func anonymousClientsMayOnlyWhereNothingElseIsSaid(text: String, rights: [String]) {
        let (configuration, problems) = self.load(text)
        #expect(problems == [])
        #expect(configuration.anonymousRightsInForce == rights)
    }

    @Test func beyondLoopbackCredentialsAreEnough() {
        #expect(self.load(#"{"listen":{"host":"0.0.0.0","insecure":true},"auth":{"queryToken":true}}"#).1.count == 1)
        #expect(self.load(#"{"listen":{"host":"0.0.0.0","insecure":true},"auth":{"tokens":"t"}}"#).1 == [])
        #expect(self.load("{\"listen\":{\"host\":\"0.0.0.0\",\"insecure\":true},\"auth\":{\(Self.jwt)}}").1 == [])
    }

    @Test(arguments: [
        (#"{"auth":[]}"#, "auth: has to be an object, not a list"),
        (#"{"auth":{"token":"t"}}"#, "auth.token: unknown key; did you mean 'auth.tokens'?"),
        (#"{"auth":{"anonymos":[]}}"#, "auth.anonymos: unknown key; did you mean 'auth.anonymous'?"),
        (#"{"auth":{"anonymous":["write"]}}"#, #"auth.anonymous: has to be a list of "publish", "subscribe", "admin""#),
        (#"{"auth":{"jwt":{"issuer":"i","audience":"a"}}}"#, "auth.jwt.keys: is missing"),
        (#"{"auth":{"jwt":{"keys":"k","audience":"a"}}}"#, "auth.jwt.issuer: is missing"),
        (#"{"auth":{"jwt":{"keys":"k","issuer":"i"}}}"#, "auth.jwt.audience: is missing"),
        (#"{"auth":{"jwt":{"leeway":"11m","keys":"k","issuer":"i","audience":"a"}}}"#, "auth.jwt.leeway: has to be a"),
        (#"{"auth":{"jwt":"jwks.json"}}"#, "auth.jwt: has to be an object, not a string"),
        (#"{"auth":{"tokens":"t","tokensVariable":"T"}}"#, "auth.tokensVariable: the tokens are in the file"),
        (#"{"auth":{"tokensVariable":"WSBROKER_TOKENS"}}"#, "auth.tokensVariable: can not begin with 'WSBROKER_'"),
    ])
    func whatIsWrongIsNamed(text: String, problem: String) {
        let problems = self.load(text).1
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(problem) == true, "\(problems)")
    }

    @Test func aKeyThatOnlyChangesALittleOfAMissingSectionIsAProblem() {
        #expect(self.load(#"{"auth":{"jwt":{"leeway":"10s"}}}"#).1.count == 3)
    }
}
