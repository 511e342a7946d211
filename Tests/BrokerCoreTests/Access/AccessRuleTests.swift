import BrokerWire
import Testing

@testable import BrokerCore

/// What rules say about an identity.
@Suite("Access rules")
struct AccessRuleTests {
    static func rule(
        _ effect: AccessRule.Effect,
        _ rights: Rights,
        _ name: String = "*",
        _ topics: String...
    ) throws -> AccessRule {
        try AccessRule(effect, rights, names: NamePattern(name), topics: topics.map { try TopicPattern($0) })
    }

    private static func identity(_ name: String, claims: [String: String] = [:]) -> Identity {
        Identity(name: name, claims: claims, proof: .token(sha256: [1]))
    }

    private static func may(_ permissions: Permissions, _ right: Rights, _ topic: String) -> Bool {
        Array(topic.utf8).withUnsafeBytes { permissions.may(right, topic: $0) }
    }

    // MARK: Without rules, and with none

    @Test func withoutRulesWhoIsKnownMayPublishAndSubscribeEverywhere() {
        let permissions = AccessRules().permissions(of: Self.identity("meter"))
        #expect(Self.may(permissions, .publish, "a/b"))
        #expect(Self.may(permissions, .subscribe, "$sys/topics"))
        #expect(!Self.may(permissions, .admin, "a/b"))
    }

    @Test func anEmptyListOfRulesAllowsNothing() throws {
        let permissions = AccessRules([]).permissions(of: Self.identity("meter"))
        #expect(!permissions.maySomewhere(.publish))
        #expect(try !permissions.may(.subscribe, filter: TopicFilter("a")))
    }

    @Test func anonymousClientsMayWhatBothAllow() throws {
        let rules = AccessRules([try Self.rule(.allow, .all, "*", "a/#")], anonymous: [.subscribe])
        let permissions = rules.permissions(of: .anonymous)
        #expect(Self.may(permissions, .subscribe, "a/b"))
        #expect(!Self.may(permissions, .publish, "a/b"))
        #expect(!Self.may(permissions, .subscribe, "b"))
    }

    // MARK: Allow and deny

    @Test func whatNoRuleAllowsIsNotAllowed() throws {
        let rules = AccessRules([try Self.rule(.allow, .publish, "meter-*", "power/#")])
        #expect(Self.may(rules.permissions(of: Self.identity("meter-1")), .publish, "power/1"))
        #expect(!Self.may(rules.permissions(of: Self.identity("meter-1")), .subscribe, "power/1"))
        #expect(!Self.may(rules.permissions(of: Self.identity("meter-1")), .publish, "water"))
        #expect(!Self.may(rules.permissions(of: Self.identity("other")), .publish, "power/1"))
    }

    @Test(arguments: [true, false])
    func whatIsDeniedStaysDeniedInAnyOrder(isDeniedFirst: Bool) throws {
        let deny = try Self.rule(.deny, .subscribe, "*", "a/secret/#")
        let allow = try Self.rule(.allow, .subscribe, "*", "a/#")
        let permissions = AccessRules(isDeniedFirst ? [deny, allow] : [allow, deny])
            .permissions(of: Self.identity("x"))
        #expect(Self.may(permissions, .subscribe, "a/open"))
        #expect(!Self.may(permissions, .subscribe, "a/secret/1"))
        // A subscription that would ever show one of the denied topics is none.
        for (filter, isAllowed) in [("a/open", true), ("a/open/#", true), ("a/#", false), ("a/+/1", false)] {
            #expect(try permissions.may(.subscribe, filter: TopicFilter(filter)) == isAllowed, "\(filter)")
        }
    }

    @Test func aWildcardDoesNotMeanTheBrokersOwnTopics() throws {
        let permissions = AccessRules([try Self.rule(.allow, .all, "*", "#")]).permissions(of: Self.identity("x"))
        #expect(!Self.may(permissions, .subscribe, "$sys/topics"))
        #expect(permissions.mayWithAll(.admin))
        let own = AccessRules([try Self.rule(.allow, .subscribe, "*", "$sys/#")]).permissions(of: Self.identity("x"))
        #expect(Self.may(own, .subscribe, "$sys/topics"))
        #expect(!own.mayWithAll(.subscribe))
    }

    // MARK: Variables

    @Test func aVariableIsTheNameOrAClaim() throws {
        let rules = AccessRules([try Self.rule(.allow, .publish, "*", "{claim.site}/{sub}/power")])
        let permissions = rules.permissions(of: Self.identity("meter-1", claims: ["site": "berlin"]))
        #expect(Self.may(permissions, .publish, "berlin/meter-1/power"))
        #expect(!Self.may(permissions, .publish, "berlin/meter-2/power"))
        #expect(!Self.may(permissions, .publish, "paris/meter-1/power"))
    }

    /// CVE-2017-7650: a client that may choose its name chose `#`.
    @Test(arguments: ["#", "+", "a/b", "*", "$sys", "", "ä", "a b", String(repeating: "x", count: 65)])
    func aNameThatIsNoPlainLevelAllowsNothingAndDeniesEveryLevel(name: String) throws {
        let allowing = AccessRules([try Self.rule(.allow, .all, "*", "users/{sub}/#")])
        #expect(!allowing.permissions(of: Self.identity(name)).maySomewhere(.publish))
        let denying = AccessRules([
            try Self.rule(.allow, .all, "*", "#"), try Self.rule(.deny, .all, "*", "users/{sub}/#"),
        ])
        #expect(!Self.may(denying.permissions(of: Self.identity(name)), .publish, "users/anybody/1"))
        #expect(Self.may(denying.permissions(of: Self.identity(name)), .publish, "other"))
    }

    @Test func theLongestNameStandsForItsLevel() throws {
        let name = String(repeating: "x", count: 64)
        let rules = AccessRules([try Self.rule(.allow, .publish, "*", "users/{sub}")])
        #expect(Self.may(rules.permissions(of: Self.identity(name)), .publish, "users/\(name)"))
    }

    @Test func aClaimThatIsNotThereAllowsNothing() throws {
        let rules = AccessRules([try Self.rule(.allow, .publish, "*", "{claim.site}/#")])
        #expect(!rules.permissions(of: Self.identity("x")).maySomewhere(.publish))
    }

    @Test(arguments: ["a/{sub", "a/x{sub}", "{claim.}", "{name}/a", "a/}", "a//b", "a/#/b", ""])
    func whatIsNoPatternIsRefused(text: String) {
        #expect(throws: TopicPattern.Problem.self) { try TopicPattern(text) }
    }

    // MARK: Names

    @Test(arguments: [
        ("*", "", true), ("*", "x", true), ("meter-*", "meter-", true), ("meter-*", "meter", false),
        ("*-1", "meter-1", true), ("*-1", "meter-12", false), ("a*b*c", "aXbXbXc", true), ("a*b*c", "abcb", false),
        ("meter", "meter", true), ("meter", "Meter", false), ("", "", true), ("", "x", false), ("**", "ab", true),
    ])
    func aStarStandsForAnyCharacters(pattern: String, name: String, matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }

    @Test func manyStarsTakeNoLonger() {
        let pattern = NamePattern(String(repeating: "*a", count: 500) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 10_000)))
    }
}
