import BrokerClient

/// What was counted and measured, by one event loop or all of them.
///
/// What belongs to the warm-up is only in the sums for the progress line, and in the errors.
struct BenchTally: Hashable {
    /// A kind of failure; a number is the broker's.
    struct Failure: Hashable {
        var code: UInt16?
        var name: String
    }

    /// How often a failure came, and what was said the first time.
    struct Failures: Hashable {
        var count: Int
        var reason: String
    }

    /// Everything, for the progress line.
    private(set) var sentInAll = 0
    private(set) var answeredInAll = 0
    private(set) var deliveredInAll = 0

    private(set) var published = 0
    private(set) var acknowledged = 0
    /// The acknowledged ones that changed their topic.
    private(set) var applied = 0
    private(set) var delivered = 0
    /// Of ``delivered`` the events of this run; the others are values.
    private(set) var deliveredEvents = 0
    private(set) var deliveredBytes = 0
    /// The last send or acknowledgement.
    private(set) var lastAnswer: UInt64 = 0
    private(set) var lastDelivery: UInt64 = 0
    private(set) var acknowledgementLatency = LatencyHistogram()
    private(set) var deliveryLatency = LatencyHistogram()
    /// How long after its time a publish was handed to the connection, where there is such a time.
    private(set) var lateness = LatencyHistogram()
    private(set) var failures: [Failure: Failures] = [:]
    private(set) var outcomes = PublishTally()

    /// A publish was handed to the connection.
    mutating func sent(intended: UInt64, at now: UInt64, isMeasured: Bool, isScheduled: Bool) {
        self.sentInAll += 1
        guard isMeasured else { return }
        self.published += 1
        self.lastAnswer = max(self.lastAnswer, now)
        if isScheduled { self.lateness.record(now - min(intended, now)) }
    }

    /// A publish has its outcome.
    mutating func ended(_ outcome: PublishOutcome, intended: UInt64, at now: UInt64, isMeasured: Bool) {
        self.answeredInAll += 1
        if case .acknowledged(let acknowledgement) = outcome {
            guard isMeasured else { return }
            self.acknowledged += 1
            if acknowledgement.isApplied { self.applied += 1 }
            self.lastAnswer = max(self.lastAnswer, now)
            self.acknowledgementLatency.record(now - min(intended, now))
            return
        }
        _ = self.outcomes.add(outcome)
        switch outcome {
        case .acknowledged: break
        case .refused(let refusal): self.failed(refusal)
        case .unknown: self.failed("outcomeUnknown", "sent, and the connection was lost before the acknowledgement")
        case .notSent(let error): self.failed("notSent", error.message)
        }
    }

    /// An event of this run was delivered.
    mutating func deliveredEvent(bytes: Int, intended: UInt64, at now: UInt64, isMeasured: Bool) {
        self.deliveredInAll += 1
        guard isMeasured else { return }
        self.deliveredEvents += 1
        self.countDelivery(bytes: bytes, at: now)
        self.deliveryLatency.record(now - min(intended, now))
    }

    /// A running value was delivered; its age is told by ``aged(intended:at:)``, now or later.
    mutating func deliveredValue(bytes: Int, at now: UInt64, isMeasured: Bool) {
        self.deliveredInAll += 1
        if isMeasured { self.countDelivery(bytes: bytes, at: now) }
    }

    /// The newest publish in a value that came at `arrival` was to be sent at `intended`.
    mutating func aged(intended: UInt64, at arrival: UInt64) {
        self.deliveryLatency.record(arrival - min(intended, arrival))
    }

    private mutating func countDelivery(bytes: Int, at now: UInt64) {
        self.delivered += 1
        self.deliveredBytes += bytes
        self.lastDelivery = max(self.lastDelivery, now)
    }

    mutating func failed(_ refusal: BrokerRefusal) {
        let why = refusal.why.map { " (\($0))" } ?? ""
        self.failed(refusal.name, refusal.reason + why, code: refusal.number)
    }

    /// A connection ended for good, or was lost.
    mutating func failed(_ error: ClientError) {
        if let refusal = error.refusal { return self.failed(refusal) }
        self.failed(error.code.description, error.message, code: error.brokerCode)
    }

    mutating func failed(_ name: String, _ reason: String, code: UInt16? = nil) {
        self.failures[Failure(code: code, name: name), default: Failures(count: 0, reason: reason)].count += 1
    }

    static func += (sum: inout Self, other: Self) {
        sum.sentInAll += other.sentInAll
        sum.answeredInAll += other.answeredInAll
        sum.deliveredInAll += other.deliveredInAll
        sum.published += other.published
        sum.acknowledged += other.acknowledged
        sum.applied += other.applied
        sum.delivered += other.delivered
        sum.deliveredEvents += other.deliveredEvents
        sum.deliveredBytes += other.deliveredBytes
        sum.lastAnswer = max(sum.lastAnswer, other.lastAnswer)
        sum.lastDelivery = max(sum.lastDelivery, other.lastDelivery)
        sum.acknowledgementLatency += other.acknowledgementLatency
        sum.deliveryLatency += other.deliveryLatency
        sum.lateness += other.lateness
        for (failure, more) in other.failures {
            sum.failures[failure, default: Failures(count: 0, reason: more.reason)].count += more.count
        }
        sum.outcomes += other.outcomes
    }
}
