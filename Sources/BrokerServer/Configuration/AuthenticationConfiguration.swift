import BrokerTransport
package import NIOCore

/// How clients show who they are. There is nothing secret in it: only where secrets, or their hashes, are.
package struct AuthenticationConfiguration: Hashable, Sendable {
    /// Which JSON Web Tokens are taken.
    package struct WebTokens: Hashable, Sendable {
        /// The file of the keys that sign them: a JSON Web Key Set.
        package var keys = ""
        /// Who has to have issued them.
        package var issuer = ""
        /// Whom they have to be for.
        package var audience = ""
        /// How far the issuer's clock and ours may be apart.
        package var leeway = TimeAmount.seconds(30)
        /// The longest that one may count: who finds an old one should find nothing.
        package var lifetimeMax = TimeAmount.hours(24)

        package init() {}
    }

    /// The file of the broker's own tokens; empty for none.
    package var tokens = ""
    /// The variable that has the same document; empty for none.
    package var tokensVariable = ""
    /// Whether a token may stand in a URL, where proxies and browsers write it down.
    package var queryToken = false
    package var jwt = WebTokens()

    package init() {}

    var hasTokens: Bool { !self.tokens.isEmpty || !self.tokensVariable.isEmpty }

    var hasWebTokens: Bool { !self.jwt.keys.isEmpty && !self.jwt.issuer.isEmpty && !self.jwt.audience.isEmpty }

    // MARK: Validation

    /// What no key of the section shows by itself.
    var problems: [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        if !self.tokens.isEmpty, !self.tokensVariable.isEmpty {
            let text = "the tokens are in the file 'auth.tokens' already; leave one of the two out"
            problems.append(ConfigurationProblem(path: "auth.tokensVariable", text: text))
        }
        if self.tokensVariable.hasPrefix("WSBROKER_") {
            let text = "can not begin with 'WSBROKER_', as the variables of keys do; choose another name"
            problems.append(ConfigurationProblem(path: "auth.tokensVariable", text: text))
        }
        guard self.jwt != WebTokens() else { return problems }
        for (key, value) in [("keys", self.jwt.keys), ("issuer", self.jwt.issuer), ("audience", self.jwt.audience)]
        where value.isEmpty {
            let text = "is missing; 'auth.jwt' has to say all of 'keys', 'issuer' and 'audience'"
            problems.append(ConfigurationProblem(path: "auth.jwt.\(key)", text: text))
        }
        return problems
    }
}

extension BrokerConfiguration {
    /// Whether anything says who clients are. Who says nothing then is let in only if ``anonymousRights`` say so.
    var asksForCredentials: Bool {
        self.authentication.hasTokens || self.authentication.hasWebTokens || self.listenTLS.clients != .none
    }

    /// What clients without credentials may do, by name.
    var anonymousRightsInForce: [String] {
        self.anonymousRights ?? (self.asksForCredentials ? [] : Self.defaultRights)
    }
}

extension ConfigurationLoader {
    mutating func applyAnonymousRights(_ value: JSONValue) {
        let known = BrokerConfiguration.knownRights
        guard case .array(let values) = value, let names = Self.strings(values), Set(names).isSubset(of: known) else {
            let list = known.map { "\"\($0)\"" }.joined(separator: ", ")
            return self.report("auth.anonymous", "has to be a list of \(list)")
        }
        self.configuration.anonymousRights = names
    }
}
