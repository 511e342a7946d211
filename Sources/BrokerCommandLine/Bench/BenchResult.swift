import BrokerClient

/// What came of a run: what both ways of reporting it are made from.
struct BenchResult {
    var plan: BenchPlan
    var tally: BenchTally
    /// From when on publishes counted.
    var measuringStart: UInt64
    /// Publishes without an answer at the end.
    var unanswered = 0
    /// Publishes that were due and could not be sent, because too many were without an answer.
    var unsent = 0
    /// Values of unknown age.
    var unmatched = 0
    /// CPU time of this process while it measured, in cores.
    var cores = 0.0
    /// Why it ended early.
    var interruption: Interruption?
    /// What ended the whole before it was done.
    var failure: ExitStatus?

    /// From the beginning to the last acknowledgement.
    var seconds: Double { self.seconds(until: self.tally.lastAnswer) }

    var publishedPerSecond: Double { Self.rate(self.tally.published, in: self.seconds) }
    var acknowledgedPerSecond: Double { Self.rate(self.tally.acknowledged, in: self.seconds) }
    var publishedBytesPerSecond: Double { self.publishedPerSecond * Double(self.plan.payloadBytes) }

    private var deliverySeconds: Double { self.seconds(until: self.tally.lastDelivery) }
    var deliveredPerSecond: Double { Self.rate(self.tally.delivered, in: self.deliverySeconds) }
    var deliveredBytesPerSecond: Double { Self.rate(self.tally.deliveredBytes, in: self.deliverySeconds) }

    /// How many events had to be delivered; `nil` where some may be skipped.
    var expectedEvents: Int? {
        guard self.plan.options.mode != .latest, self.tally.deliveredEvents > 0 || self.tally.delivered == 0,
            case .event = self.plan.payload
        else { return nil }
        return self.tally.applied * self.plan.subscribers
    }

    var missingEvents: Int { self.expectedEvents.map { max(0, $0 - self.tally.deliveredEvents) } ?? 0 }

    /// Whether this process itself had no time left to publish and to read faster; a short run does not tell.
    var isToolBusy: Bool { self.seconds >= 0.5 && self.cores > 0.9 * Double(self.plan.threads) }

    var status: ExitStatus {
        if let failure = self.failure { return failure }
        if self.interruption == .timeout { return .timeout }
        if self.tally.outcomes.status != .success { return self.tally.outcomes.status }
        // Who interrupts a run leaves answers open, and knows it.
        if self.interruption == .signal { return .success }
        if self.unanswered + self.unsent > 0 { return .unknown }
        return self.missingEvents > 0 ? .runtime : .success
    }

    private func seconds(until end: UInt64) -> Double {
        Double(end - min(self.measuringStart, end)) / 1e9
    }

    private static func rate(_ count: Int, in seconds: Double) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }
}
