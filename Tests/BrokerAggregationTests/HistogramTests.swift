import AggregatorTestKit
import BrokerWire
import Testing

@testable import BrokerAggregation

@Suite struct HistogramTests {
    private static func value(
        _ parameters: String,
        _ numbers: [String],
        _ number: NumberFormat = .decimal
    ) throws -> String {
        try BuiltInRules.value("histogram", numbers, parameters, number)
    }

    @Test func aBoundBelongsToItsBucket() throws {
        let value = try Self.value(#"{"bounds":[5,10]}"#, ["5", "4.5", "-3", "5.000000000000000001", "10", "11"])
        #expect(value == #"{"count":6,"sum":32.500000000000000001,"buckets":[[5,3],[10,5],["inf",6]]}"#)
    }

    @Test func nothingIsCountedInAnEmptyHistogram() throws {
        #expect(try Self.value(#"{"bounds":[0]}"#, []) == #"{"count":0,"sum":0,"buckets":[[0,0],["inf",0]]}"#)
    }

    /// No double tells these numbers apart.
    @Test func boundsCompareExactly() throws {
        let whole = try Self.value(#"{"bounds":[9007199254740992]}"#, ["9007199254740992", "9007199254740993"], .int)
        #expect(whole.hasSuffix(#""buckets":[[9007199254740992,1],["inf",2]]}"#))
        let long = try Self.value(
            #"{"bounds":[12345678901234567.123456789012345678]}"#,
            ["12345678901234567.123456789012345679"]
        )
        #expect(long.hasSuffix(#""buckets":[[12345678901234567.123456789012345678,0],["inf",1]]}"#))
    }

    @Test(arguments: [
        (#"{"start":1,"factor":2,"count":4}"#, NumberFormat.int, "[[1,0],[2,0],[4,0],[8,0],"),
        (#"{"start":0.1,"factor":1.5,"count":3}"#, .decimal, "[[0.1,0],[0.15,0],[0.225,0],"),
        (#"{"start":1e19,"factor":10,"count":2}"#, .decimal, "[[10000000000000000000,0],[100000000000000000000,0],"),
        // Rounded half to even.
        (
            #"{"start":0.000000000000000001,"factor":2.5,"count":3}"#, .decimal,
            "[[0.000000000000000001,0],[0.000000000000000002,0],[0.000000000000000005,0],"
        ),
    ])
    func exponentialBoundsGrowByTheFactor(exponential: String, number: NumberFormat, buckets: String) throws {
        let value = try Self.value(#"{"exponential":\#(exponential)}"#, [], number)
        #expect(value == #"{"count":0,"sum":0,"buckets":\#(buckets)["inf",0]]}"#)
    }

    // MARK: Parameters

    @Test(arguments: [
        (#"{}"#, "bounds"), (#"{"bounds":[1],"exponential":{"start":1,"factor":2,"count":3}}"#, "bounds"),
        (#"{"bounds":[]}"#, "bounds"), (#"{"bounds":[1,2,2]}"#, "bounds.2"), (#"{"bounds":[2,1]}"#, "bounds.1"),
        (#"{"bounds":[1,"2"]}"#, "bounds.1"), (#"{"bounds":[1,2e38]}"#, "bounds.1"), (#"{"bounds":5}"#, "bounds"),
        (#"{"bounds":[1e-19]}"#, "bounds.0"), (#"{"bound":[1]}"#, "bound"),
        (#"{"exponential":{"factor":2,"count":3}}"#, "exponential.start"),
        (#"{"exponential":{"start":1,"count":3}}"#, "exponential.factor"),
        (#"{"exponential":{"start":1,"factor":2}}"#, "exponential.count"),
        (#"{"exponential":{"start":0,"factor":2,"count":3}}"#, "exponential.start"),
        (#"{"exponential":{"start":1,"factor":1,"count":3}}"#, "exponential.factor"),
        (#"{"exponential":{"start":1e-18,"factor":1.1,"count":3}}"#, "exponential.factor"),
        (#"{"exponential":{"start":1,"factor":2,"count":0}}"#, "exponential.count"),
        (#"{"exponential":{"start":1,"factor":2,"count":257}}"#, "exponential.count"),
        (#"{"exponential":{"start":1,"factor":10,"count":22}}"#, "exponential.count"),
        (#"{"exponential":{"start":1,"factor":2,"count":1.5}}"#, "exponential.count"),
        (#"{"exponential":{"start":1,"factor":2,"count":3,"end":4}}"#, "exponential.end"),
    ])
    func aWrongParameterIsNamed(parameters: String, path: String) {
        #expect {
            try HistogramAggregator.rule(parameters)
        } throws: {
            guard case .configuration(path, _)? = $0 as? AggregatorError else { return false }
            return true
        }
    }

    @Test(arguments: [
        (#"{"bounds":[1,2.5]}"#, "bounds.1"),
        (#"{"exponential":{"start":1,"factor":1.5,"count":3}}"#, "exponential.factor"),
    ])
    func boundsOfWholeNumbersAreWhole(parameters: String, path: String) {
        #expect {
            try HistogramAggregator.rule(parameters, .int)
        } throws: {
            guard case .configuration(path, _)? = $0 as? AggregatorError else { return false }
            return true
        }
    }

    @Test func thereAreAtMost256Bounds() throws {
        func bounds(_ count: Int) -> String { #"{"bounds":[\#((1...count).map(String.init).joined(separator: ","))]}"# }
        let largest = try HistogramAggregator.rule(bounds(256))
        #expect(largest.identity().counts.count == 257)
        #expect(throws: AggregatorError.configuration(path: "bounds", reason: "has to have 1 to 256 numbers")) {
            try HistogramAggregator.rule(bounds(257))
        }
        #expect(
            try HistogramAggregator.rule(#"{"exponential":{"start":0.01,"factor":1.1,"count":256}}"#).identity().counts
                .count == 257
        )
    }

    // MARK: States

    @Test(arguments: UInt64(0)..<50)
    func theLawsAreKept(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let laws = AggregatorLaws(try HistogramAggregator.rule(#"{"bounds":[-100,-1,0,1,7,1000]}"#, .int))
        let samples = (0..<random.below(60)).map { _ in
            let units = Int128(Int64(bitPattern: random.next()) >> Int64(random.below(64)))
            return Sample(number: ExactDecimal(units: units, scale: 0))
        }
        let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
        #expect(try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1])) == nil)
    }

    @Test func countsOfOtherBoundsAreRefused() throws {
        let (one, two) = (
            try HistogramAggregator.rule(#"{"bounds":[1]}"#), try HistogramAggregator.rule(#"{"bounds":[2]}"#)
        )
        let bytes = try two.bytes(of: two.identity())
        #expect(throws: AggregatorError.stateCorrupt("a histogram with other bounds")) { try one.stored(bytes) }
        var state = one.identity()
        #expect(throws: AggregatorError.stateCorrupt("a histogram with other bounds")) {
            try one.merge(two.identity(), into: &state)
        }
    }

    @Test func anOverflowingHistogramIsLeftAlone() throws {
        let aggregator = try HistogramAggregator.rule(#"{"bounds":[1]}"#, .int)
        var full = aggregator.identity()
        (full.count, full.counts[0]) = (.max, .max)
        var heavy = aggregator.identity()
        try aggregator.add(Sample(number: ExactDecimal(units: .max, scale: 0)), to: &heavy)
        for before in [full, heavy] {
            var state = before
            let sample = Sample(number: ExactDecimal(units: 1, scale: 0))
            #expect(throws: AggregatorError.overflow) { try aggregator.add(sample, to: &state) }
            #expect(throws: AggregatorError.overflow) { try aggregator.merge(before, into: &state) }
            #expect(state == before)
        }
    }

    @Test func damagedStatesNeverTrap() throws {
        let aggregator = try HistogramAggregator.rule(#"{"bounds":[1,10,100]}"#, .int)
        var random = SeededGenerator(seed: 3)
        let laws = AggregatorLaws(aggregator)
        let sample = try Sample("5", .int)
        laws.decodeStrangeBytes(sample, rounds: 1000, using: &random)
        let state = try laws.fold((0..<500).map { Sample(number: ExactDecimal(units: $0, scale: 0)) })
        #expect(try aggregator.bytesWithATwin(of: state, sample, rounds: 2000, seed: 4) == nil)
    }

    @Test func itsMemoryDoesNotGrow() throws {
        let aggregator = try HistogramAggregator.rule(#"{"bounds":[1,10,100]}"#, .int)
        let samples = (0..<10_000).map { Sample(number: ExactDecimal(units: Int128($0), scale: 0)) }
        let memory = try aggregator.memoryAfterAMillion(samples)
        #expect(memory >= MemoryLayout<HistogramAggregator.State>.size + 4 * 8)
        #expect(memory <= 256)
    }
}
