/// Who a session speaks for, and what it may do; shared by all sessions without credentials.
package final class Principal: Sendable, Equatable {
    package let identity: Identity
    package let permissions: Permissions

    package init(_ identity: Identity, _ permissions: Permissions) {
        self.identity = identity
        self.permissions = permissions
    }

    package static func == (one: Principal, other: Principal) -> Bool {
        one === other || (one.identity == other.identity && one.permissions == other.permissions)
    }

    package var name: String { self.identity.name }
}
