import BrokerWire
import Testing

@testable import BrokerAggregation

/// One window that moves with time.
@Suite("Sliding windows") struct WindowSlidingTests {
    private static let shape = Result { try WindowShape.sliding(size: 6000, resolution: 1000) }

    @Test func aPaneLeavesWhenItsStartIsTooLongAgo() throws {
        let window = try Windows.make("sum", try Self.shape.get())
        try window.add(Windows.sample(1, 5500))
        try window.add(Windows.sample(2, 8000))
        #expect(window.deadline == 11_000)
        #expect(window.step(at: 10_999) == nil)
        #expect(window.number == 3)
        #expect(window.told.map { [$0.start, $0.end] } == [3000, 9000])
        #expect(window.steps(at: 11_000) == [.moved])
        #expect(window.number == 2)
        #expect(window.told.map { [$0.start, $0.end] } == [6000, 12_000])
        #expect(window.deadline == 14_000)
        #expect(window.closed == nil)
    }

    @Test(arguments: [("sum", "0"), ("count", "0"), ("avg", "null"), ("max", "null")])
    func whenAllHasLeftTheValueIsThatOfNothing(aggregator: String, json: String) throws {
        let window = try Windows.make(aggregator, try Self.shape.get())
        #expect(window.told == nil)
        try window.add(Windows.sample(1, 5500))
        #expect(window.steps(at: 20_500) == [.moved])
        #expect(window.told?.value.json == json)
        #expect(window.told?.end == 21_000)
        #expect(window.deadline == nil)
        #expect(try window.restored().told == window.told)
        window.reset()
        #expect(window.told == nil)
    }

    /// What a sum that adds and subtracts gets wrong: 1e20 + 1 - 1e20 is 0 in doubles.
    @Test func whatHasLeftLeavesNoTrace() throws {
        let inner = try AggregatorRegistry.builtIn.factory(name: "sum", context: AggregationContext(number: .decimal))
        let plan = try WindowedAccumulator.Plan(inner: inner, shape: try Self.shape.get())
        let window = WindowedAccumulator(plan)
        for (text, time) in [("1e20", UInt64(1000)), ("1", 3000)] {
            try window.add(Sample(number: try ExactDecimal(text, as: .decimal), timestamp: time, offset: time))
        }
        #expect(window.value.json == "100000000000000000001")
        #expect(window.steps(at: 7000) == [.moved])
        #expect(window.value.json == "1")
    }

    @Test func theHighestGoesDownWhenItLeaves() throws {
        let window = try Windows.make("max", try Self.shape.get())
        for (number, time) in [(Int128(9), UInt64(1000)), (5, 2000), (7, 3000)] {
            try window.add(Windows.sample(number, time))
        }
        #expect(window.number == 9)
        _ = window.steps(at: 7000)
        #expect(window.number == 7)
        _ = window.steps(at: 9000)
        #expect(window.value == .none)
    }

    /// Against a fold of the samples that were taken and whose pane has not left.
    @Test(arguments: ["sum", "max", "avg", "count"], [UInt64(0), 700, 5500])
    func itIsAlwaysWhatAFoldOfItsSamplesIs(aggregator: String, grace: UInt64) throws {
        for seed in UInt64(0)..<15 {
            var random = SeededGenerator(seed: seed)
            let window = try Windows.make(aggregator, try Self.shape.get(), grace: grace)
            var taken: [Sample] = []
            var (now, lateCount): (UInt64, Int) = (1_000_000, 0)
            for offset in UInt64(1)...400 {
                now += UInt64(random.below(random.chance(3) ? 9000 : 300))
                if random.chance(70) { _ = window.steps(at: now) }
                let time = now - UInt64(random.below(8000)) + UInt64(random.below(3000))
                let sample = Windows.sample(Int128(random.below(200)) - 100, time, accepted: now, offset: offset)
                let paneEnd = (time / 1000 + 1) * 1000
                if window.takes(sample) {
                    taken.append(sample)
                } else {
                    lateCount += 1
                    #expect(paneEnd + grace <= now || paneEnd + 5000 <= now, "seed \(seed)")
                }
                _ = window.steps(at: now)
                let inWindow = taken.filter { $0.time / 1000 * 1000 + 6000 > now }
                guard !taken.isEmpty else { continue }
                #expect(window.value == (try Windows.fold(aggregator, inWindow)), "seed \(seed)")
                let oldest = inWindow.map { $0.time / 1000 * 1000 + 6000 }.min()
                #expect(window.deadline == oldest, "seed \(seed)")
            }
            #expect(lateCount > 10)
        }
    }

    @Test func aSampleIsLateWhenItsPaneTakesNoMoreAndNotBefore() throws {
        let window = try Windows.make("sum", try Self.shape.get(), grace: 500)
        try window.add(Windows.sample(1, 5000))
        #expect(window.step(at: 6499) == nil)
        try window.add(Windows.sample(2, 5999, accepted: 6499))
        #expect(window.step(at: 6500) == nil)
        #expect(throws: AggregatorError.late) { try window.add(Windows.sample(4, 5999, accepted: 6500)) }
        #expect(window.number == 3)
    }

    /// It would be told for as long as nobody steps, although it is too long ago.
    @Test func aSampleThatHasLeftAlreadyIsLate() throws {
        let window = try Windows.make("sum", try Self.shape.get())
        try window.add(Windows.sample(1, 5000, accepted: 10_999))
        let other = try Windows.make("sum", try Self.shape.get())
        #expect(throws: AggregatorError.late) { try other.add(Windows.sample(1, 5999, accepted: 11_000)) }
        let current = try Windows.make("sum", try Self.shape.get(), late: .current)
        try current.add(Windows.sample(1, 5999, accepted: 11_000))
        #expect(current.deadline == 17_000)
    }

    /// A host that only steps at the deadline still has few panes open, and stores none that have left.
    @Test func samplesAloneMoveTheWindowToo() throws {
        let window = try Windows.make("sum", try Self.shape.get())
        for index in UInt64(0)..<100 {
            try window.add(Windows.sample(1, 50_000 + index * 500))
            #expect(window.open.count <= 2)
            #expect(try window.restored().number == window.number)
        }
        #expect(window.number == 12)
    }

    /// The clock at which samples are accepted is an hour behind that of the windows.
    @Test func aClockThatWasSetBackKeepsNoPanesOpen() throws {
        let window = try Windows.make("sum", try WindowShape.sliding(size: 60_000))
        for index in UInt64(0)..<300 {
            let time = 7_200_000 + index * 200
            try window.add(Windows.sample(1, time, accepted: time - 3_600_000))
            #expect(window.open.count <= 8)
        }
        #expect(window.number == 300)
    }

    @Test func aWindowWithoutRoomHasNoValueUntilItHasAgain() throws {
        let window = try Windows.make("sum", try Self.shape.get())
        for (number, time) in [(-Int128.max, UInt64(1000)), (.max, 2000), (.max, 3000), (-3, 4000)] {
            try window.add(Windows.sample(number, time))
        }
        #expect(window.value == .number(ExactDecimal(units: .max - 3, scale: 0)))
        #expect(window.steps(at: 7000) == [.moved])
        #expect(window.value == .none)
        #expect(throws: AggregatorError.overflow) { try window.add(Windows.sample(1, 7000)) }
        #expect(try window.restored().value == .none)
        #expect(window.steps(at: 8000) == [.moved])
        #expect(window.value == .number(ExactDecimal(units: .max - 3, scale: 0)))
    }

    /// There is room for all of them, but not in the order of time.
    @Test func theOrderOfPanesDoesNotDecideWhetherThereIsRoom() throws {
        let window = try Windows.make("sum", try Self.shape.get(), grace: 5000)
        for (number, time) in [(-Int128.max, UInt64(3000)), (.max, 1000), (.max, 2000)] {
            try window.add(Windows.sample(number, time, accepted: 3000))
        }
        #expect(window.value == .number(ExactDecimal(units: .max, scale: 0)))
        #expect(try window.restored().value == window.value)
        #expect(throws: AggregatorError.overflow) { try window.restored().add(Windows.sample(1, 3000)) }
    }
}
