import BrokerTestKit
import Testing

/// Thousands of random runs against a model: nothing is lost, doubled, out of order or told too early.
@Suite struct ScheduleTests {
    /// A failure names its seed; run that one alone to find out more.
    @Test(arguments: 0..<8)
    func everyScheduleKeepsThePromises(shard: UInt64) async throws {
        for seed in shard * 400..<(shard + 1) * 400 {
            // It computes for long, and others wait for its thread.
            await Task.yield()
            let schedule = try Schedule(seed: seed)
            schedule.run(steps: 80)
            if let problem = schedule.problems.first {
                Issue.record("seed \(seed): \(problem)\n\(schedule.trace.joined(separator: "\n"))")
                return
            }
        }
    }

    @Test func theSameScheduleGivesTheSameBytes() throws {
        for seed in UInt64(0)..<20 {
            let (first, second) = (try Schedule(seed: seed), try Schedule(seed: seed))
            first.run(steps: 80)
            second.run(steps: 80)
            #expect(first.bytes == second.bytes, "seed \(seed)")
        }
    }
}
