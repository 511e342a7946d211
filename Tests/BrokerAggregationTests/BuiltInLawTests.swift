import AggregatorTestKit
import BrokerWire
import Testing

@testable import BrokerAggregation

/// What every built-in aggregator keeps, over random samples.
@Suite struct BuiltInLawTests {
    private static func samples(_ random: inout SeededGenerator, _ number: NumberFormat) -> [Sample] {
        (0..<random.below(30)).map { index in
            let magnitude = Int128(truncatingIfNeeded: random.next()) >> Int128(random.below(60))
            let units = random.chance(50) ? magnitude : -magnitude
            return Sample(
                number: ExactDecimal(units: units, scale: number.scale),
                timestamp: random.next() % 1000,
                offset: UInt64(index + 1),
                label: random.bytes(random.below(3)).map { $0 & 0x7F }
            )
        }
    }

    private static func check<A: Aggregator>(_ type: A.Type) throws
    where A.State: Equatable, A.Configuration == NoParameters {
        try Self.check { try A(configuration: NoParameters(), context: AggregationContext(number: $0)) }
    }

    /// - `areEqual`: Whether two values are as near as the aggregator promises; `nil` for equal states.
    private static func check<A: Aggregator>(
        areEqual: ((AggregateValue, AggregateValue) -> Bool)? = nil,
        _ make: (NumberFormat) throws -> A
    ) throws where A.State: Equatable {
        for seed in UInt64(0)..<300 {
            var random = SeededGenerator(seed: seed)
            let number = random.pick(NumberFormat.allCases)
            let samples = Self.samples(&random, number)
            let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
            let aggregator = try make(number)
            let laws =
                areEqual.map { equal in
                    AggregatorLaws(aggregator) { equal(aggregator.value(of: $0), aggregator.value(of: $1)) }
                } ?? AggregatorLaws(aggregator)
            let broken = try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1]))
            if let broken { Issue.record("\(A.descriptor.name) breaks \(broken), seed \(seed)") }
        }
    }

    @Test func countKeepsTheLaws() throws { try Self.check(CountAggregator.self) }
    @Test func sumKeepsTheLaws() throws { try Self.check(SumAggregator.self) }
    @Test(arguments: [false, true])
    func minKeepsTheLaws(who: Bool) throws {
        try Self.check { MinimumAggregator(configuration: .init(who: who), context: .init(number: $0)) }
    }
    @Test(arguments: [false, true])
    func maxKeepsTheLaws(who: Bool) throws {
        try Self.check { MaximumAggregator(configuration: .init(who: who), context: .init(number: $0)) }
    }
    @Test func avgKeepsTheLaws() throws { try Self.check(AverageAggregator.self) }
    @Test func lastKeepsTheLaws() throws { try Self.check(LastAggregator.self) }
    @Test func firstKeepsTheLaws() throws { try Self.check(FirstAggregator.self) }
    @Test func rangeKeepsTheLaws() throws { try Self.check(RangeAggregator.self) }
    @Test func rateKeepsTheLaws() throws {
        try Self.check {
            try RateAggregator(configuration: .init(per: "7s"), context: .init(number: $0, windowMilliseconds: 5000))
        }
    }

    /// The order changes the last bits of the squares, and nothing else.
    @Test(arguments: ["sample", "population"])
    func varianceKeepsTheLaws(kind: String) throws {
        try Self.check(areEqual: Self.areNear) {
            try VarianceAggregator(configuration: .init(kind: kind), context: .init(number: $0))
        }
        try Self.check(areEqual: Self.areNear) {
            try StandardDeviationAggregator(configuration: .init(kind: kind), context: .init(number: $0))
        }
    }

    @Test func statsKeepsTheLaws() throws {
        try Self.check(areEqual: Self.areNear) {
            try StatsAggregator(configuration: .init(), context: .init(number: $0))
        }
    }

    /// Equal, but doubles only up to a billionth of their size.
    private static func areNear(_ one: AggregateValue, _ two: AggregateValue) -> Bool {
        switch (one, two) {
        case (.double(let one), .double(let two)): abs(one - two) <= 1e-9 * max(abs(one), abs(two))
        case (.object(let one, _), .object(let two, _)):
            one.map(\.name) == two.map(\.name) && zip(one, two).allSatisfy { Self.areNear($0.value, $1.value) }
        default: one == two
        }
    }

    /// Whatever the bytes, the answer is an error or a state that can be used.
    @Test(arguments: BuiltInRules.names)
    func strangeBytesNeverTrap(name: String) throws {
        var random = SeededGenerator(seed: 7)
        for number in NumberFormat.allCases {
            let factory = try BuiltInRules.factory(name, nil, number)
            for _ in 0..<2000 {
                var bytes = random.bytes(random.pick([0, 7, 8, 15, 16, 17, 24, 25, 32]))
                // The extreme values of the integers that a state is made of.
                if random.chance(50) { bytes = bytes.map { _ in 0 } }
                if random.chance(50), let last = bytes.indices.last { bytes[last] = 0x80 }
                if random.chance(30), bytes.count >= 16 { bytes[15] = 0x80 }
                let accumulator = factory.makeAccumulator()
                do throws(AggregatorError) {
                    try accumulator.restore(bytes, version: factory.descriptor.stateVersion)
                } catch {
                    continue
                }
                _ = accumulator.value
                try? accumulator.add(Sample(number: .zero(number), offset: 1, label: [0x61]))
                _ = accumulator.value
            }
        }
    }

    /// Its magnitude has no room in the type, so that dividing it would trap.
    @Test(arguments: ["sum", "avg", "min", "max", "last", "first", "range", "rate"])
    func theOneNumberWithoutAnOppositeIsNoState(name: String) throws {
        var writer = StateWriter()
        writer.write(Int128.min)
        if ["avg", "last", "first"].contains(name) { writer.write(Int64(1)) }
        let factory = try BuiltInRules.factory(name)
        #expect(throws: AggregatorError.stateCorrupt("a number out of range")) {
            try factory.makeAccumulator().restore(writer.bytes, version: 1)
        }
    }

    @Test(arguments: BuiltInRules.names)
    func aStateOfANewerVersionIsRefused(name: String) throws {
        let factory = try BuiltInRules.factory(name)
        let accumulator = factory.makeAccumulator()
        let bytes = try accumulator.encoded()
        let supported = factory.descriptor.stateVersion
        #expect(throws: AggregatorError.stateVersion(found: supported + 1, supported: supported)) {
            try accumulator.restore(bytes, version: supported + 1)
        }
    }

    @Test(arguments: BuiltInRules.names)
    func aResetGoesBackToTheIdentity(name: String) throws {
        let factory = try BuiltInRules.factory(name)
        let (used, fresh) = (factory.makeAccumulator(), factory.makeAccumulator())
        try used.add(Sample(number: ExactDecimal(units: 5, scale: 0), offset: 1, label: [0x61]))
        used.reset()
        #expect(used.value == fresh.value)
        #expect(try used.encoded() == fresh.encoded())
    }

    // MARK: Overflow

    @Test func anOverflowingSumIsLeftAlone() throws {
        let aggregator = SumAggregator(configuration: NoParameters(), context: AggregationContext(number: .int))
        var state = SumAggregator.State(total: ExactDecimal(units: .max, scale: 0))
        let before = state
        let one = ExactDecimal(units: 1, scale: 0)
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(number: one), to: &state) }
        #expect(throws: AggregatorError.overflow) { try aggregator.merge(.init(total: one), into: &state) }
        #expect(state == before)
    }

    /// Neither the total nor the count moves, whichever of them has no room.
    @Test func anOverflowingAverageIsLeftAlone() throws {
        let aggregator = AverageAggregator(configuration: NoParameters(), context: AggregationContext(number: .int))
        let one = ExactDecimal(units: 1, scale: 0)
        for before in [
            AverageAggregator.State(total: ExactDecimal(units: .max, scale: 0), count: 1),
            AverageAggregator.State(total: one, count: .max),
        ] {
            var state = before
            #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(number: one), to: &state) }
            #expect(state == before)
        }
    }

    @Test func anOverflowingCountIsLeftAlone() throws {
        let aggregator = CountAggregator(configuration: NoParameters(), context: AggregationContext(number: .int))
        var state = CountAggregator.State(count: .max)
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(number: .zero(.int)), to: &state) }
        #expect(state.count == .max)
    }
}
