import BrokerWire
import Testing

@testable import BrokerAggregation

/// The way of windows to the store and back.
@Suite("Stored windows") struct WindowStorageTests {
    /// A plan to try everything with.
    struct Setup: Sendable, CustomStringConvertible {
        var aggregator: String
        var kind: String
        var grace: UInt64
        var late: WindowedAccumulator.Plan.Late = .drop
        var empty: WindowedAccumulator.Plan.Empty = .skip

        var description: String { "\(self.aggregator), \(self.kind), grace \(self.grace), \(self.late), \(self.empty)" }

        func make() throws(AggregatorError) -> WindowedAccumulator {
            let shape: WindowShape =
                switch self.kind {
                case "tumbling": try .tumbling(size: 1000)
                // Its clocks go back by 400 ms on the way.
                case "zone":
                    try .tumbling(
                        size: 1000,
                        alignment: WindowAlignment(identifier: "Zone") { $0 < 1_010_300 ? 700 : 300 }
                    )
                case "hopping": try .hopping(size: 4000, every: 1000)
                default: try .sliding(size: 4000, resolution: 500)
                }
            return try Windows.make(
                self.aggregator,
                shape,
                grace: self.grace,
                late: self.late,
                empty: self.empty
            )
        }
    }

    static let setups = ["tumbling", "zone", "hopping", "sliding"].flatMap { kind in
        [
            Setup(aggregator: "sum", kind: kind, grace: 0),
            Setup(aggregator: "sum", kind: kind, grace: 1200, empty: .zero),
            Setup(aggregator: "max", kind: kind, grace: 700, late: .current, empty: .last),
            Setup(aggregator: "distinct", kind: kind, grace: 3000, late: .current, empty: .null),
        ]
    }

    /// What random runs are made of: now and then a number so large that there is no room beside it.
    private static func number(_ random: inout SeededGenerator) -> Int128 {
        random.chance(10) ? random.pick([.max, -.max, .max / 2, -(.max / 2)]) : Int128(random.below(200)) - 100
    }

    private static func sample(_ random: inout SeededGenerator, _ now: UInt64, _ offset: UInt64) -> Sample {
        let time = now - UInt64(random.below(3500)) + UInt64(random.below(1500))
        var sample = Windows.sample(Self.number(&random), time, accepted: now, offset: offset)
        sample.label = Array("\(random.below(30))".utf8)
        return sample
    }

    private static func outcome(_ window: WindowedAccumulator, _ sample: Sample) -> String {
        do throws(AggregatorError) { try window.add(sample) } catch { return "\(error)" }
        return "taken"
    }

    /// One goes on; the other one is made from what the first one stored, at every moment, and they never differ.
    @Test(arguments: setups)
    func aRestartChangesNothing(setup: Setup) throws {
        for seed in UInt64(0)..<5 {
            var random = SeededGenerator(seed: seed)
            let live = try setup.make()
            var other = try setup.make()
            var now: UInt64 = 1_000_000
            for offset in UInt64(1)...250 {
                now += UInt64(random.below(random.chance(5) ? 9000 : 250))
                if random.chance(80) { #expect(live.steps(at: now) == other.steps(at: now)) }
                let sample = Self.sample(&random, now, offset)
                #expect(Self.outcome(live, sample) == Self.outcome(other, sample))
                if random.chance(1) { for window in [live, other] { window.reset() } }
                #expect(live.told == other.told)
                #expect(live.running == other.running)
                #expect(live.closed == other.closed)
                #expect(live.deadline == other.deadline)
                let bytes = try live.encoded()
                #expect(try other.encoded() == bytes, "seed \(seed)")
                if random.chance(50) { other = try live.restored() }
                if random.chance(10) {
                    let copy = try #require(live.copy() as? WindowedAccumulator)
                    other = copy
                    #expect(copy.told == live.told)
                }
            }
        }
    }

    /// With sums of all that was taken, and a restart in the middle.
    @Test(arguments: [UInt64(0), 2000])
    func noSampleIsLostOrCountedTwice(grace: UInt64) throws {
        var random = SeededGenerator(seed: 9)
        var window = try Windows.make("sum", try .tumbling(size: 1000), grace: grace)
        var (taken, told): (Int128, Int128) = (0, 0)
        var now: UInt64 = 1_700_000_000_000
        func add(_ steps: [WindowStep]) {
            for case .closed(let value) in steps { told += value.value.primaryNumber?.units ?? 0 }
        }
        for offset in UInt64(1)...100_000 {
            now += UInt64(random.below(20))
            add(window.steps(at: now))
            let time = now - UInt64(random.below(5000)) + UInt64(random.below(3000))
            let sample = Windows.sample(Int128(random.below(2000)) - 1000, time, accepted: now, offset: offset)
            if window.takes(sample) { taken += sample.number.units }
            if offset == 50_000 { window = try window.restored() }
        }
        let open = window.open.compactMap(\.state.value.primaryNumber).reduce(Int128(0)) { $0 + $1.units }
        #expect(window.open.count > 1)
        #expect(told + open == taken)
        add(window.steps(at: now + 10_000))
        #expect(told == taken)
    }

    @Test(arguments: setups)
    func whatIsTakenBackLeavesNoTrace(setup: Setup) throws {
        for seed in UInt64(0)..<5 {
            var random = SeededGenerator(seed: seed)
            let window = try setup.make()
            var now: UInt64 = 1_000_000
            for offset in UInt64(1)...250 {
                now += UInt64(random.below(random.chance(5) ? 9000 : 250))
                if random.chance(70) { _ = window.steps(at: now) }
                let (before, told) = (try window.encoded(), window.told)
                let sample = Self.sample(&random, now, offset)
                let undo = window.undo(of: sample)
                let isTaken = window.takes(sample)
                if !isTaken { #expect(try window.encoded() == before) }
                guard !isTaken || random.chance(50) else { continue }
                // What is written in between is remembered.
                if random.chance(50) { _ = try window.encoded() }
                undo()
                #expect(try window.encoded() == before, "seed \(seed)")
                #expect(window.told == told, "seed \(seed)")
            }
        }
    }

    @Test func twoThatWereTakenBackInTurnLeaveNoTrace() throws {
        let window = try Windows.make("sum", try .sliding(size: 4000, resolution: 500))
        for time in [UInt64(1000), 2000, 3000] { try window.add(Windows.sample(1, time)) }
        let before = try window.encoded()
        var undos: [() -> Void] = []
        for time in [UInt64(6000), 5900, 6100, 6000] {
            let sample = Windows.sample(10, time, accepted: 6000)
            undos.append(window.undo(of: sample))
            try window.add(sample)
        }
        for undo in undos.reversed() { undo() }
        #expect(try window.encoded() == before)
        #expect(window.number == 3)
    }

    /// Damages the stored form in many ways. What is still accepted can be used and has no other form.
    @Test(arguments: setups)
    func damagedBytesAreRefusedOrUsable(setup: Setup) throws {
        var random = SeededGenerator(seed: 4)
        var accepted = 0
        for round in 0..<600 {
            if round % 150 == 0 { random = SeededGenerator(seed: UInt64(round)) }
            let valid = try Self.filled(setup, count: 5 + round % 60)
            var bytes = try valid.encoded()
            switch random.below(5) {
            case 0: bytes.removeLast(min(bytes.count, random.below(4) + 1))
            case 1: bytes += random.bytes(random.below(4) + 1)
            case 2: bytes = random.bytes(random.below(60))
            default:
                for _ in 0...random.below(3) {
                    let byte = random.pick([0, 1, 2, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())])
                    bytes[random.below(bytes.count)] = byte
                }
            }
            let window = try setup.make()
            do throws(AggregatorError) { try window.restore(bytes, version: 1) } catch { continue }
            accepted += 1
            // A state of an older version is written in the newest one.
            if setup.aggregator != "max" { #expect(try window.encoded() == bytes) }
            #expect(try window.restored().encoded() == (try window.encoded()))
            Self.use(window)
        }
        #expect(accepted > 0)
    }

    private static func filled(_ setup: Setup, count: Int) throws -> WindowedAccumulator {
        var random = SeededGenerator(seed: UInt64(count))
        let window = try setup.make()
        var now: UInt64 = 1_000_000
        for offset in 1...count {
            now += UInt64(random.below(400))
            _ = window.steps(at: now)
            var sample = Self.sample(&random, now, UInt64(offset))
            sample.number.units = Int128(random.below(100))
            _ = window.takes(sample)
        }
        return window
    }

    /// Everything that can be done; a trap ends the process.
    private static func use(_ window: WindowedAccumulator) {
        for time in [UInt64(0), 1_001_000, 1 << 40, WindowShape.timeMax, .max] {
            _ = (window.told, window.running, window.closed, window.deadline, window.memory)
            let sample = Windows.sample(1, time)
            let undo = window.undo(of: sample)
            if window.takes(sample), time == 1_001_000 { undo() }
            var count = 0
            while window.step(at: time) != nil, count < 3000 { count += 1 }
            #expect(count < 3000, "it steps for ever")
        }
        _ = window.copy().value
    }

    @Test func anotherVersionIsRefused() throws {
        let window = try Windows.make("sum", try .tumbling(size: 1000))
        #expect(throws: AggregatorError.stateVersion(found: 2, supported: 1)) {
            try window.restore(try window.encoded(), version: 2)
        }
    }

    @Test func windowsOfAnotherRuleAreRefused() throws {
        let window = try Windows.make("sum", try .tumbling(size: 1000))
        let others = [
            try Windows.make("sum", try .tumbling(size: 2000)), try Windows.make("max", try .tumbling(size: 1000)),
            try BuiltInRules.factory("sum").makeAccumulator(),
        ]
        for other in others { #expect(throws: AggregatorError.self) { try window.assign(other) } }
        let same = try Windows.make("sum", try .tumbling(size: 1000), grace: 500)
        try same.add(Windows.sample(7, 5000))
        try window.assign(same)
        #expect(window.number == 7)
        #expect(throws: AggregatorError.stateCorrupt("windows do not merge")) { try window.merge(same) }
    }

    /// A stored pane takes its bytes and a few more, and one of them is encoded once.
    @Test func aStateIsAsLongAsItsPanes() throws {
        let window = try Windows.make("sum", try .sliding(size: 60_000))
        for index in UInt64(0)..<600 {
            _ = window.steps(at: 1_700_000_000_000 + index * 1000)
            try window.add(Windows.sample(1, 1_700_000_000_000 + index * 1000))
        }
        #expect(window.number == 60)
        #expect(try window.encoded().count < 60 * 30)
    }
}
