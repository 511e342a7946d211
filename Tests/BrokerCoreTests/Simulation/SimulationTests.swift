// Foundation for the environment.
import Foundation
import Testing

/// Seeds that stand for lives of a broker. `make simulate SEEDS=10000` runs more of them.
@Suite("Simulation")
struct SimulationTests {
    /// So many seeds of one kind run one after the other in a case of the test.
    private static let share: UInt64 = 50

    private static var seeds: UInt64 {
        ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 200
    }
    private static var firstSeed: UInt64 {
        ProcessInfo.processInfo.environment["SIMULATION_SEED"].flatMap(UInt64.init) ?? 1
    }

    /// A failing seed is named; `SIMULATION_SEED=N SIMULATION_SEEDS=1 make simulate` runs it again.
    @Test(arguments: 0..<max(1, seeds / share))
    func everyPublishCountsOnce(part: UInt64) throws {
        let first = Self.firstSeed + part * Self.share
        for seed in first..<first + min(Self.share, Self.seeds) {
            var simulation = try Simulation(seed: seed)
            let breach = try simulation.run()
            #expect(breach == nil, "seed \(seed)")
        }
    }
}
