/// Where a producer stands, as the broker said in its `welcome`.
public struct ProducerPosition: Hashable, Sendable {
    /// What the broker has lost of what it had acknowledged, because an older state of it was put back.
    public struct Regression: Hashable, Sendable {
        /// The first number that was lost.
        public var from: UInt64
        /// The last one.
        public var to: UInt64

        /// The numbers from `from` to `to`.
        public init(from: UInt64, to: UInt64) {
            self.from = from
            self.to = to
        }
    }

    /// Which run of numbers this is; a new one fences off the older.
    public var epoch: UInt64
    /// The number of the next publish; all below have their verdict.
    public var next: UInt64
    /// The numbers below ``next`` that were refused and may be sent again, to be judged again; in order.
    public var refused: [UInt64]
    /// What was lost, if anything was.
    public var regressed: Regression?

    /// A position of its parts, for tests of programs that go on from one.
    public init(epoch: UInt64, next: UInt64, refused: [UInt64] = [], regressed: Regression? = nil) {
        self.epoch = epoch
        self.next = next
        self.refused = refused
        self.regressed = regressed
    }

    /// How many of the last numbers the broker knows the verdict of.
    static let window: UInt64 = 1024

    /// What the broker knows of `number`.
    func verdict(on number: UInt64) -> Verdict {
        if number >= self.next { return .none }
        if number + Self.window < self.next { return .forgotten }
        return self.refused.contains(number) ? .refused : .accepted
    }

    enum Verdict: Hashable {
        /// It has to be sent.
        case none
        case accepted
        /// Nothing was applied; it may be sent again.
        case refused
        /// Too long ago to know.
        case forgotten
    }
}
