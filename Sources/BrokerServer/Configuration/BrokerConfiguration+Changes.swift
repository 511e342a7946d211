import BrokerTransport

/// What of a configuration can change while the broker runs, and what can not.
extension BrokerConfiguration {
    /// The keys that are taken over from another configuration; all others need a restart.
    static let reloadableKeys: Set<String> = [
        "topics", "log.level", "auth.rules", "auth.anonymous", "origins", "listen.proxies",
    ]
    /// The sections that are taken over, with all that is in them.
    private static let reloadableSections = ["auth.tokens", "auth.tokensVariable", "auth.queryToken", "auth.jwt"]

    /// Whether a key is taken over from another configuration; all others need a restart.
    func isReloadable(_ key: String, from other: Self) -> Bool {
        let sections = Self.reloadableSections + (self.canTakeTLS(from: other) ? ["listen.tls"] : [])
        return Self.reloadableKeys.contains(key) || sections.contains { key == $0 || key.hasPrefix($0 + ".") }
    }

    /// This configuration with what another one says about what is reloadable.
    func taking(reloadableFrom other: Self) -> Self {
        var next = self
        next.topics = other.topics
        next.logLevel = other.logLevel
        next.accessRules = other.accessRules
        next.anonymousRights = other.anonymousRights
        next.origins = other.origins
        next.proxies = other.proxies
        next.authentication = other.authentication
        if self.canTakeTLS(from: other) { next.listenTLS = other.listenTLS }
        return next
    }

    /// Other files, but not TLS where there was none, or none where there was: clients come with `ws` or with `wss`.
    private func canTakeTLS(from other: Self) -> Bool { self.listenTLS.isOn && other.listenTLS.isOn }

    /// The keys whose values differ, in their order.
    func changedKeys(to other: Self) -> [String] {
        var keys: [String] = []
        Self.compare(self.document, other.document, at: "", &keys)
        return keys.sorted()
    }

    private static func compare(_ before: JSONValue?, _ after: JSONValue?, at path: String, _ keys: inout [String]) {
        guard before != after else { return }
        guard case .object(let old)? = before, case .object(let new)? = after else { return keys.append(path) }
        for name in Set(old.keys).union(new.keys) {
            Self.compare(old[name], new[name], at: path.isEmpty ? name : "\(path).\(name)", &keys)
        }
    }
}
