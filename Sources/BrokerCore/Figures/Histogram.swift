/// How often a measured value lay below each of some bounds.
package struct Histogram: Hashable, Sendable {
    /// The upper bounds of the buckets, ascending; values above the last one are counted behind it.
    package let bounds: [UInt64]
    /// How many values lay in each bucket; one more than there are bounds.
    package private(set) var counts: [UInt64]
    package private(set) var sum: UInt64 = 0
    package private(set) var count: UInt64 = 0

    package init(bounds: [UInt64]) {
        self.bounds = bounds
        self.counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Durations in nanoseconds, from 50 µs to 10 s, about three buckets for each power of ten: a disk of any kind lies
    /// in between.
    package static var durations: Self {
        let microseconds: [UInt64] = [
            50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
            2_000_000, 5_000_000, 10_000_000,
        ]
        return Self(bounds: microseconds.map { $0 * 1000 })
    }

    /// Sizes of batches, from one to ten thousand rows.
    package static var sizes: Self { Self(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]) }

    package mutating func add(_ value: UInt64) {
        let bucket = self.bounds.firstIndex { value <= $0 } ?? self.bounds.count
        self.counts[bucket] += 1
        self.sum &+= value
        self.count += 1
    }

    /// The bound below which the share `quantile` of the values lies; `nil` when there are none, and the largest bound
    /// where it lies above all.
    package func bound(of quantile: Double) -> UInt64? {
        guard self.count > 0 else { return nil }
        let rank = UInt64((Double(self.count) * quantile).rounded(.up))
        var below: UInt64 = 0
        for (count, bound) in zip(self.counts, self.bounds) {
            below += count
            if below >= rank { return bound }
        }
        return self.bounds.last
    }

    /// What was added since `earlier`, which this one was then.
    package func since(_ earlier: Self) -> Self {
        var difference = self
        for index in self.counts.indices { difference.counts[index] -= earlier.counts[index] }
        difference.sum &-= earlier.sum
        difference.count -= earlier.count
        return difference
    }
}
