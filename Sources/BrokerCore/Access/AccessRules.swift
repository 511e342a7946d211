/// Who may do what: the rules of the configuration.
package struct AccessRules: Hashable, Sendable {
    /// `nil` where nothing was said about it, which is not the same as no rule.
    package var rules: [AccessRule]?
    /// What clients without credentials may do, as far as the rules allow it; nothing if they have to have some.
    package var anonymous: Rights

    package init(_ rules: [AccessRule]? = nil, anonymous: Rights = [.publish, .subscribe]) {
        self.rules = rules
        self.anonymous = anonymous
    }

    /// What an identity may do.
    ///
    /// Where nothing was said, everybody who is known may publish and subscribe everywhere. Else what no rule allows is
    /// not allowed: with an empty list nothing (CVE-2018-12550).
    package func permissions(of identity: Identity) -> Permissions {
        let isAnonymous = identity == .anonymous
        if identity == .administrator { return Permissions(everywhere: .all) }
        guard let rules = self.rules else {
            return Permissions(everywhere: isAnonymous ? self.anonymous : [.publish, .subscribe])
        }
        var permissions = Permissions()
        for rule in rules where rule.names.matches(identity.name) {
            for pattern in rule.topics {
                switch rule.effect {
                case .allow:
                    if let filter = pattern.filter(for: identity) { permissions.allow(rule.rights, filter) }
                case .deny:
                    // What can not be told is denied.
                    guard let filter = pattern.filter(for: identity) ?? pattern.widest else { continue }
                    permissions.deny(rule.rights, filter)
                }
            }
        }
        if isAnonymous { permissions.limit(to: self.anonymous) }
        return permissions
    }
}
