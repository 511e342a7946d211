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
                offset: UInt64(index + 1)
            )
        }
    }

    private static func check<A: Aggregator>(_ type: A.Type) throws
    where A.State: Equatable, A.Configuration == NoParameters {
        for seed in UInt64(0)..<300 {
            var random = SeededGenerator(seed: seed)
            let number = random.pick(NumberFormat.allCases)
            let samples = Self.samples(&random, number)
            let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
            let broken = try Laws<A>(number: number).brokenLaw(samples, cuts: (cuts[0], cuts[1]))
            if let broken { Issue.record("\(A.descriptor.name) breaks \(broken), seed \(seed)") }
        }
    }

    @Test func countKeepsTheLaws() throws { try Self.check(CountAggregator.self) }
    @Test func sumKeepsTheLaws() throws { try Self.check(SumAggregator.self) }
    @Test func minKeepsTheLaws() throws { try Self.check(MinimumAggregator.self) }
    @Test func maxKeepsTheLaws() throws { try Self.check(MaximumAggregator.self) }
    @Test func avgKeepsTheLaws() throws { try Self.check(AverageAggregator.self) }
    @Test func lastKeepsTheLaws() throws { try Self.check(LastAggregator.self) }

    /// Whatever the bytes, the answer is an error or a state that can be used.
    @Test(arguments: AggregatorRegistry.builtIn.descriptors.map(\.name))
    func strangeBytesNeverTrap(name: String) throws {
        var random = SeededGenerator(seed: 7)
        for number in NumberFormat.allCases {
            let factory = try AggregatorRegistry.builtIn.factory(
                name: name,
                parameters: Array("{}".utf8),
                number: number
            )
            for _ in 0..<2000 {
                var bytes = random.bytes(random.pick([0, 7, 8, 15, 16, 17, 24, 25, 32]))
                // The extreme values of the integers that a state is made of.
                if random.chance(50) { bytes = bytes.map { _ in 0 } }
                if random.chance(50), let last = bytes.indices.last { bytes[last] = 0x80 }
                if random.chance(30), bytes.count >= 16 { bytes[15] = 0x80 }
                let accumulator = factory.makeAccumulator()
                do throws(AggregatorError) {
                    try accumulator.restore(bytes, version: 1)
                } catch {
                    continue
                }
                _ = accumulator.value
                try? accumulator.add(Sample(number: .zero(number), offset: 1))
                _ = accumulator.value
            }
        }
    }

    /// Its magnitude has no room in the type, so that dividing it would trap.
    @Test(arguments: ["sum", "avg", "min", "max", "last"])
    func theOneNumberWithoutAnOppositeIsNoState(name: String) throws {
        var writer = StateWriter()
        writer.write(Int128.min)
        if name == "avg" || name == "last" { writer.write(Int64(1)) }
        let factory = try AggregatorRegistry.builtIn.factory(name: name, parameters: Array("{}".utf8), number: .int)
        #expect(throws: AggregatorError.stateCorrupt("a number out of range")) {
            try factory.makeAccumulator().restore(writer.bytes, version: 1)
        }
    }

    @Test(arguments: AggregatorRegistry.builtIn.descriptors.map(\.name))
    func aStateOfANewerVersionIsRefused(name: String) throws {
        let factory = try AggregatorRegistry.builtIn.factory(name: name, parameters: Array("{}".utf8), number: .int)
        let accumulator = factory.makeAccumulator()
        let bytes = try accumulator.encoded()
        #expect(throws: AggregatorError.stateVersion(found: 2, supported: 1)) {
            try accumulator.restore(bytes, version: 2)
        }
    }

    @Test(arguments: AggregatorRegistry.builtIn.descriptors.map(\.name))
    func aResetGoesBackToTheIdentity(name: String) throws {
        let factory = try AggregatorRegistry.builtIn.factory(name: name, parameters: Array("{}".utf8), number: .int)
        let (used, fresh) = (factory.makeAccumulator(), factory.makeAccumulator())
        try used.add(Sample(number: ExactDecimal(units: 5, scale: 0), offset: 1))
        used.reset()
        #expect(used.value == fresh.value)
        #expect(try used.encoded() == fresh.encoded())
    }

    // MARK: Overflow

    @Test func anOverflowingSumIsLeftAlone() throws {
        let aggregator = SumAggregator(configuration: NoParameters(), number: .int)
        var state = SumAggregator.State(total: ExactDecimal(units: .max, scale: 0))
        let before = state
        let one = ExactDecimal(units: 1, scale: 0)
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(number: one), to: &state) }
        #expect(throws: AggregatorError.overflow) { try aggregator.merge(.init(total: one), into: &state) }
        #expect(state == before)
    }

    /// Neither the total nor the count moves, whichever of them has no room.
    @Test func anOverflowingAverageIsLeftAlone() throws {
        let aggregator = AverageAggregator(configuration: NoParameters(), number: .int)
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
        let aggregator = CountAggregator(configuration: NoParameters(), number: .int)
        var state = CountAggregator.State(count: .max)
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(number: .zero(.int)), to: &state) }
        #expect(state.count == .max)
    }
}
