import BrokerCore
import BrokerTransport

/// Who may do what, as the broker has it.
extension BrokerConfiguration {
    var access: AccessRules { AccessRules(self.accessRules?.map(\.rule), anonymous: self.anonymousAccess) }

    var accessPolicy: ConnectionAccess.Policy {
        var policy = ConnectionAccess.Policy()
        policy.rules = self.access
        policy.origins = OriginPolicy(allowed: Set(self.origins))
        return policy
    }

    /// What clients without credentials may do, as far as the rules allow it.
    private var anonymousAccess: Rights {
        (self.anonymousRights ?? Self.defaultRights).reduce(into: Rights()) { rights, name in
            for (known, right) in Rights.names where known == name { rights.insert(right) }
        }
    }
}
