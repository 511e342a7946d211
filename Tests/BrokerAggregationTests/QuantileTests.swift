import AggregatorTestKit
import BrokerWire
import Testing

@testable import BrokerAggregation

@Suite struct QuantileTests {
    private static func whole(_ units: some Sequence<Int128>) -> [Sample] {
        units.map { Sample(number: ExactDecimal(units: $0, scale: 0)) }
    }

    private static func number(_ name: String, _ value: AggregateValue) -> Double? {
        guard case .object(let fields, _) = value else { return nil }
        return AggregateValue.object(fields, primary: name).primaryNumber?.double
    }

    private static func value(_ parameters: String, _ numbers: [String]) throws -> String {
        try BuiltInRules.value("quantile", numbers, parameters, .decimal)
    }

    // MARK: Values

    @Test func oneNumberIsEveryQuantile() throws {
        let value = try Self.value("{}", ["0.1"])
        #expect(value == #"{"p50":0.1,"p95":0.1,"p99":0.1,"count":1,"min":0.1,"max":0.1,"accuracy":0.01}"#)
    }

    @Test func thereIsNoQuantileOfNothing() throws {
        let value = try Self.value("{}", [])
        #expect(value == #"{"p50":null,"p95":null,"p99":null,"count":0,"min":null,"max":null,"accuracy":0.01}"#)
    }

    @Test func theExtremesAreExactAndQuantilesKeepTheirOrder() throws {
        let value = try Self.value(#"{"q":[1,0.999,0],"accuracy":0.1}"#, ["-2.5", "0", "7.123456789", "0"])
        let expected =
            #"{"p100":7.123456789,"p99.9":0,"p0":-2.5,"count":4,"min":-2.5,"max":7.123456789,"accuracy":0.1}"#
        #expect(value == expected)
    }

    @Test func theFirstQuantileIsThePrimaryOne() throws {
        let aggregator = try QuantileAggregator.rule(#"{"q":[0,0.5]}"#, .int)
        let state = try AggregatorLaws(aggregator).fold(Self.whole([3, 9]))
        #expect(aggregator.value(of: state).primaryNumber?.units == 3)
    }

    // MARK: Accuracy

    private enum Shape: CaseIterable {
        case uniform, heavyTail, ascending, descending, bothSigns

        func numbers(_ count: Int) -> [Int128] {
            var random = SeededGenerator(seed: 17)
            return (0..<count).map { index in
                switch self {
                case .uniform: Int128(random.next() % 1_000_000_000 + 1)
                // A sum of twelve is nearly normal; two to that power is nearly lognormal.
                case .heavyTail:
                    Self.powerOfTwo((0..<12).reduce(20) { sum, _ in sum + Double(random.next() >> 11) * 0x1p-53 - 0.5 })
                case .ascending: Int128(index * index + 1)
                case .descending: Int128((count - index) * 37)
                case .bothSigns: Int128(Int64(bitPattern: random.next()) >> Int64(random.below(64)))
                }
            }
        }

        private static func powerOfTwo(_ exponent: Double) -> Int128 {
            let whole = exponent.rounded(.down)
            let fraction = exponent - whole
            // Near enough for a shape.
            let number = Double(sign: .plus, exponent: Int(exactly: whole) ?? 0, significand: 1 + fraction)
            return Int128(exactly: (number * 1e6).rounded()) ?? 1
        }
    }

    @Test(arguments: Shape.allCases, [(0.01, 100_000), (0.001, 5000), (0.2, 5000)])
    private func quantilesAreWithinTheirAccuracy(shape: Shape, accuracyAndCount: (Double, Int)) throws {
        let (accuracy, count) = accuracyAndCount
        let fractions = [0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1]
        let list = fractions.map { "\($0)" }.joined(separator: ",")
        let parameters = #"{"q":[\#(list)],"accuracy":\#(accuracy),"maxBins":65536}"#
        let aggregator = try QuantileAggregator.rule(parameters, .int)
        let numbers = shape.numbers(count)
        let value = aggregator.value(of: try AggregatorLaws(aggregator).fold(Self.whole(numbers)))
        guard case .object(let fields, _) = value else { return }
        let sorted = numbers.sorted()
        for (fraction, field) in zip(fractions, fields) {
            let rank = try #require(Int(exactly: (fraction * Double(count - 1)).rounded(.down)))
            let exact = ExactDecimal(units: sorted[rank], scale: 0).double
            let found = try #require(field.value.primaryNumber).double
            #expect(abs(found - exact) <= accuracy * abs(exact) + 1e-9, "\(field.name) is \(found) and not \(exact)")
        }
    }

    @Test(arguments: [0.0001, 0.01, 0.1, 0.5])
    func whatStandsForABinIsNearAllItsNumbers(accuracy: Double) {
        let bins = LogarithmicBins(accuracy: accuracy)
        var random = SeededGenerator(seed: 23)
        for _ in 0..<3000 {
            let significand = 1 + Double(random.next() >> 11) * 0x1p-53
            let number = Double(sign: .plus, exponent: random.below(190) - 62, significand: significand)
            let index = bins.index(of: number)
            #expect(abs(bins.value(of: index) - number) <= accuracy * number)
            #expect(abs(index) < LogarithmicBins.indexMagnitudeMax)
        }
    }

    // MARK: Collapsing

    @Test func tooFewBinsLoseTheNumbersNearZeroAndSaySo() throws {
        let aggregator = try QuantileAggregator.rule(#"{"q":[0.01,0.99],"maxBins":16}"#, .int)
        let laws = AggregatorLaws(aggregator)
        let value = aggregator.value(of: try laws.fold(Self.whole((1...10_000).map { Int128($0) })))
        #expect(value.json.hasSuffix(#""collapsed":true}"#))
        #expect(try #require(Self.number("p1", value)) > 1000)
        #expect(abs(try #require(Self.number("p99", value)) - 9900) <= 99)
        let narrow = aggregator.value(of: try laws.fold(Self.whole((9000...10_000).map { Int128($0) })))
        #expect(!narrow.json.contains("collapsed"))
    }

    @Test func aSketchNeverOutgrowsItsBins() throws {
        let aggregator = try QuantileAggregator.rule(#"{"accuracy":0.001,"maxBins":2048}"#, .int)
        var random = SeededGenerator(seed: 29)
        let samples = (0..<10_000).map { _ in
            let units = (Int128(random.next()) << Int128(random.below(60))) >> Int128(random.below(60))
            return Sample(number: ExactDecimal(units: random.chance(50) ? units : -units, scale: 0))
        }
        let memory = try aggregator.memoryAfterAMillion(samples)
        #expect(memory >= 2 * 2048 * 8)
        #expect(memory <= 2 * 2048 * 8 + 512)
    }

    // MARK: States

    /// With bins enough and without: what is collapsed does not depend on the order either.
    @Test(arguments: UInt64(0)..<60)
    func theLawsAreKept(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let binsMax = random.pick([16, 17, 100, 65_536])
        let laws = AggregatorLaws(try QuantileAggregator.rule(#"{"maxBins":\#(binsMax)}"#, .int))
        let range = random.pick([4, 20, 120])
        let samples = (0..<random.below(80)).map { _ in
            let units = (Int128(random.next()) << 63) >> Int128(126 - random.below(range + 1))
            return Sample(number: ExactDecimal(units: random.chance(70) ? units : -units, scale: 0))
        }
        let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
        #expect(try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1])) == nil)
        #expect(try laws.fold(samples) == laws.fold(samples.reversed()))
    }

    @Test(arguments: [NumberFormat.int, .decimal])
    func theLargestAndTheSmallestNumbersHaveBins(number: NumberFormat) throws {
        let aggregator = try QuantileAggregator.rule(#"{"accuracy":0.0001,"maxBins":65536}"#, number)
        let laws = AggregatorLaws(aggregator)
        let units: [Int128] = [.max, -.max, 1, -1, 0]
        let state = try laws.fold(units.map { Sample(number: ExactDecimal(units: $0, scale: number.scale)) })
        #expect(try laws.recoded(state) == state)
        #expect(Self.number("p50", aggregator.value(of: state)) == 0)
    }

    @Test func anOverflowingSketchIsLeftAlone() throws {
        let aggregator = try QuantileAggregator.rule("{}", .int)
        var writer = StateWriter()
        writer.write((0.01).bitPattern)
        writer.writeVarint(UInt32(2048))
        writer.write(Int128(0))
        writer.write(Int128(0))
        writer.writeVarint(UInt64(Int64.max))
        writer.write(bytes: [0, 0, 0, 0])
        let before = try aggregator.stored(writer.bytes)
        #expect(before.count == .max)
        var state = before
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample("1", .int), to: &state) }
        #expect(throws: AggregatorError.overflow) { try aggregator.merge(before, into: &state) }
        #expect(state == before)
    }

    @Test func damagedStatesNeverTrap() throws {
        let aggregator = try QuantileAggregator.rule(#"{"accuracy":0.1,"maxBins":32}"#, .int)
        var random = SeededGenerator(seed: 31)
        let laws = AggregatorLaws(aggregator)
        laws.decodeStrangeBytes(try Sample("5", .int), rounds: 1000, using: &random)
        for numbers in [[1, 2, 3, 1000], [-5, 0, 7], [-1, -2, -100_000], [1, 1_000_000_000_000]] as [[Int128]] {
            let state = try laws.fold(Self.whole(numbers))
            #expect(try aggregator.bytesWithATwin(of: state, Sample("5", .int), rounds: 1000, seed: 6) == nil)
        }
    }

    @Test func aSketchOfOtherParametersIsRefused() throws {
        let aggregator = try QuantileAggregator.rule()
        for parameters in [#"{"accuracy":0.02}"#, #"{"maxBins":2049}"#] {
            let other = try QuantileAggregator.rule(parameters)
            let bytes = try other.bytes(of: other.identity())
            var state = aggregator.identity()
            #expect(throws: AggregatorError.self) { try aggregator.stored(bytes) }
            #expect(throws: AggregatorError.self) { try aggregator.merge(other.identity(), into: &state) }
        }
    }

    // MARK: Parameters

    @Test(arguments: [
        (#"{"q":[]}"#, "q"), (#"{"q":0.5}"#, "q"), (#"{"q":[0.5,1.01]}"#, "q.1"), (#"{"q":[-0.1]}"#, "q.0"),
        (#"{"q":[0.5,0.50]}"#, "q.1"), (#"{"q":[1.000000000000000001]}"#, "q.0"), (#"{"q":["p50"]}"#, "q.0"),
        (#"{"accuracy":0.00009}"#, "accuracy"), (#"{"accuracy":0.51}"#, "accuracy"), (#"{"accuracy":[]}"#, "accuracy"),
        (#"{"maxBins":15}"#, "maxBins"), (#"{"maxBins":65537}"#, "maxBins"), (#"{"maxBins":1e99}"#, "maxBins"),
        (#"{"alpha":0.1}"#, "alpha"),
    ])
    func aWrongParameterIsNamed(parameters: String, path: String) {
        #expect {
            try QuantileAggregator.rule(parameters)
        } throws: {
            guard case .configuration(path, _)? = $0 as? AggregatorError else { return false }
            return true
        }
    }

    @Test func thereAreAtMost32Quantiles() throws {
        func quantiles(_ count: Int) -> String {
            #"{"q":[\#((1...count).map { "0.\($0 + 100)" }.joined(separator: ","))]}"#
        }
        _ = try QuantileAggregator.rule(quantiles(32))
        #expect(throws: AggregatorError.configuration(path: "q", reason: "has to have 1 to 32 numbers")) {
            try QuantileAggregator.rule(quantiles(33))
        }
    }

    @Test(arguments: [#"{"accuracy":0.0001,"maxBins":16}"#, #"{"accuracy":0.5,"maxBins":65536,"q":[0,1]}"#])
    func theLimitsThemselvesAreTaken(parameters: String) throws { _ = try QuantileAggregator.rule(parameters) }
}
