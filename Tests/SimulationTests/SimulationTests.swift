// Foundation for the environment.
import Foundation
import Testing

/// Seeds that stand for lives of a broker. `make simulate SEEDS=10000` runs more of them.
@Suite("Simulation")
struct SimulationTests {
    /// So many seeds run one after the other in a case of the test.
    private static let share: UInt64 = 25

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }

    /// One that is named runs alone, unless more are asked for.
    private static let seeds: Range<UInt64> = {
        let first = number("SIMULATION_SEED")
        return (first ?? 1)..<(first ?? 1) + (number("SIMULATION_SEEDS") ?? (first == nil ? 100 : 1))
    }()

    /// A failing seed is named; `SIMULATION_SEED=N make simulate SEEDS=1` runs it again.
    @Test(arguments: stride(from: seeds.lowerBound, to: seeds.upperBound, by: Int(share)).map { $0 })
    func everyPublishCountsAsOftenAsItsPublisherWasTold(first: UInt64) async throws {
        for seed in first..<min(first + Self.share, Self.seeds.upperBound) {
            // It computes for long, and others wait for its thread.
            await Task.yield()
            let breach = try Simulation(seed: seed).run()
            #expect(breach == nil, "SIMULATION_SEED=\(seed)")
        }
    }
}
