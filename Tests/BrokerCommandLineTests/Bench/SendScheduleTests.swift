import Testing

@testable import BrokerCommandLine

@Suite("Schedule of sends")
struct SendScheduleTests {
    /// Sends all that is due at `now`; returns when that was to be sent.
    private func send(_ schedule: inout SendSchedule, at now: UInt64) -> [UInt64] {
        var times: [UInt64] = []
        while let intended = schedule.due(at: now) {
            schedule.send(intended: intended)
            times.append(intended)
        }
        return times
    }

    @Test func aWindowIsFilledAtOnceAndThenByAnswers() {
        var schedule = SendSchedule(pace: .window(3), goal: .messages(5), start: 100, warmUp: 0)
        #expect(schedule.due(at: 99) == nil)
        #expect(schedule.nextDue(after: 99) == 100)
        #expect(self.send(&schedule, at: 100) == [100, 100, 100])
        #expect(schedule.nextDue(after: 100) == nil)
        schedule.answer()
        #expect(self.send(&schedule, at: 107) == [107])
        schedule.answer()
        schedule.answer()
        #expect(self.send(&schedule, at: 109) == [109])
        #expect(schedule.isFinished(at: 109))
        #expect(schedule.unanswered == 2)
    }

    @Test func aRateIsKeptWhateverIsAnswered() {
        var schedule = SendSchedule(
            pace: .rate(1e9, place: 0, of: 1),
            goal: .duration(10),
            start: 100,
            warmUp: 0
        )
        #expect(self.send(&schedule, at: 102) == [100, 101, 102])
        #expect(schedule.nextDue(after: 102) == 103)
        #expect(schedule.unanswered == 3)
    }

    /// After a stall everything that was due is sent, under the time at which it was due.
    @Test func aStallIsSeenByEveryPublishThatItDelays() {
        var schedule = SendSchedule(
            pace: .rate(1000, place: 0, of: 1),
            goal: .duration(5_000_000),
            start: 0,
            warmUp: 0
        )
        #expect(self.send(&schedule, at: 0) == [0])
        #expect(schedule.overdue(at: 4_500_000) == 4)
        #expect(self.send(&schedule, at: 4_500_000) == [1_000_000, 2_000_000, 3_000_000, 4_000_000])
        #expect(schedule.overdue(at: 4_500_000) == 0)
        #expect(schedule.isFinished(at: 4_500_000))
    }

    @Test func whatWasDueBeforeTheEndIsSentAfterIt() {
        var schedule = SendSchedule(
            pace: .rate(1000, place: 0, of: 1),
            goal: .duration(3_000_000),
            start: 0,
            warmUp: 0
        )
        #expect(!schedule.isFinished(at: 60_000_000))
        #expect(schedule.overdue(at: 60_000_000) == 3)
        #expect(self.send(&schedule, at: 60_000_000) == [0, 1_000_000, 2_000_000])
        #expect(schedule.isFinished(at: 60_000_000))
        #expect(schedule.nextDue(after: 60_000_000) == nil)
    }

    @Test(arguments: [1, 2, 3, 7])
    func publishersShareARateInTurns(count: Int) {
        var times: [UInt64] = []
        for place in 0..<count {
            var schedule = SendSchedule(
                pace: .rate(1000, place: place, of: count),
                goal: .duration(50_000_000),
                start: 1000,
                warmUp: 0
            )
            #expect(schedule.overdue(at: 1000 + 20_000_000) == (21 - place + count - 1) / count)
            times += self.send(&schedule, at: .max / 2)
        }
        #expect(times.sorted() == (0..<50).map { 1000 + UInt64($0) * 1_000_000 })
    }

    @Test func theWarmUpIsSentAndDoesNotCount() {
        var schedule = SendSchedule(
            pace: .rate(1e9, place: 0, of: 1),
            goal: .messages(2),
            start: 0,
            warmUp: 3
        )
        #expect(self.send(&schedule, at: 100) == [0, 1, 2, 3, 4])
        #expect(schedule.sent == 5)
        #expect(schedule.measured == 2)
        #expect(schedule.overdue(at: 100) == 0)
        #expect(!schedule.isMeasured(2))
        #expect(schedule.isMeasured(3))
    }

    @Test func whoIsStoppedSendsNoMoreAndWaitsForItsAnswers() {
        var schedule = SendSchedule(pace: .window(2), goal: .duration(1000), start: 0, warmUp: 0)
        #expect(self.send(&schedule, at: 0).count == 2)
        schedule.stop()
        schedule.answer()
        #expect(schedule.due(at: 1) == nil)
        #expect(schedule.isFinished(at: 1))
        #expect(schedule.unanswered == 1)
    }

    @Test func aPublisherWithoutAShareSendsNothing() {
        let schedule = SendSchedule(pace: .window(2), goal: .messages(0), start: 0, warmUp: 100)
        #expect(schedule.due(at: 0) == nil)
        #expect(schedule.isFinished(at: 0))
    }
}
