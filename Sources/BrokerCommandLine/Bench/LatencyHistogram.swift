/// How often a latency of about so many nanoseconds occurred, for all of them, in constant memory.
///
/// Values up to 255 have a bucket each. Above, each power of two is split into 128 buckets, so what a percentile says
/// is at most 1/128 (0.8 %) above what was measured, and never below it. The maximum is exact.
struct LatencyHistogram: Hashable {
    /// How many bits of a value tell its bucket.
    private static let bits = 8
    private static let bucketsPerPower = 1 << (Self.bits - 1)

    private var counts = [UInt64](repeating: 0, count: Self.bucket(of: .max) + 1)
    private(set) var count: UInt64 = 0
    private(set) var max: UInt64 = 0

    mutating func record(_ nanoseconds: UInt64) {
        self.counts[Self.bucket(of: nanoseconds)] += 1
        self.count += 1
        self.max = Swift.max(self.max, nanoseconds)
    }

    /// The value that the share `quantile` of all values does not exceed; `nil` when there is none.
    func value(at quantile: Double) -> UInt64? {
        guard self.count > 0 else { return nil }
        let rank = Swift.max(1, UInt64((quantile * Double(self.count)).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in self.counts.enumerated() {
            seen += count
            if seen >= rank { return min(Self.largest(in: bucket), self.max) }
        }
        return self.max
    }

    static func += (sum: inout Self, other: Self) {
        for (bucket, count) in other.counts.enumerated() where count > 0 { sum.counts[bucket] += count }
        sum.count += other.count
        sum.max = Swift.max(sum.max, other.max)
    }

    private static func bucket(of value: UInt64) -> Int {
        let shift = Swift.max(0, UInt64.bitWidth - value.leadingZeroBitCount - Self.bits)
        return shift * Self.bucketsPerPower + Int(value >> UInt64(shift))
    }

    private static func largest(in bucket: Int) -> UInt64 {
        let shift = Swift.max(0, bucket / Self.bucketsPerPower - 1)
        let top = UInt64(bucket - shift * Self.bucketsPerPower)
        return top << UInt64(shift) | (1 << UInt64(shift) - 1)
    }
}
