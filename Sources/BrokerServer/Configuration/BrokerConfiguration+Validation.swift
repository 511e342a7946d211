import BrokerAggregation
import BrokerCore
import BrokerTransport
import BrokerWire

/// What no key shows by itself.
extension BrokerConfiguration {
    /// Every rule that the configuration as a whole breaks.
    func problems(registry: AggregatorRegistry) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        func require(_ holds: Bool, _ path: String, _ text: String) {
            if !holds { problems.append(ConfigurationProblem(path: path, text: text)) }
        }
        let limits = self.transport.limits
        require(
            limits.outboxBytes >= limits.wire.messageBytesMax,
            "limits.outboxBytes",
            "must not be less than limits.messageBytes, or no largest message could ever be delivered"
        )
        require(
            limits.unacknowledgedBytes >= limits.wire.messageBytesMax,
            "limits.unacknowledgedBytes",
            "must not be less than limits.messageBytes, or no largest message could ever be sent"
        )
        require(
            self.listen.port == 0 || self.listen.port != self.admin.port || self.listen.host != self.admin.host,
            "admin.port",
            "is the port of 'listen' too"
        )
        require(
            self.isLocal || self.anonymousRights != nil || self.asksForCredentials,
            self.listen.isLoopback ? "listen.proxies" : "listen.host",
            """
            \(self.listen.isLoopback ? "what a proxy stands in front of" : "'\(self.listen.host)'") \
            can be reached from other machines, and everybody there could publish and subscribe. \
            Say who may with 'auth.tokens' or 'auth.jwt', or, if that is meant, \
            "auth": {"anonymous": ["publish", "subscribe"]}
            """
        )
        if case .failure(let error) = Self.topic(self.plainTopic) {
            require(false, "plain.topic", "'\(self.plainTopic)' \(error)")
        }
        return problems + self.authentication.problems + self.securityProblems + self.ruleProblems(registry)
    }

    private static func topic(_ text: String) -> Result<Topic, TopicError> {
        do throws(TopicError) { return .success(try Topic(text)) } catch { return .failure(error) }
    }

    private func ruleProblems(_ registry: AggregatorRegistry) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        var earlier: [(index: Int, filter: TopicFilter)] = []
        for (index, rule) in self.topics.enumerated() {
            let path = "topics[\(index)]"
            guard !rule.topic.isEmpty else {
                problems.append(ConfigurationProblem(path: path, text: "'topic' is missing"))
                continue
            }
            if let filter = try? TopicFilter(rule.template.filterText) {
                if let first = earlier.first(where: { $0.filter.covers(filter) }) {
                    let place = "topics[\(first.index)]"
                    let reason =
                        first.filter == filter
                        ? "'\(filter)' is the filter of \(place) too"
                        : "\(place) '\(first.filter)' governs all of '\(filter)'"
                    let text = "\(reason), so this rule is never used"
                    problems.append(ConfigurationProblem(path: "\(path).topic", text: text))
                }
                earlier.append((index, filter))
            }
            do throws(RuleError) {
                _ = try rule.rule(registry, keysPerTopic: self.transport.limits.keysPerTopic)
            } catch {
                problems += error.problems(at: path)
            }
        }
        return problems + self.viewProblems + self.actionProblems
    }

    /// Alerts that publish where nobody can.
    private var actionProblems: [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        for (index, rule) in self.topics.enumerated() {
            for (number, alert) in rule.alerts.enumerated() {
                for (name, actions) in [("raise", alert.raise), ("clear", alert.clear)] {
                    for (place, action) in actions.enumerated() where self.isView(action.topic) {
                        let path = "topics[\(index)].alerts[\(number)].\(name)[\(place)].to"
                        let text = "'\(action.topic)' is a view; publish to what it is made from"
                        problems.append(ConfigurationProblem(path: path, text: text))
                    }
                }
            }
        }
        return problems
    }

    /// Whether what an action publishes to is governed by a view, whatever the key is.
    private func isView(_ topic: String) -> Bool {
        guard let target = try? TopicFilter(TopicTemplate(topic).filterText) else { return false }
        let rule = self.topics.first { rule in
            (try? TopicFilter(rule.template.filterText))?.covers(target) == true
        }
        return rule?.from != nil
    }

    /// What is wrong between a view and what it is made from.
    private var viewProblems: [ConfigurationProblem] {
        let rules = self.topics.enumerated().map { index, rule in
            ViewGraph.Rule(
                path: "topics[\(index)]",
                topic: rule.topic,
                filter: try? TopicFilter(rule.template.filterText),
                from: rule.from.flatMap { try? TopicFilter($0) },
                durability: rule.durability
            )
        }
        return ViewGraph(rules: rules).problems
    }

    /// The rules as the core takes them. The configuration has to be free of problems.
    func rules(registry: AggregatorRegistry) throws -> TopicRules {
        var rules: [TopicRule] = []
        let keysPerTopic = self.transport.limits.keysPerTopic
        for rule in self.topics { rules.append(try rule.rule(registry, keysPerTopic: keysPerTopic)) }
        // Bare numbers are added up unless a rule says otherwise.
        let plain = try Topic(self.plainTopic)
        if !rules.contains(where: { $0.filter.matches(plain) }) {
            var sum = TopicRuleConfiguration(topic: self.plainTopic)
            sum.aggregate = .init(name: "sum")
            rules.append(try sum.rule(registry, keysPerTopic: keysPerTopic))
        }
        return try TopicRules(rules)
    }
}
