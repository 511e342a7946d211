import AggregatorTestKit
import BrokerWire
import Testing

@testable import BrokerAggregation

@Suite struct DistinctTests {
    private static func samples(_ labels: some Sequence<Int>) -> [Sample] {
        labels.map { Sample(label: "label-\($0)") }
    }

    private static func value(_ aggregator: DistinctAggregator, _ samples: [Sample]) throws -> String {
        try aggregator.value(of: AggregatorLaws(aggregator).fold(samples)).json
    }

    @Test func differentLabelsAreCounted() throws {
        let aggregator = try DistinctAggregator.rule()
        let samples = ["a", "b", "a", "", "b"].map { Sample(label: $0) }
        #expect(try Self.value(aggregator, samples) == #"{"value":3,"exact":true,"error":0}"#)
        #expect(try Self.value(aggregator, []) == #"{"value":0,"exact":true,"error":0}"#)
    }

    @Test func theAnswerIsExactUpToTheLimit() throws {
        let aggregator = try DistinctAggregator.rule(#"{"exactUntil":100}"#)
        let exact = try Self.value(aggregator, Self.samples(0..<100) + Self.samples(0..<100))
        #expect(exact == #"{"value":100,"exact":true,"error":0}"#)
        let estimated = try Self.value(aggregator, Self.samples(0..<101))
        #expect(estimated == #"{"value":101,"exact":false,"error":0.0081}"#)
    }

    /// Three times what is stated as the standard error, from few to many, at several precisions.
    @Test(arguments: [4, 10, 14, 16])
    func theEstimateIsWithinThreeStandardErrors(precision: Int) throws {
        var random = SeededGenerator(seed: UInt64(precision))
        var sketch = DistinctSketch(precision: precision, exactUntil: 0)
        let error = 1.04 / Double(1 << precision).squareRoot()
        #expect(sketch.estimate == 0)
        var count = 0
        for limit in [1, 10, 100, 1000, 10_000, 100_000] {
            while count < limit {
                sketch.add(random.next())
                count += 1
            }
            #expect(abs(Double(sketch.estimate) / Double(count) - 1) <= 3 * error, "\(sketch.estimate) of \(count)")
        }
    }

    /// With the labels hashed, as a broker has it.
    @Test func aMillionLabelsAreCountedWithinTheStatedErrorAndMemory() throws {
        let aggregator = try DistinctAggregator.rule()
        var state = aggregator.identity()
        var sample = Sample(label: "label-0000000")
        var count = 0
        var memory = 0
        for limit in [1000, 10_000, 100_000, 1_000_000] {
            while count < limit {
                count += 1
                // The digits, without the cost of making a string.
                var (digit, rest) = (12, count)
                while rest > 0 {
                    sample.label[digit] = UInt8(truncatingIfNeeded: 48 &+ rest % 10)
                    (digit, rest) = (digit - 1, rest / 10)
                }
                aggregator.add(sample, to: &state)
            }
            memory = max(memory, aggregator.memory(of: state))
            #expect(abs(Double(state.estimate) / Double(count) - 1) <= 3 * 0.008125, "\(state.estimate) of \(count)")
        }
        #expect(memory >= 1024 * 8)
        #expect(memory <= 20 * 1024)
    }

    @Test func theSameLabelsTwiceCountOnce() throws {
        let laws = AggregatorLaws(try DistinctAggregator.rule(#"{"exactUntil":50}"#))
        for labels in [0..<50, 0..<500] {
            let state = try laws.fold(Self.samples(labels))
            #expect(try laws.merged(state, state) == state)
            #expect(try laws.fold(Self.samples(labels) + Self.samples(labels)) == state)
        }
    }

    /// Some of the parts are exact, some are not, and the whole may be either.
    @Test(arguments: UInt64(0)..<60)
    func theLawsAreKept(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let exactUntil = random.pick([0, 1, 10, 40, 200])
        let laws = AggregatorLaws(try DistinctAggregator.rule(#"{"exactUntil":\#(exactUntil),"precision":5}"#))
        let samples = Self.samples((0..<random.below(90)).map { _ in random.below(60) })
        let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
        #expect(try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1])) == nil)
    }

    @Test(arguments: [
        (#"{"exactUntil":-1}"#, "exactUntil"), (#"{"exactUntil":65537}"#, "exactUntil"),
        (#"{"precision":3}"#, "precision"), (#"{"precision":17}"#, "precision"), (#"{"precision":"14"}"#, "precision"),
        (#"{"p":14}"#, "p"), (#"{"exactUntil":1.5}"#, "exactUntil"),
    ])
    func aWrongParameterIsNamed(parameters: String, path: String) {
        #expect {
            try DistinctAggregator.rule(parameters)
        } throws: {
            guard case .configuration(path, _)? = $0 as? AggregatorError else { return false }
            return true
        }
    }

    @Test(arguments: [#"{"exactUntil":0,"precision":4}"#, #"{"exactUntil":65536,"precision":16}"#])
    func theLimitsThemselvesAreTaken(parameters: String) throws {
        #expect(try Self.value(DistinctAggregator.rule(parameters), Self.samples(0..<1)).hasPrefix(#"{"value":1,"#))
    }

    @Test func aSketchOfOtherParametersIsRefused() throws {
        let aggregator = try DistinctAggregator.rule()
        for parameters in [#"{"precision":13}"#, #"{"exactUntil":1000}"#] {
            let other = try DistinctAggregator.rule(parameters)
            let bytes = try other.bytes(of: other.identity())
            var state = aggregator.identity()
            #expect(throws: AggregatorError.self) { try aggregator.stored(bytes) }
            #expect(throws: AggregatorError.self) { try aggregator.merge(other.identity(), into: &state) }
        }
    }

    @Test(arguments: [5, 100])
    func damagedStatesNeverTrap(labels: Int) throws {
        let aggregator = try DistinctAggregator.rule(#"{"exactUntil":10,"precision":5}"#)
        var random = SeededGenerator(seed: 5)
        let laws = AggregatorLaws(aggregator)
        laws.decodeStrangeBytes(Sample(label: "x"), rounds: 1000, using: &random)
        let state = try laws.fold(Self.samples(0..<labels))
        #expect(try aggregator.bytesWithATwin(of: state, Sample(label: "x"), rounds: 2000, seed: 6) == nil)
    }

    /// A register at its largest value, all of them, and one beyond.
    @Test func registersBeyondTheirRangeAreRefused() throws {
        let aggregator = try DistinctAggregator.rule(#"{"exactUntil":0,"precision":4}"#)
        let head = try aggregator.bytes(of: aggregator.identity()).prefix(3)
        let full = try aggregator.stored(head + Array(repeating: 61, count: 16))
        #expect(full.estimate == .max)
        #expect(throws: AggregatorError.stateCorrupt("a register out of range")) {
            try aggregator.stored(head + Array(repeating: 62, count: 16))
        }
    }

    @Test func theStatesStayReadable() throws {
        let aggregator = try DistinctAggregator.rule(#"{"exactUntil":2}"#)
        let bytes: [UInt8] = [14, 2, 0, 1] + [0x5B, 0x6E, 0x8C, 0xA9, 0xF1, 0xC4, 0x4E, 0xD2]
        #expect(try aggregator.bytes(of: AggregatorLaws(aggregator).fold([Sample(label: "a")])) == bytes)
    }
}
