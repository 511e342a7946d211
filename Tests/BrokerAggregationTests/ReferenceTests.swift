import BrokerAggregation
import BrokerWire
import Foundation
import Testing

/// Against what Python's exact fractions make of the same numbers: Reference/make-reference.py tells which numbers
/// these are and prints the results.
///
/// `WSBROKER_REFERENCE_NUMBERS=1000000` takes a million numbers instead of twenty thousand, which takes minutes without
/// optimisation.
@Suite struct ReferenceTests {
    private struct Reference: Decodable {
        var seed: UInt64
        /// By family, how many numbers, and name.
        var families: [String: [String: [String: String]]]

        static let shared = Result {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            let data = try Data(contentsOf: folder.appendingPathComponent("Reference/reference.json"))
            return try JSONDecoder().decode(Self.self, from: data)
        }
    }

    private static let count =
        ProcessInfo.processInfo.environment["WSBROKER_REFERENCE_NUMBERS"].flatMap { Int($0) } ?? 20_000

    private static let exactNames = ["count", "sum", "min", "max", "range", "avg", "first", "last"]

    private static func samples(_ family: String) throws -> [Sample] {
        var random = SeededGenerator(seed: try Reference.shared.get().seed)
        let count = family == "two" ? 2 : Self.count
        return try (0..<count).map { index in
            let (mantissa, decimals) = try #require(Self.draw(family, index, from: &random))
            let step = (decimals..<18).reduce(Int128(1)) { power, _ in power * 10 }
            let number = ExactDecimal(units: mantissa * step, scale: 18)
            return Sample(number: number, timestamp: 0, offset: UInt64(index + 1))
        }
    }

    private static func draw(
        _ family: String,
        _ index: Int,
        from random: inout SeededGenerator
    ) -> (mantissa: Int128, decimals: Int)? {
        switch family {
        case "wide":
            var mantissa = Int128(random.next())
            mantissa >>= Int128(17 + random.below(47))
            let decimals = random.below(19)
            return (random.next() & 1 == 1 ? -mantissa : mantissa, decimals)
        case "money": return (Int128(random.below(2_000_001)) - 1_000_000, 2)
        case "outlier" where index == 0: return (-1, 0)
        case "offset", "outlier": return (1_000_000_000_000_000_000 + Int128(random.below(1_000_000)), 9)
        case "large": return (100_000_000_000_000_000_000 + Int128(random.below(1000)) - 500, 6)
        case "equal": return (42_137, 1)
        case "two": return (1_000_000_000_000_000_001 + Int128(index), 9)
        default: return nil
        }
    }

    private static let wide = Result { try Self.samples("wide") }

    private static func expected(_ family: String) throws -> [String: String] {
        try #require(try Reference.shared.get().families[family]?[String(Self.count)])
    }

    /// The value after `samples`, folded one by one, or in parts that are merged.
    private static func value(
        _ name: String,
        _ samples: [Sample],
        _ parameters: String = "{}",
        parts: Int
    ) throws -> AggregateValue {
        let factory = try BuiltInRules.factory(name, parameters, .decimal)
        let whole = factory.makeAccumulator()
        let size = samples.count / parts + 1
        for start in stride(from: 0, to: samples.count, by: size) {
            let part = factory.makeAccumulator()
            for sample in samples[start..<min(start + size, samples.count)] { try part.add(sample) }
            try whole.merge(part)
        }
        return whole.value
    }

    private static func order(_ samples: [Sample], _ order: Int) -> [Sample] {
        guard order > 0 else { return samples }
        var random = SeededGenerator(seed: UInt64(order))
        return samples.shuffled(using: &random)
    }

    /// Every order has its permutation; all but the first two are also cut in parts.
    @Test(arguments: 0..<20)
    func exactValuesAreRightToTheLastDigitInEveryOrder(order: Int) throws {
        let samples = Self.order(try Self.wide.get(), order)
        let expected = try Self.expected("wide")
        for name in Self.exactNames {
            let value = try Self.value(name, samples, parts: max(1, order))
            #expect(try #require(value.primaryNumber).description == expected[name], "\(name)")
        }
    }

    @Test(arguments: ["wide", "money", "offset", "large", "outlier", "equal", "two"], [0, 7])
    func spreadsAreRightToTwelveDigits(family: String, order: Int) throws {
        let samples = Self.order(try Self.samples(family), order)
        let expected = try Self.expected(family)
        let parts = max(1, order)
        for kind in ["sample", "population"] where order == 0 || kind == "sample" {
            for name in ["variance", "stddev"] {
                let value = try Self.value(name, samples, #"{"kind":"\#(kind)"}"#, parts: parts)
                try Self.expectNear(value["value"], expected["\(name).\(kind)"], "\(name) \(kind)")
                #expect(value["mean"]?.json == expected["avg"])
                #expect(value["count"]?.json == expected["count"])
            }
        }
    }

    @Test(arguments: ["wide", "money", "offset", "large", "outlier", "equal", "two"])
    func statsAreAsRightAsTheirParts(family: String) throws {
        let expected = try Self.expected(family)
        let value = try Self.value("stats", Self.order(try Self.samples(family), 3), parts: 3)
        for name in Self.exactNames where name != "range" {
            #expect(value[name]?.json == expected[name], "\(name)")
        }
        try Self.expectNear(value["stddev"], expected["stddev.sample"], "stddev")
    }

    private static func expectNear(_ value: AggregateValue?, _ expected: String?, _ comment: Comment) throws {
        guard case .double(let found)? = value else {
            Issue.record("no double: \(comment)")
            return
        }
        let right = try #require(expected.flatMap { Double($0) })
        #expect(abs(found - right) <= 1e-12 * right, comment)
    }
}

extension AggregateValue {
    /// A field of an object.
    subscript(name: String) -> AggregateValue? {
        guard case .object(let fields, _) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }
}
