/// What of a configuration can change while the broker runs, and what can not.
extension BrokerConfiguration {
    /// The keys that are taken over from a configuration that is read again; all others need a restart.
    static let reloadableKeys: Set<String> = [
        "topics", "log.level", "auth.rules", "auth.anonymous", "origins", "listen.proxies",
    ]
    /// The sections that are taken over, with all that is in them.
    private static let reloadableSections = ["auth.tokens", "auth.tokensVariable", "auth.queryToken", "auth.jwt"]

    static func isReloadable(_ key: String) -> Bool {
        Self.reloadableKeys.contains(key)
            || Self.reloadableSections.contains { key == $0 || key.hasPrefix($0 + ".") }
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
        return next
    }

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
