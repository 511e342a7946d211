import BrokerWire
import Testing

@testable import BrokerAggregation

/// Windows side by side.
@Suite("Tumbling windows") struct WindowTumblingTests {
    private static func sums(
        grace: UInt64 = 0,
        late: WindowedAccumulator.Plan.Late = .drop,
        empty: WindowedAccumulator.Plan.Empty = .skip,
        tellsChanges: Bool = true
    ) throws -> WindowedAccumulator {
        try Windows.make(
            "sum",
            try .tumbling(size: 1000),
            grace: grace,
            late: late,
            empty: empty,
            tellsChanges: tellsChanges
        )
    }

    @Test(arguments: [UInt64(0), 500])
    func aWindowClosesAtItsEndAndNotBefore(grace: UInt64) throws {
        let window = try Self.sums(grace: grace)
        #expect(window.deadline == nil)
        try window.add(Windows.sample(3, 5000))
        try window.add(Windows.sample(4, 5999))
        #expect(window.deadline == 6000 + grace)
        #expect(window.step(at: 5999 + grace) == nil)
        #expect(
            window.told
                == WindowValue(value: .number(.init(units: 7, scale: 0)), start: 5000, end: 6000, isFinal: false)
        )
        #expect(window.steps(at: 6000 + grace) == [Windows.closed(7, 5000, 6000)])
        #expect(window.deadline == nil)
        #expect(window.running == nil)
        #expect(window.told == window.closed)
        #expect(window.number == 7)
    }

    @Test func whatBelongsToTheNextWindowIsInIt() throws {
        let window = try Self.sums()
        try window.add(Windows.sample(1, 5999))
        #expect(window.steps(at: 6000) == [Windows.closed(1, 5000, 6000)])
        try window.add(Windows.sample(2, 6000))
        #expect(window.running?.start == 6000)
        #expect(window.closed?.end == 6000)
        #expect(window.number == 2)
    }

    @Test func samplesOutOfOrderAreInTheirWindows() throws {
        let window = try Self.sums(grace: 2000)
        let times: [(Int128, UInt64)] = [(1, 7500), (10, 5500), (100, 6500), (1000, 5999), (10_000, 7000)]
        for (number, time) in times { try window.add(Windows.sample(number, time, accepted: 7500)) }
        #expect(window.running?.start == 5000)
        let expected = [
            Windows.closed(1010, 5000, 6000), Windows.closed(100, 6000, 7000), Windows.closed(10_001, 7000, 8000),
        ]
        #expect(window.steps(at: 9999) == Array(expected[..<2]))
        #expect(window.steps(at: 10_000) == [expected[2]])
    }

    @Test func aSampleIsLateWhenItsWindowHasClosedAndNotBefore() throws {
        let window = try Self.sums(grace: 500)
        try window.add(Windows.sample(1, 5000))
        _ = window.steps(at: 6499)
        try window.add(Windows.sample(2, 5999, accepted: 6499))
        #expect(window.steps(at: 6500) == [Windows.closed(3, 5000, 6000)])
        let before = try window.encoded()
        #expect(throws: AggregatorError.late) { try window.add(Windows.sample(4, 5999, accepted: 6500)) }
        #expect(try window.encoded() == before)
        try window.add(Windows.sample(8, 6000, accepted: 6500))
        #expect(window.number == 8)
    }

    @Test func aLateSampleMayGoIntoTheWindowOfItsArrival() throws {
        let window = try Self.sums(late: .current)
        try window.add(Windows.sample(1, 5000))
        _ = window.steps(at: 6000)
        try window.add(Windows.sample(2, 5500, accepted: 7100))
        #expect(window.running?.start == 7000)
        // By a clock that was set back it would be of the window that has closed.
        try window.add(Windows.sample(4, 5500, accepted: 5600))
        #expect(window.running?.start == 6000)
        #expect(window.steps(at: 8000) == [Windows.closed(4, 6000, 7000), Windows.closed(2, 7000, 8000)])
    }

    @Test func aClosedWindowStaysClosedWhenTimeGoesBack() throws {
        let window = try Self.sums()
        try window.add(Windows.sample(1, 5000))
        _ = window.steps(at: 6000)
        #expect(window.step(at: 5000) == nil)
        #expect(throws: AggregatorError.late) { try window.add(Windows.sample(2, 5500)) }
        window.reset()
        #expect(window.told == nil)
        #expect(throws: AggregatorError.late) { try window.add(Windows.sample(2, 5500)) }
        try window.add(Windows.sample(4, 6000))
        #expect(window.number == 4)
    }

    @Test func onlyClosedWindowsAreToldWhereThatIsAskedFor() throws {
        let window = try Self.sums(tellsChanges: false)
        try window.add(Windows.sample(1, 5000))
        #expect(window.told == nil)
        #expect(window.running != nil)
        _ = window.steps(at: 6000)
        try window.add(Windows.sample(2, 6000))
        #expect(window.number == 1)
    }

    // MARK: Windows without samples

    @Test(arguments: [
        (WindowedAccumulator.Plan.Empty.zero, #"0"#), (.last, "7"), (.null, "null"),
    ])
    func aWindowWithoutSamplesIsToldAsAskedFor(empty: WindowedAccumulator.Plan.Empty, json: String) throws {
        let window = try Self.sums(empty: empty)
        #expect(window.deadline == nil)
        #expect(window.step(at: 100_000) == nil)
        try window.add(Windows.sample(7, 5000))
        #expect(window.steps(at: 6000) == [Windows.closed(7, 5000, 6000)])
        for end in [UInt64(7000), 8000] {
            #expect(window.deadline == end)
            #expect(window.step(at: end - 1) == nil)
            let value = try #require(Self.value(window.step(at: end)))
            #expect(value.value.json == json)
            #expect((value.start, value.end, value.isFinal) == (end - 1000, end, true))
            #expect(window.value.json == json)
            #expect(try window.restored().closed == value)
        }
    }

    @Test func aNightOfSilenceIsOneMessage() throws {
        let window = try Self.sums(grace: 100, empty: .zero)
        try window.add(Windows.sample(7, 5000))
        let steps = window.steps(at: 90_000_099)
        #expect(steps == [Windows.closed(7, 5000, 6000), Windows.closed(0, 89_998_000, 89_999_000)])
        #expect(window.deadline == 90_000_100)
        try window.add(Windows.sample(1, 90_000_001))
        #expect(window.steps(at: 90_000_100) == [Windows.closed(0, 89_999_000, 90_000_000)])
        #expect(window.running?.start == 90_000_000)
    }

    @Test func windowsWithSamplesAreNotSkipped() throws {
        let window = try Self.sums(grace: 5000, empty: .zero)
        for time in [UInt64(1000), 4500, 9000] { try window.add(Windows.sample(1, time)) }
        let ends = window.steps(at: 30_500).compactMap { Self.value($0)?.end }
        #expect(ends == [2000, 5000, 10_000, 25_000])
    }

    private static func value(_ step: WindowStep?) -> WindowValue? {
        guard case .closed(let value)? = step else { return nil }
        return value
    }

    // MARK: Limits

    @Test func whatHasNoRoomIsRefusedAndChangesNothing() throws {
        let window = try Self.sums()
        let before = try window.encoded()
        #expect(throws: AggregatorError.input(why: "bad_time", reason: "the sample is beyond all windows")) {
            try window.add(Windows.sample(1, WindowShape.timeMax + 1))
        }
        #expect(try window.encoded() == before)
        try window.add(Windows.sample(.max, 5000))
        let full = try window.encoded()
        #expect(throws: AggregatorError.overflow) { try window.add(Windows.sample(1, 5000)) }
        #expect(try window.encoded() == full)
        try window.add(Windows.sample(1, 6000))
    }

    /// Grace and skew allow 5 seconds, and three windows go beside.
    @Test func asManyWindowsAreOpenAsThereCanBeAndNotMore() throws {
        let window = try Self.sums()
        for index in UInt64(0)..<8 { try window.add(Windows.sample(1, 5000 + index * 1000, accepted: 5000)) }
        #expect(throws: AggregatorError.self) { try window.add(Windows.sample(1, 13_000, accepted: 5000)) }
        try window.add(Windows.sample(1, 12_999, accepted: 5000))
        #expect(window.steps(at: 6000).count == 1)
        try window.add(Windows.sample(1, 13_000, accepted: 6000))
    }

    @Test func theLastInstantHasAWindowThatCanBeStored() throws {
        let window = try Self.sums(empty: .zero)
        try window.add(Windows.sample(1, WindowShape.timeMax))
        #expect(try window.restored().number == 1)
        _ = window.steps(at: .max)
        #expect(try window.restored().told == window.told)
    }

    @Test func memoryIsThatOfThePanes() throws {
        let window = try Self.sums()
        #expect(window.memory < 100)
        for index in UInt64(0)..<8 { try window.add(Windows.sample(1, 5000 + index * 1000, accepted: 5000)) }
        #expect(window.memory >= 8 * 16)
    }
}
