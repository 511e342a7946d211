import Testing

@testable import BrokerCommandLine

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test func withoutValuesThereIsNoPercentile() {
        #expect(LatencyHistogram().value(at: 0.5) == nil)
        #expect(LatencyHistogram().max == 0)
    }

    @Test func smallValuesAreExact() {
        var histogram = LatencyHistogram()
        for value in UInt64(1)...200 { histogram.record(value) }
        #expect(histogram.value(at: 0.5) == 100)
        #expect(histogram.value(at: 0.99) == 198)
        #expect(histogram.value(at: 1) == 200)
        #expect(histogram.value(at: 0) == 1)
    }

    /// A value alone is its own percentile: the bucket's end never lies beyond the maximum.
    @Test(arguments: [0, 1, 255, 256, 257, 511, 512, 1_000_000, 123_456_789, UInt64.max - 1, .max])
    func oneValueIsItsOwnPercentile(value: UInt64) {
        var histogram = LatencyHistogram()
        histogram.record(value)
        #expect(histogram.value(at: 0.5) == value)
        #expect(histogram.max == value)
    }

    @Test func aPercentileIsNeverBelowTheValueAndAtMostOnePartIn128Above() throws {
        for shift in UInt64(0)..<62 {
            for value in [1 << shift, 1 << shift + 1, (1 << shift) * 3 / 2, 2 << shift - 1] as [UInt64] {
                var histogram = LatencyHistogram()
                histogram.record(value)
                histogram.record(.max)
                let median = try #require(histogram.value(at: 0.5))
                #expect(median >= value)
                #expect(median - value <= value / 128, "\(value) became \(median)")
            }
        }
    }

    @Test func percentilesOfASumAreThoseOfAllValues() {
        var all = LatencyHistogram()
        var parts = [LatencyHistogram(), LatencyHistogram(), LatencyHistogram()]
        for index in 0..<1000 {
            let value = UInt64(index * index * 37)
            all.record(value)
            parts[index % 3].record(value)
        }
        let sum = parts.reduce(into: LatencyHistogram()) { $0 += $1 }
        #expect(sum == all)
    }
}
