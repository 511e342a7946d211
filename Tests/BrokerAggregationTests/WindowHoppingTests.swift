import BrokerWire
import Testing

@testable import BrokerAggregation

/// Windows that share panes.
@Suite("Hopping windows") struct WindowHoppingTests {
    @Test func aPaneIsInAllWindowsThatItBelongsTo() throws {
        let window = try Windows.make("sum", try .hopping(size: 3000, every: 1000))
        try window.add(Windows.sample(1, 5500))
        #expect(window.running.map { [$0.start, $0.end] } == [3000, 6000])
        #expect(window.steps(at: 6000) == [Windows.closed(1, 3000, 6000)])
        #expect(window.deadline == 7000)
        #expect(window.running.map { [$0.start, $0.end] } == [4000, 7000])
        try window.add(Windows.sample(10, 7500))
        #expect(window.steps(at: 7999) == [Windows.closed(1, 4000, 7000)])
        #expect(window.number == 11)
        let expected = [
            Windows.closed(11, 5000, 8000), Windows.closed(10, 6000, 9000), Windows.closed(10, 7000, 10_000),
        ]
        #expect(window.steps(at: 20_000) == expected)
        #expect(window.deadline == nil)
    }

    @Test func theFirstWindowsBeginIn1970() throws {
        let window = try Windows.make("sum", try .hopping(size: 3000, every: 1000))
        try window.add(Windows.sample(1, 0))
        let expected = [Windows.closed(1, 0, 1000), Windows.closed(1, 0, 2000), Windows.closed(1, 0, 3000)]
        #expect(window.steps(at: 20_000) == expected)
    }

    /// Every window against a fold of the samples that were taken and lie in it.
    @Test(arguments: ["sum", "max", "avg"], [UInt64(0), 700, 2500])
    func everyWindowIsWhatAFoldOfItsSamplesIs(aggregator: String, grace: UInt64) throws {
        for seed in UInt64(0)..<15 {
            var random = SeededGenerator(seed: seed)
            let (every, panes) = (UInt64(1000), UInt64(1 + random.below(5)))
            let size = every * panes
            let window = try Windows.make(aggregator, try .hopping(size: size, every: every), grace: grace)
            var (taken, closed): ([Sample], [WindowValue]) = ([], [])
            var now: UInt64 = 1_000_000
            for offset in UInt64(1)...300 {
                now += UInt64(random.below(random.chance(5) ? 9000 : 300))
                for step in window.steps(at: now) {
                    guard case .closed(let value) = step else { continue }
                    #expect(value.end + grace <= now)
                    closed.append(value)
                }
                let time = now - UInt64(random.below(4000)) + UInt64(random.below(1500))
                let sample = Windows.sample(Int128(random.below(200)) - 100, time, accepted: now, offset: offset)
                let isLate = (time / every + 1) * every <= closed.last?.end ?? 0
                #expect(window.takes(sample) == !isLate, "seed \(seed)")
                if !isLate { taken.append(sample) }
                let isOpen = taken.contains { $0.time / every * every + size > closed.last?.end ?? 0 }
                #expect((window.running != nil) == isOpen, "seed \(seed)")
                guard let running = window.running else { continue }
                let inRunning = taken.filter { running.start <= $0.time && $0.time < running.end }
                #expect(running.value == (try Windows.fold(aggregator, inRunning)), "seed \(seed)")
            }
            for case .closed(let value) in window.steps(at: now + 100_000) { closed.append(value) }
            let starts = Set(taken.map { $0.time / every })
            let ends = Set(starts.flatMap { start in (1...panes).map { (start + $0) * every } })
            #expect(closed.map(\.end) == ends.sorted(), "seed \(seed)")
            for value in closed {
                let inWindow = taken.filter { value.end - size <= $0.time && $0.time < value.end }
                #expect(value.value == (try Windows.fold(aggregator, inWindow)), "seed \(seed)")
            }
        }
    }

    // MARK: Room

    @Test func aSampleForWhichItsFirstWindowHasNoRoomIsRefused() throws {
        let window = try Windows.make("sum", try .hopping(size: 3000, every: 1000), grace: 3000)
        try window.add(Windows.sample(.max, 5000))
        let before = try window.encoded()
        for time in [UInt64(5500), 6500, 7500] {
            #expect(throws: AggregatorError.overflow) { try window.add(Windows.sample(1, time)) }
        }
        #expect(try window.encoded() == before)
        try window.add(Windows.sample(1, 8500))
        try window.add(Windows.sample(-1, 7500))
        #expect(window.value == .number(ExactDecimal(units: .max, scale: 0)))
    }

    /// Each sample found room, but the second and the third have none without the first.
    @Test func aWindowThatLosesWhatMadeRoomClosesWithoutAValue() throws {
        let window = try Windows.make("sum", try .hopping(size: 3000, every: 1000))
        for (number, time) in [(-Int128.max, UInt64(5000)), (.max, 6000), (.max, 7000)] {
            _ = window.steps(at: time)
            try window.add(Windows.sample(number, time))
        }
        #expect(window.steps(at: 8000) == [Windows.closed(.max, 5000, 8000)])
        #expect(window.value == .none)
        #expect(throws: AggregatorError.overflow) { try window.add(Windows.sample(1, 8000)) }
        let lost = WindowValue(value: .none, start: 6000, end: 9000, isFinal: true)
        #expect(window.steps(at: 9000) == [.closed(lost)])
        #expect(try window.restored().closed == lost)
        try window.add(Windows.sample(-1, 9000))
        let behind = [Windows.closed(.max - 1, 7000, 10_000), Windows.closed(-1, 8000, 11_000)]
        #expect(window.steps(at: 11_000) == behind)
    }
}
