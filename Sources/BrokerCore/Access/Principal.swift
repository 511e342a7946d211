/// Who a session speaks for, and what it may do.
package struct Principal: Hashable, Sendable {
    package var name: String
    package var rights: Rights

    package init(name: String, rights: Rights) {
        self.name = name
        self.rights = rights
    }

    /// Who gives no credentials.
    package static func anonymous(_ rights: Rights) -> Self { Self(name: "anonymous", rights: rights) }

    /// Who reaches the admin listener.
    package static let administrator = Self(name: "administrator", rights: [.publish, .subscribe, .admin])
}
