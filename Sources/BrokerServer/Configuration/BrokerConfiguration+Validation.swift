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
            self.isLoopback(self.listen.host) || self.anonymousRights != nil,
            "listen.host",
            """
            '\(self.listen.host)' can be reached from other machines, and everybody there could publish and subscribe. \
            If that is meant, say "auth": {"anonymous": ["publish", "subscribe"]}
            """
        )
        if case .failure(let error) = Self.topic(self.plainTopic) {
            require(false, "plain.topic", "'\(self.plainTopic)' \(error)")
        }
        return problems + self.ruleProblems(registry)
    }

    private func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
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
            if let filter = try? TopicFilter(rule.topic) {
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
            do throws(RuleError) { _ = try rule.rule(registry) } catch { problems += error.problems(at: path) }
        }
        return problems
    }

    /// The rules as the core takes them. The configuration has to be free of problems.
    func rules(registry: AggregatorRegistry) throws -> TopicRules {
        var rules: [TopicRule] = []
        for rule in self.topics { rules.append(try rule.rule(registry)) }
        // Bare numbers are added up unless a rule says otherwise.
        let plain = try Topic(self.plainTopic)
        if !rules.contains(where: { $0.filter.matches(plain) }) {
            var sum = TopicRuleConfiguration(topic: self.plainTopic)
            sum.aggregate = .init(name: "sum")
            rules.append(try sum.rule(registry))
        }
        return try TopicRules(rules)
    }

    /// What clients without credentials may do.
    var rights: Rights {
        let names: [String: Rights] = ["publish": .publish, "subscribe": .subscribe, "admin": .admin]
        return (self.anonymousRights ?? Self.defaultRights).reduce(into: Rights()) { rights, name in
            rights.formUnion(names[name] ?? [])
        }
    }
}

/// Everything that is wrong with one rule, each with the key that it is about.
struct RuleError: Error {
    var parts: [(key: String, text: String)]

    func problems(at path: String) -> [ConfigurationProblem] {
        self.parts.map { ConfigurationProblem(path: "\(path).\($0.key)", text: $0.text) }
    }
}

extension TopicRuleConfiguration {
    /// The rule as the core takes it.
    func rule(_ registry: AggregatorRegistry) throws(RuleError) -> TopicRule {
        var parts: [(key: String, text: String)] = []
        var filter: TopicFilter?
        do throws(TopicError) {
            filter = try TopicFilter(self.topic)
        } catch {
            parts.append(("topic", "'\(self.topic)' \(error)"))
        }
        let number = NumberFormat(rawValue: self.number)
        if number == nil { parts.append(("number", Self.choice(NumberFormat.allCases.map(\.rawValue)))) }
        let durability = Durability(rawValue: self.durability)
        if durability == nil { parts.append(("durability", Self.choice(Durability.allCases.map(\.rawValue)))) }
        var factory: AggregatorRegistry.Factory?
        if let aggregate = self.aggregate {
            do throws(AggregatorError) {
                factory = try registry.factory(
                    name: aggregate.name,
                    parameters: aggregate.parameters.bytes,
                    number: number ?? .decimal
                )
            } catch {
                parts.append(("aggregate", Self.text(of: error, registry)))
            }
        }
        guard parts.isEmpty, let filter, let number, let durability else { throw RuleError(parts: parts) }
        return TopicRule(
            filter: filter,
            aggregator: factory,
            number: number,
            isStrict: self.strict,
            durability: durability
        )
    }

    private static func choice(_ names: [String]) -> String {
        "has to be one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    private static func text(of error: AggregatorError, _ registry: AggregatorRegistry) -> String {
        guard case .unknown(let name, let known) = error, let nearest = NearestName.of(name, among: known) else {
            return "\(error)"
        }
        return "\(error); did you mean '\(nearest)'?"
    }
}
