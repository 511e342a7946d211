/// Finds out how old the newest publish is that a running value of one topic holds.
///
/// A value does not say when its publishes were sent, and one that is skipped never arrives. But a publish's
/// acknowledgement says which change of the topic it was, its offset, and a value says the offset of the last change
/// that it holds. So a value with the offset 1042 is as old as the publish that was acknowledged with 1042.
///
/// Acknowledgements and values come over different connections, so either may be first.
struct TotalAges {
    private struct Publish {
        var offset: UInt64 = 0
        var intended: UInt64 = 0
    }

    /// The last publishes, each in the place that its offset says.
    private var publishes: [Publish]
    /// When values came whose publish is not known yet, by offset.
    private var waiting: [UInt64: [UInt64]] = [:]
    private var waitingCount = 0
    private let waitingMax: Int
    /// The newest change that is acknowledged to a publish of ours.
    private(set) var newestOffset: UInt64 = 0
    /// How many values could not be told the age of: the change was somebody else's, or the acknowledgement named
    /// only the last of several.
    private(set) var unmatched = 0

    /// - `publishesMax`: How many publishes are remembered; a power of two.
    /// - `waitingMax`: How many values may wait for their acknowledgement.
    init(publishesMax: Int, waitingMax: Int) {
        precondition(publishesMax > 0 && publishesMax.nonzeroBitCount == 1, "places are found by a mask")
        self.publishes = Array(repeating: Publish(), count: publishesMax)
        self.waitingMax = waitingMax
    }

    /// The publish that was to be sent at `intended` was the change `offset`; returns when values came that end with
    /// it.
    mutating func acknowledged(_ offset: UInt64, intended: UInt64) -> [UInt64] {
        guard offset > 0 else { return [] }
        self.newestOffset = max(self.newestOffset, offset)
        self.publishes[self.place(of: offset)] = Publish(offset: offset, intended: intended)
        guard self.waitingCount > 0, let arrivals = self.waiting.removeValue(forKey: offset) else { return [] }
        self.waitingCount -= arrivals.count
        return arrivals
    }

    /// A value came whose last change is `offset`; returns when the publish of that was to be sent, where known.
    mutating func received(_ offset: UInt64, at time: UInt64) -> UInt64? {
        let publish = self.publishes[self.place(of: offset)]
        if publish.offset == offset, offset > 0 { return publish.intended }
        // What is far behind the newest acknowledgement is not coming any more.
        guard offset > self.newestOffset || self.newestOffset - offset < UInt64(self.publishes.count) else {
            self.unmatched += 1
            return nil
        }
        if self.waitingCount >= self.waitingMax { self.giveUp() }
        self.waiting[offset, default: []].append(time)
        self.waitingCount += 1
        return nil
    }

    /// Nothing more is acknowledged: what still waits stays without an age.
    mutating func giveUp() {
        self.unmatched += self.waitingCount
        self.waiting = [:]
        self.waitingCount = 0
    }

    private func place(of offset: UInt64) -> Int { Int(truncatingIfNeeded: offset) & (self.publishes.count - 1) }
}
