import ArgumentParser
import BrokerClient
import Testing

@testable import BrokerCommandLine

@Suite("wsbench's report")
struct BenchReportTests {
    /// A run of two publishes to one subscriber, one more in the warm-up, and one that was refused.
    private func result(_ arguments: [String]) throws -> BenchResult {
        let plan = try BenchCommand.parse(["--subscribers", "1"] + arguments).plan()
        let isScheduled = plan.pace.isRate
        var tally = BenchTally()
        let second: UInt64 = 1_000_000_000
        for (index, start) in [second / 2, second, 2 * second].enumerated() {
            let isMeasured = index > 0
            tally.sent(intended: start, at: start + 1000, isMeasured: isMeasured, isScheduled: isScheduled)
            tally.deliveredEvent(bytes: 128, intended: start, at: start + 300_000, isMeasured: isMeasured)
            let outcome = PublishOutcome.acknowledged(PublishAcknowledgement(offset: UInt64(index) + 1))
            tally.ended(outcome, intended: start, at: start + second, isMeasured: isMeasured)
        }
        let refusal = BrokerRefusal(number: 4004, name: "bad_value", reason: "no number", why: "not_a_number")
        tally.ended(.refused(refusal), intended: 0, at: second, isMeasured: true)
        var result = BenchResult(plan: plan, tally: tally, measuringStart: second)
        result.cores = 0.25
        return result
    }

    @Test func theTextHasWhatWasMeasuredAndNotTheWarmUp() throws {
        let text = BenchReport.text(of: try self.result(["--rate", "1"]))
        #expect(
            text == """
                1 publisher, 1 subscriber: events of 128 bytes to bench, 1.0 a second in all

                                     count   per second      payload
                published                2          1.0      128 B/s
                acknowledged             2          1.0
                delivered                2          2.0      256 B/s

                latency                p50          p99        p99.9          max
                acknowledged        1.00 s       1.00 s       1.00 s       1.00 s
                delivered           300 µs       300 µs       300 µs       300 µs
                sent late          1.00 µs      1.00 µs      1.00 µs      1.00 µs

                1 x 4004 bad_value: no number (not_a_number)
                2.00 s measured; wsbench used 0.25 of 1 core

                """
        )
    }

    @Test func theObjectHasTheSame() throws {
        let json = BenchReport.json(of: try self.result(["--window", "8"]))
        #expect(json.hasSuffix("}\n"))
        #expect(json.dropLast().contains("\n") == false)
        #expect(Array(json.utf8.dropLast()).withUnsafeBytes { JSONCheck.problem(in: $0) } == nil)
        for part in [
            #""url":"ws://127.0.0.1:8181","topic":"bench","topics":1,"publishers":1,"subscribers":1,"#,
            #""window":8,"rate":null,"durable":false,"mode":null,"warmUpSeconds":1.000,"seconds":2.000,"#,
            #""published":{"count":2,"perSecond":1.0,"bytesPerSecond":128.0,"unsent":0},"#,
            #""expected":2,"unmatched":0,"latencyMicroseconds":{"count":2,"p50":300.0,"p99":300.0,"#,
            #""lateMicroseconds":null,"#,
            #""errors":[{"code":4004,"name":"bad_value","count":1,"reason":"no number (not_a_number)"}],"#,
        ] {
            #expect(json.contains(part), "\(part) in \(json)")
        }
    }

    @Test func theStatusIsThatOfTheGravestFailure() throws {
        var result = try self.result([])
        #expect(result.status == .refused)
        result.interruption = .timeout
        #expect(result.status == .timeout)
        result.failure = .cannotConnect
        #expect(result.status == .cannotConnect)
        result = BenchResult(plan: result.plan, tally: BenchTally(), measuringStart: 0)
        #expect(result.status == .success)
        result.unanswered = 1
        #expect(result.status == .unknown)
        result.interruption = .signal
        #expect(result.status == .success)
    }

    @Test func anEventThatIsNotDeliveredIsMissing() throws {
        var tally = BenchTally()
        let plan = try BenchCommand.parse(["--subscribers", "2"]).plan()
        for outcome in [PublishAcknowledgement(offset: 1), PublishAcknowledgement(offset: 0, isApplied: false)] {
            tally.ended(.acknowledged(outcome), intended: 0, at: 1, isMeasured: true)
        }
        tally.deliveredEvent(bytes: 1, intended: 0, at: 1, isMeasured: true)
        let result = BenchResult(plan: plan, tally: tally, measuringStart: 0)
        #expect(result.expectedEvents == 2)
        #expect(result.missingEvents == 1)
        #expect(result.status == .runtime)
        #expect(BenchReport.text(of: result).contains("1 events not delivered"))
    }

    @Test func theProgressLineHasTheRatesSinceTheLastOne() {
        var tally = BenchTally()
        let before = tally
        for _ in 0..<1500 { tally.sent(intended: 0, at: 0, isMeasured: true, isScheduled: false) }
        tally.ended(.unknown, intended: 0, at: 0, isMeasured: true)
        let line = BenchReport.progress(tally, before: before, seconds: 0.5, elapsed: 2.5, isWarmUp: true)
        #expect(
            line
                == "   2.5 s    3,000 pub/s      2.0 ack/s      0.0 msg/s   1,499 in flight  1 error  (warm-up)"
        )
    }

    @Test func talliesAddUp() {
        var (one, other, both) = (BenchTally(), BenchTally(), BenchTally())
        for (index, time) in [UInt64(5), 7, 11, 300].enumerated() {
            func count(_ tally: inout BenchTally) {
                tally.sent(intended: 0, at: time, isMeasured: true, isScheduled: true)
                tally.ended(.acknowledged(.init(offset: 1)), intended: 0, at: time, isMeasured: true)
                tally.ended(.unknown, intended: 0, at: time, isMeasured: true)
                tally.deliveredValue(bytes: 3, at: time, isMeasured: true)
                tally.aged(intended: 1, at: time)
            }
            if index < 2 { count(&one) } else { count(&other) }
            count(&both)
        }
        one += other
        #expect(one == both)
        #expect(one.outcomes.status == .unknown)
    }
}
