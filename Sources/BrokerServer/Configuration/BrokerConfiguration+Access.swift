import BrokerCore
import BrokerTransport

/// Who may do what, as the broker has it.
extension BrokerConfiguration {
    var access: AccessRules { AccessRules(self.accessRules?.map(\.rule), anonymous: self.anonymousAccess) }

    var accessPolicy: ConnectionAccess.Policy {
        var policy = ConnectionAccess.Policy()
        policy.rules = self.access
        policy.allowsQueryToken = self.authentication.queryToken
        policy.proxies = ProxyPolicy(trusted: self.proxies.compactMap(ProxyPolicy.Network.init))
        policy.origins = OriginPolicy(allowed: Set(self.origins))
        return policy
    }

    /// What clients without credentials may do, as far as the rules allow it.
    private var anonymousAccess: Rights {
        self.anonymousRightsInForce.reduce(into: Rights()) { rights, name in
            rights.formUnion(Rights(name: name) ?? [])
        }
    }
}

extension ConfigurationLoader {
    mutating func applyAccessRules(_ value: JSONValue) {
        guard case .array(let rules) = value else {
            return self.report("auth.rules", "has to be a list of rules, not \(value.kind)")
        }
        self.configuration.accessRules = rules.enumerated().compactMap { index, rule in
            AccessRuleConfiguration(rule, at: "auth.rules[\(index)]", &self.problems)
        }
    }

    mutating func applyProxies(_ value: JSONValue) {
        guard case .array(let values) = value, let texts = Self.strings(values) else {
            return self.report("listen.proxies", "has to be a list of strings, not \(value.kind)")
        }
        for (index, text) in texts.enumerated() where ProxyPolicy.Network(text) == nil {
            let problem = "'\(text)' is no address and no network, such as 192.0.2.7 or 10.0.0.0/8"
            self.report("listen.proxies[\(index)]", problem)
        }
        self.configuration.proxies = texts
    }
}
