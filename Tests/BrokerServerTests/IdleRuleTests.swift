import Testing

@testable import BrokerServer

/// Access rules that never come to pass, of which an operator is warned.
@Suite("Idle rules")
struct IdleRuleTests {
    private func warnings(_ rules: String, jwt: Bool = false) -> [String] {
        var loader = ConfigurationLoader()
        let issuer = jwt ? #","jwt":{"keys":"k","issuer":"i","audience":"a"}"# : ""
        loader.apply(file: Array(#"{"auth":{"tokens":"t","rules":\#(rules)\#(issuer)}}"#.utf8), named: "config.json")
        #expect(loader.problems.isEmpty)
        return idleRules(of: loader.configuration).map(\.description)
    }

    private func principal(_ text: String, jwt: Bool = false) -> [String] {
        self.warnings(#"[{"allow":["publish"],"principal":"\#(text)"}]"#, jwt: jwt)
    }

    private func topic(_ text: String, _ effect: String = "allow", jwt: Bool = false) -> [String] {
        self.warnings(#"[{"\#(effect)":["publish"],"topics":["\#(text)"]}]"#, jwt: jwt)
    }

    @Test(arguments: ["a/b", "a b", "m-{sub}", "%u", "ä", "a\\n*", "?", String(repeating: "n", count: 129) + "*"])
    func aNameThatNoTokenCanHaveIsNamed(text: String) {
        let warnings = self.principal(text)
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("auth.rules[0].principal: '") == true)
        #expect(warnings.first?.contains("is no name that anybody can have") == true, "\(warnings)")
        #expect(warnings.first?.contains("\n") == false)
    }

    @Test(arguments: ["*", "**", "m-*", "me@b.example:1_*", "anonymous", String(repeating: "n", count: 128) + "*"])
    func aNameThatATokenCanHaveIsNot(text: String) {
        #expect(self.principal(text) == [])
    }

    @Test func anIssuerCallsPeopleWhatItLikes() {
        for text in ["a/b", "Zoë *"] { #expect(self.principal(text, jwt: true) == []) }
        #expect(self.principal(#"a\u001b"#, jwt: true).count == 1)
        #expect(self.principal(String(repeating: "n", count: 129), jwt: true).count == 1)
    }

    @Test func aClaimWithoutAnIssuerIsNamedWithWhatItComesTo() {
        let start = "auth.rules[0].topics[0]: nobody has the claim 'plant' without 'auth.jwt', so this"
        #expect(self.topic("a/{claim.plant}") == ["\(start) allows nothing"])
        #expect(self.topic("a/{claim.plant}", "deny") == ["\(start) denies every topic there"])
        #expect(self.topic("a/{claim.plant}", jwt: true) == [])
        #expect(self.topic("a/{sub}") == [])
    }

    @Test func whatMosquittoCallsAUserIsNamed() {
        #expect(
            self.topic("a/%u/b") == [
                "auth.rules[0].topics[0]: '%u' stands for nothing here; the name is {sub}, as a whole level"
            ]
        )
        #expect(self.topic("a/%c").first?.contains("'%c' stands for nothing here") == true)
        #expect(self.topic("100%") == [])
    }

    @Test func noRuleAtAllIsSaidToAllowNothing() {
        #expect(
            self.warnings("[]") == [
                "auth.rules: is an empty list, so nobody may do anything; "
                    + "without it who is let in may publish and subscribe"
            ]
        )
    }
}
