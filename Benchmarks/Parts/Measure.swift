// Foundation for clock(3) and for printing with decimals.
import Foundation

/// Measures and prints.
enum Measure {
    private static let rounds = 7

    static func isWanted(_ title: String) -> Bool {
        CommandLine.arguments.dropFirst().allSatisfy { title.contains($0) }
    }

    /// Prints nanoseconds of CPU for one of the `count` things that `body` does.
    static func cpu(
        _ title: String,
        per unit: String,
        count: Int,
        rounds: Int = Self.rounds,
        _ body: () throws -> Void
    )
        rethrows
    {
        guard Self.isWanted(title) else { return }
        var times: [Double] = []
        for _ in 0..<rounds {
            let start = clock()
            try body()
            times.append(Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1e9 / Double(count))
        }
        Self.report(title, unit, Self.median(times))
    }

    /// Nanoseconds that `body` takes on the clock.
    static func realTime(_ body: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        try await body()
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func report(_ title: String, _ unit: String, _ nanoseconds: Double) {
        let digits = nanoseconds < 100 ? "%.1f" : "%.0f"
        print("| \(title) | \(unit) | \(String(format: digits, nanoseconds)) |")
    }
}
