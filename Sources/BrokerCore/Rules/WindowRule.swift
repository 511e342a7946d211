import BrokerAggregation

/// What the host does about the windows of a rule: what belongs to which one is the accumulator's business.
package struct WindowRule: Hashable, Sendable {
    /// What subscribers are told.
    package enum Emission: String, Hashable, Sendable, CaseIterable {
        /// Each new value of an open window.
        case change
        /// The value that a window closes with.
        case close
        case both
    }

    package var emission: Emission
    /// Whether windows end; a sliding one only moves on.
    package var closes: Bool
    /// Where a publish says when it happened; `nil` for the time at which it arrives.
    package var time: FieldPath?

    /// How far a publish may be ahead of the broker's clock, in milliseconds: clocks differ, but a wrong one must not
    /// open windows that nobody else is in.
    static let skewMax = WindowedAccumulator.Plan.skewMax

    package init(emission: Emission = .both, closes: Bool = true, time: FieldPath? = nil) {
        self.emission = emission
        self.closes = closes
        self.time = time
    }

    /// Whether the values of open windows are told.
    package var tellsChanges: Bool { self.emission != .close }
    /// Whether the end of a window is told.
    var tellsCloses: Bool { self.emission != .change }
}
