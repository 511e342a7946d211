import BrokerClient

/// What became of the publishes of one run, and what that comes to.
struct PublishTally: Hashable {
    private(set) var acknowledged = 0
    private(set) var refused = 0
    private(set) var unknown = 0
    private(set) var notSent = 0
    private var gravest = ExitStatus.success

    /// Takes one outcome into account; returns what is to be said about it, if anything is.
    mutating func add(_ outcome: PublishOutcome) -> String? {
        switch outcome {
        case .acknowledged:
            self.acknowledged += 1
            return nil
        case .refused(let refusal):
            let status = ExitStatus(refusal: refusal.number)
            self.note(status)
            if status == .unknown { self.unknown += 1 } else { self.refused += 1 }
            return (status == .unknown ? "outcome unknown: " : "refused: ") + refusal.description
        case .unknown:
            self.note(.unknown)
            self.unknown += 1
            return "outcome unknown: sent and not acknowledged"
        case .notSent(let error):
            // Why nothing can be sent any more is said once, not for each.
            self.note(ExitStatus(error))
            self.notSent += 1
            return nil
        }
    }

    /// Takes into account what was refused before it was sent.
    mutating func addRefusedHere() {
        self.refused += 1
        self.note(.refused)
    }

    /// Takes into account that the broker's fate of publishes without acknowledgement is not known.
    mutating func addUnansweredLoss() {
        self.note(.unknown)
    }

    /// Takes another tally into account.
    static func += (sum: inout Self, other: Self) {
        sum.acknowledged += other.acknowledged
        sum.refused += other.refused
        sum.unknown += other.unknown
        sum.notSent += other.notSent
        sum.note(other.gravest)
    }

    /// How the run ends.
    var status: ExitStatus { self.gravest }

    /// An unknown outcome outweighs a refusal, because only somebody who looks can tell what to do about it; and that
    /// another process has taken over says where to look.
    private static let byGravity: [ExitStatus] = [
        .success, .runtime, .refused, .cannotConnect, .refusedIdentity, .unknown, .fenced,
    ]

    private mutating func note(_ status: ExitStatus) {
        let byGravity = Self.byGravity
        guard let new = byGravity.firstIndex(of: status), let old = byGravity.firstIndex(of: self.gravest) else {
            return
        }
        if new > old { self.gravest = status }
    }
}
