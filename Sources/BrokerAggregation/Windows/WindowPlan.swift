extension WindowedAccumulator {
    /// What a rule says about windows, checked.
    public struct Plan: Sendable {
        /// What becomes of a sample for a window that has closed.
        public enum Late: String, Sendable, CaseIterable {
            /// It is left out.
            case drop
            /// It goes into the window of the time at which it was accepted.
            case current
        }

        /// What is told of a window without samples.
        public enum Empty: String, Sendable, CaseIterable {
            /// Nothing.
            case skip
            case zero
            /// What was told last.
            case last
            case null
        }

        public let inner: AggregatorRegistry.Factory
        public let shape: WindowShape
        /// How long a window is kept open for samples that come late, in milliseconds.
        public let grace: UInt64
        public let late: Late
        public let empty: Empty
        /// Whether the values of open windows are told, and not only what windows close with.
        public let tellsChanges: Bool

        public static let graceMax: UInt64 = 3_600_000
        /// How far a sample may be ahead of the host's clock, in milliseconds; the host refuses those beyond.
        public static let skewMax: UInt64 = 5000
        /// The most panes that begin within grace and skew.
        private static let panesWithinGraceMax: UInt64 = 1000
        /// The most panes that are open at a time, whatever the grace is: it may have been longer when they were
        /// stored.
        static let openPanesMax = Int(panesWithinGraceMax) + openPanesBeside
        /// The panes at both ends, and one that a sample has made whose window had ended before.
        private static let openPanesBeside = 3

        public init(
            inner: AggregatorRegistry.Factory,
            shape: WindowShape,
            grace: UInt64 = 0,
            late: Late = .drop,
            empty: Empty = .skip,
            tellsChanges: Bool = true
        ) throws(AggregatorError) {
            guard grace <= Self.graceMax else {
                let longest = DurationText.text(of: Self.graceMax)
                throw .configuration(path: "grace", reason: "has to be at most \(longest)")
            }
            if case .sliding = shape.kind, grace >= shape.size {
                throw .configuration(path: "grace", reason: "has to be shorter than the window")
            }
            guard (grace + Self.skewMax) / shape.paneSize <= Self.panesWithinGraceMax else {
                let reason = "is too long for windows this fine: more than \(Self.panesWithinGraceMax) would be open"
                throw .configuration(path: "grace", reason: reason)
            }
            self.inner = inner
            self.shape = shape
            self.grace = grace
            self.late = late
            self.empty = empty
            self.tellsChanges = tellsChanges
        }

        /// The most panes that are open at a time.
        var openPanesMax: Int { Int((self.grace + Self.skewMax) / self.shape.paneSize) + Self.openPanesBeside }

        /// What a stored state is known by: a state of other windows is refused, not misread.
        var stateName: String { "\(self.inner.stateName), \(self.shape)" }

        var descriptor: AggregatorDescriptor {
            var descriptor = self.inner.descriptor
            descriptor.name = self.stateName
            descriptor.stateVersion = WindowedAccumulator.stateVersion
            return descriptor
        }
    }
}
