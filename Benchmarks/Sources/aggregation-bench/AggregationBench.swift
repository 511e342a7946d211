import BrokerAggregation
import BrokerWire
// Foundation for clock(3): CPU time is what does not depend on who else is on the machine.
import Foundation

/// What one update of an aggregate costs, as the broker makes it: through an accumulator whose type is forgotten.
///
///     swift run -c release --package-path Benchmarks aggregation-bench
///
/// Nanoseconds of CPU time, the median of several rounds. Ratios within one run are what to trust. With an argument
/// only those lines are measured that contain it.
@main
enum AggregationBench {
    private static let rounds = 7
    private static let updates = 400_000

    static func main() throws {
        print("| update | ns |\n|---|---|")
        for (name, parameters) in Self.aggregators {
            let factory = try AggregatorRegistry.builtIn.factory(
                name: name,
                parameters: Array(parameters.utf8),
                context: AggregationContext()
            )
            let title = parameters == "{}" ? "`\(name)`" : "`\(name)` `\(parameters)`"
            try Self.measure(title, labels: 5000) { factory.makeAccumulator() }
        }
        for keys in [16, 1000, 10_000] {
            let factory = try Self.keyed(keys)
            try Self.measure("`last` per key, `max` across \(keys) keys", labels: keys) { factory.makeAccumulator() }
        }
        try Self.measureWindows()
        Self.measureParsing()
    }

    /// A sample each millisecond into a window, with what the host does beside it: steps that are due, and the value.
    private static func measureWindows() throws {
        let sum = try AggregatorRegistry.builtIn.factory(name: "sum", context: AggregationContext())
        let shapes: [WindowShape?] = try [
            nil, .tumbling(size: 60_000), .hopping(size: 300_000, every: 60_000),
            .sliding(size: 60_000, resolution: 1000),
        ]
        for shape in shapes {
            let title = "`sum` and its value, " + (shape.map { "\($0)" } ?? "without a window")
            guard Self.isWanted(title) else { continue }
            let factory =
                try shape.map { try AggregatorRegistry.Factory(windowed: .init(inner: sum, shape: $0)) } ?? sum
            let samples = Self.samples(labels: 1)
            var times: [Double] = []
            for _ in 0..<Self.rounds {
                let accumulator = factory.makeAccumulator()
                let timed = accumulator as? any TimedAccumulator
                var read = 0
                let start = clock()
                for sample in samples {
                    while let deadline = timed?.deadline, deadline <= sample.time {
                        _ = try timed?.step(at: sample.time)
                    }
                    try accumulator.add(sample)
                    if accumulator.value != .none { read += 1 }
                }
                times.append(Self.nanoseconds(since: start) / Double(samples.count))
                precondition(read == samples.count, "the values were read")
            }
            Self.report(title, times)
        }
    }

    private static let aggregators = [
        ("count", "{}"), ("sum", "{}"), ("avg", "{}"), ("min", "{}"), ("max", "{}"), ("max", #"{"who":true}"#),
        ("range", "{}"), ("last", "{}"), ("stats", "{}"), ("stddev", #"{"kind":"sample"}"#),
        ("histogram", #"{"bounds":[1,10,100,1000]}"#), ("quantile", "{}"), ("distinct", "{}"), ("topk", "{}"),
    ]

    private static func keyed(_ keys: Int) throws -> AggregatorRegistry.Factory {
        let context = AggregationContext()
        return AggregatorRegistry.Factory(
            keyed: .init(
                perKey: try AggregatorRegistry.builtIn.factory(name: "last", context: context),
                across: try AggregatorRegistry.builtIn.factory(name: "max", context: context),
                number: .decimal,
                keysMax: keys
            )
        )
    }

    /// Numbers of three decimals from 0 to 1000, and labels that are met equally often.
    private static func samples(labels: Int) -> [Sample] {
        var random = SystemRandomNumberGenerator()
        return (0..<Self.updates).map { index in
            let thousandths = Int128(random.next() % 1_000_000)
            return Sample(
                number: ExactDecimal(units: thousandths * 1_000_000_000_000_000, scale: 18),
                timestamp: UInt64(index),
                offset: UInt64(index + 1),
                label: Array("key-\(random.next() % UInt64(labels))".utf8)
            )
        }
    }

    private static func isWanted(_ title: String) -> Bool {
        CommandLine.arguments.dropFirst().allSatisfy { title.contains($0) }
    }

    private static func measure(_ title: String, labels: Int, _ make: () -> any Accumulator) throws {
        guard Self.isWanted(title) else { return }
        let samples = Self.samples(labels: labels)
        var times: [Double] = []
        for _ in 0..<Self.rounds {
            let accumulator = make()
            let start = clock()
            for sample in samples { try accumulator.add(sample) }
            times.append(Self.nanoseconds(since: start) / Double(samples.count))
        }
        Self.report(title, times)
    }

    /// From the characters of a number to a decimal.
    private static func measureParsing() {
        let title = "parsing a number such as `12.345`"
        guard Self.isWanted(title) else { return }
        let tokens = (0..<Self.updates).map { Array("\($0 % 1000).\($0 % 997)".utf8) }
        var times: [Double] = []
        for _ in 0..<Self.rounds {
            var sum: Int128 = 0
            let start = clock()
            for token in tokens {
                let number = token.withUnsafeBytes { try? ExactDecimal(parsing: $0, as: .decimal) }
                sum &+= number?.units ?? 0
            }
            times.append(Self.nanoseconds(since: start) / Double(tokens.count))
            precondition(sum != 0, "the numbers were read")
        }
        Self.report(title, times)
    }

    private static func nanoseconds(since start: clock_t) -> Double {
        Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1e9
    }

    private static func report(_ title: String, _ times: [Double]) {
        let median = times.sorted()[times.count / 2]
        print("| \(title) | \(Int(exactly: median.rounded()) ?? 0) |")
    }
}
