import BrokerCore
import BrokerTransport

/// Access rules that say something which never comes to pass, and so are probably meant differently.
///
/// None of it is wrong: who is let in may change, and nothing more is allowed than was said.
///
/// - Returns: A sentence each, with its key in front.
func idleRules(of configuration: BrokerConfiguration) -> [ConfigurationProblem] {
    guard let rules = configuration.accessRules else { return [] }
    guard !rules.isEmpty else {
        let text = "is an empty list, so nobody may do anything; without it who is let in may publish and subscribe"
        return [ConfigurationProblem(path: "auth.rules", text: text)]
    }
    var warnings: [ConfigurationProblem] = []
    for (index, rule) in rules.map(\.rule).enumerated() {
        let path = "auth.rules[\(index)]"
        if let text = configuration.idleness(of: rule.names) {
            warnings.append(ConfigurationProblem(path: "\(path).principal", text: text))
        }
        for (place, pattern) in rule.topics.enumerated() {
            guard let text = configuration.idleness(of: pattern, rule.effect) else { continue }
            warnings.append(ConfigurationProblem(path: "\(path).topics[\(place)]", text: text))
        }
    }
    return warnings
}

extension BrokerConfiguration {
    /// Why nobody can have a name that a rule speaks of, if that is so.
    fileprivate func idleness(of names: NamePattern) -> String? {
        let shortest = names.text.replacing("*", with: "")
        guard !shortest.isEmpty else { return nil }
        // Issuers and authorities call people what they like, within bounds.
        let isForeign = self.authentication.hasWebTokens || self.listenTLS.clients != .none
        if isForeign {
            return IdentityName.hasControls(shortest) || shortest.utf8.count > Identity.nameBytesMax
                ? "'\(TextTable.cell(names.text))' is no name that anybody can have, so this rule never applies" : nil
        }
        guard !IdentityName.isPlain(shortest) else { return nil }
        return """
            '\(TextTable.cell(names.text))' is no name that anybody can have, so this rule never applies; a name is \
            \(IdentityName.form), and '*' stands for any of them
            """
    }

    /// Why topics that a rule speaks of are not the ones that were meant, if that is so.
    fileprivate func idleness(of pattern: TopicPattern, _ effect: AccessRule.Effect) -> String? {
        if let claim = pattern.claims.first, !self.authentication.hasWebTokens {
            let outcome = effect == .allow ? "this allows nothing" : "this denies every topic there"
            return "nobody has the claim '\(claim)' without 'auth.jwt', so \(outcome)"
        }
        // What Mosquitto calls a user and a client.
        if pattern.text.contains("%u") { return "'%u' stands for nothing here; the name is {sub}, as a whole level" }
        if pattern.text.contains("%c") {
            return "'%c' stands for nothing here, clients have no other name than {sub}, as a whole level"
        }
        return nil
    }
}
