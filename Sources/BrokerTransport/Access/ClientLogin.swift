import BrokerCore
import BrokerWire
import NIOCore

/// Who a client is so far, and who it may say that it is.
struct ClientLogin {
    /// What an accepted token changes.
    struct Step {
        var identity: Identity
        /// Whether it is the same identity with fresh credentials, and everything goes on.
        var isRenewal: Bool
    }

    let access: ConnectionAccess
    /// Where it comes from, without the port.
    let address: String
    /// `nil` while it has to say so.
    private(set) var identity: Identity?
    /// Whether it has to say so; by itself, because every message asks.
    private(set) var isOwed: Bool
    /// Whether what it has shown is being looked at: what is behind it waits for that.
    var isPending = false
    /// Whether it has asked for something.
    var hasSpoken = false
    /// Ends the connection if it does not say it in time.
    var deadline: Scheduled<Void>?

    init(access: ConnectionAccess, _ admission: Admission) {
        self.access = access
        self.address = admission.address
        self.identity = admission.identity
        self.isOwed = admission.identity == nil
    }

    /// Whether credentials have said who it is.
    var isKnown: Bool { self.identity != nil && self.identity != .anonymous }

    /// Asks who a client is that was let in without saying so, where that is not enough any more; returns whether it
    /// has to say so now. One that has asked for something already is the core's to judge.
    @discardableResult
    mutating func reconsider() -> Bool {
        guard self.identity == .anonymous, !self.hasSpoken, !self.access.policy.allowsAnonymous else { return false }
        self.identity = nil
        self.isOwed = true
        return true
    }

    /// Takes who a token says that the client is: whoever it is at first, and nobody else later.
    mutating func accept(_ identity: Identity) -> Result<Step, AuthenticationFailure> {
        let isFirst = self.identity == nil || (self.identity == .anonymous && !self.hasSpoken)
        if !isFirst, let mine = self.identity, mine.name != identity.name {
            let reason = "this connection speaks for '\(mine.name)'; '\(identity.name)' needs one of its own"
            return .failure(AuthenticationFailure(.forbidden, reason))
        }
        self.deadline?.cancel()
        self.deadline = nil
        self.identity = identity
        self.isOwed = false
        self.hasSpoken = true
        return .success(Step(identity: identity, isRenewal: !isFirst))
    }
}
