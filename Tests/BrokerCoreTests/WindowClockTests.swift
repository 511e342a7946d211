import Testing

@testable import BrokerCore

@Suite("The windows' clock")
struct WindowClockTests {
    private static let second: UInt64 = 1_000_000_000

    /// What the clock says at steps of the two others, in milliseconds of each.
    private func times(_ steps: [(monotonic: UInt64, wall: UInt64)]) -> [UInt64] {
        var clock = WindowClock(at: BrokerTime(monotonic: 0, wall: 10_000_000))
        return steps.map { clock.time(at: BrokerTime(monotonic: $0.monotonic * 1_000_000, wall: $0.wall)) }
    }

    @Test func itIsTheWallClock() {
        #expect(self.times([(1000, 10_001_000), (2000, 10_002_000)]) == [10_001_000, 10_002_000])
    }

    @Test func itGoesAlongWhenTheWallClockJumpsAhead() {
        #expect(self.times([(1, 13_600_000), (1001, 13_601_000)]) == [13_600_000, 13_601_000])
    }

    @Test func itGoesOnWhenTheWallClockIsSetBackAndMeetsItAgain() {
        let times = self.times([(1000, 6_401_000), (2000, 6_402_000), (3000, 10_003_500), (4000, 10_004_500)])
        #expect(times == [10_001_000, 10_002_000, 10_003_500, 10_004_500])
    }

    /// Less than a second is an adjustment, at the limit; one past it the clock is set back.
    @Test func itWaitsForASmallAdjustment() {
        #expect(self.times([(5000, 10_004_000), (6000, 10_005_000)]) == [10_004_000, 10_005_000])
        #expect(self.times([(5000, 10_003_999)]) == [10_005_000])
    }

    /// It is asked many times within a millisecond and must not lose the time in between.
    @Test func itLosesNoTime() {
        var clock = WindowClock(at: BrokerTime(monotonic: 0, wall: 10_000_000))
        var time: UInt64 = 0
        for step in 1...100_000 {
            time = clock.time(at: BrokerTime(monotonic: UInt64(step) * 300_000, wall: 5_000_000))
        }
        #expect(time == 10_030_000)
    }
}
