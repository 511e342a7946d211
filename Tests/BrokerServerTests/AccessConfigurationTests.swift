import BrokerAggregation
import BrokerCore
import BrokerTransport
import Testing

@testable import BrokerServer

/// Who may do what and from where, as it is written: `auth.rules`, `listen.proxies`, `origins`.
@Suite("Access configuration")
struct AccessConfigurationTests {
    private func load(_ json: String) -> (BrokerConfiguration, [String]) {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(json.utf8), named: "config.json")
        let problems = loader.problems + loader.configuration.problems(registry: .builtIn)
        return (loader.configuration, problems.map(\.description))
    }

    private func problems(rule: String) -> [String] { self.load(#"{"auth":{"rules":[\#(rule)]}}"#).1 }

    @Test func aRuleIsReadAsItIsWritten() throws {
        let rules =
            #"[{"allow":["publish","admin"],"principal":"m-*","topics":["a/{sub}","b"]},{"deny":["subscribe"]}]"#
        let (configuration, problems) = self.load(#"{"auth":{"rules":\#(rules)}}"#)
        #expect(problems == [])
        let topics = [try TopicPattern("a/{sub}"), try TopicPattern("b")]
        let expected = [
            AccessRule(.allow, [.publish, .admin], names: NamePattern("m-*"), topics: topics),
            AccessRule(.deny, .subscribe, names: .everybody, topics: [try TopicPattern("#")]),
        ]
        #expect(configuration.access.rules == expected)
        // Nothing said is not the same as no rule.
        #expect(self.load("{}").0.access.rules == nil)
        #expect(self.load(#"{"auth":{"rules":[]}}"#).0.access.rules == [])
    }

    @Test(arguments: [
        ("{}", "auth.rules[0].allow: either 'allow' or 'deny' has to be there"),
        (#"{"allow":["publish"],"deny":["admin"]}"#, "auth.rules[0].deny: stands beside 'allow'; a rule has one of"),
        (#"{"allow":"publish"}"#, #"auth.rules[0].allow: has to be a list: write ["publish"]"#),
        (#"{"allow":["publish"],"topics":"a/#"}"#, #"auth.rules[0].topics: has to be a list: write ["a/#"]"#),
        (#"{"allow":["publish"],"foo":1}"#, "auth.rules[0].foo: unknown key"),
        (#"{"allow":[]}"#, "auth.rules[0].allow: names nothing"),
        (#"{"deny":["write"]}"#, "auth.rules[0].deny: 'write' is none of publish, subscribe, admin"),
        (#"{"allow":["publish"],"topics":[]}"#, "auth.rules[0].topics: names nothing"),
        (#"{"allow":["publish"],"topics":["a/{x}"]}"#, "auth.rules[0].topics: 'a/{x}' has '{x}'"),
        (#"{"allow":["publish"],"principal":""}"#, "auth.rules[0].principal: is empty"),
        (#"{"allow":["publish"],"topic":["a"]}"#, "auth.rules[0].topic: unknown key"),
        (#""allow""#, "auth.rules[0]: has to be an object"),
    ])
    func aRuleThatIsNoneIsNamed(rule: String, problem: String) {
        let problems = self.problems(rule: rule)
        #expect(problems.count == 1 && problems.first?.hasPrefix(problem) == true, "\(problems)")
        if rule.contains("foo") { #expect(problems == [problem], "nothing is near") }
    }

    @Test(arguments: [
        (
            #"{"listen":{"proxies":["10.0.0.0/8","proxy.example"]},"auth":{"anonymous":[]}}"#,
            "listen.proxies[1]: 'proxy.example' is no address"
        ),
        (#"{"listen":{"proxies":"10.0.0.1"}}"#, "listen.proxies: has to be a list of strings"),
        (#"{"origins":["https://a.example/page"]}"#, "origins"), (#"{"origins":["https://A.example"]}"#, "origins"),
        (#"{"origins":["*"]}"#, "origins"), (#"{"origins":["a.example"]}"#, "origins"),
        (#"{"origins":["https://a.example:"]}"#, "origins[0]: 'https://a.example:' is no origin"),
        (#"{"origins":["https://:8443"]}"#, "origins[0]: 'https://:8443' is no origin"),
        (#"{"origins":["https://a:b:1"]}"#, "origins[0]: 'https://a:b:1' is no origin"),
        (#"{"origins":["https://a.example:08443"]}"#, "origins[0]: 'https://a.example:08443' is no origin"),
        (#"{"origins":["https://a.example:0"]}"#, "origins[0]: 'https://a.example:0' has no port that there is; write"),
        (#"{"origins":["http://[::1]:65536"]}"#, "origins[0]: 'http://[::1]:65536' has no port that there is; write"),
        (
            #"{"origins":["https://a.example:443"]}"#,
            "origins[0]: browsers leave the port of https out; write 'https://a.example'"
        ),
        (#"{"origins":["http://[::1]:80"]}"#, "origins[0]: browsers leave the port of http out; write 'http://[::1]'"),
    ])
    func aPlaceThatIsNoneIsNamed(text: String, problem: String) {
        let problems = self.load(text).1
        #expect(problems.count == 1 && problems.first?.hasPrefix(problem) == true, "\(problems)")
    }

    @Test func placesAreTakenAsTheyAreWritten() {
        let origins = [
            "https://a.example:8443", "http://localhost:1", "http://[::1]:65535", "http://a.example:443",
            "https://[::1]",
        ]
        let list = origins.map { "\"\($0)\"" }.joined(separator: ",")
        let places = #""listen":{"proxies":["10.0.0.0/8","::1"]},"origins":[\#(list)]"#
        let text = #"{\#(places),"auth":{"anonymous":["publish"]}}"#
        let (configuration, problems) = self.load(text)
        #expect(problems == [])
        let policy = configuration.accessPolicy
        #expect(["10.1.2.3", "::1", "192.0.2.1"].map { policy.proxies.isProxy($0) } == [true, true, false])
        #expect(policy.origins.allowed == Set(origins))
    }
}
