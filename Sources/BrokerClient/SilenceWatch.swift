import NIOCore

/// Decides when a silent connection is asked whether it is still there, and when it is given up; performs nothing.
///
/// Time comes from the caller, who asks at ``deadline`` what is due then.
struct SilenceWatch {
    enum Action: Hashable {
        /// Something came; nothing is due before the deadline.
        case wait
        /// Send a ping.
        case ping
        /// Give the connection up.
        case giveUp
    }

    /// How long the answer to a ping may take.
    static let answerTimeout = TimeAmount.seconds(10)

    /// How long a connection may be silent that is not asked.
    private let idle: TimeAmount
    /// After which silence the connection is asked; never if absent.
    private let keepAlive: TimeAmount?
    private var isAsked = false
    /// When to call ``timePassed(to:)``.
    private(set) var deadline: NIODeadline

    init(idle: TimeAmount, keepAlive: TimeAmount?, at now: NIODeadline) {
        self.idle = idle
        self.keepAlive = keepAlive
        self.deadline = now + (keepAlive ?? idle)
    }

    /// Something arrived, whatever it was, or there was a reason of this side's that nothing did.
    mutating func received(at now: NIODeadline) {
        self.isAsked = false
        self.deadline = now + (self.keepAlive ?? self.idle)
    }

    /// What to do now that it is `now`.
    mutating func timePassed(to now: NIODeadline) -> Action {
        guard now >= self.deadline else { return .wait }
        guard self.keepAlive != nil, !self.isAsked else { return .giveUp }
        self.isAsked = true
        self.deadline = now + Self.answerTimeout
        return .ping
    }
}
