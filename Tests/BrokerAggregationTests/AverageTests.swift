import BrokerWire
import Testing

@testable import BrokerAggregation

/// The one built-in that can round.
@Suite struct AverageTests {
    private static func average(total: Int128, count: Int64, _ number: NumberFormat) -> ExactDecimal? {
        let aggregator = AverageAggregator(configuration: NoParameters(), context: AggregationContext(number: number))
        let state = AverageAggregator.State(total: ExactDecimal(units: total, scale: number.scale), count: count)
        guard case .number(let value) = aggregator.value(of: state) else { return nil }
        return value
    }

    /// The digits of `total / count` without sign and leading zeros, and where the point is, by schoolbook division
    /// into an array: many more digits than any result may have.
    private static func longDivision(_ total: UInt128, _ count: UInt128, scale: Int) -> (digits: [Int], decimals: Int) {
        var digits = String(total / count).compactMap(\.wholeNumberValue)
        var rest = total % count
        var decimals = scale
        for _ in 0..<80 where rest != 0 {
            rest *= 10
            digits.append(Int(rest / count))
            rest %= count
            decimals += 1
        }
        if rest != 0 {
            // Something follows: enough to tell it from a tie.
            digits.append(1)
            decimals += 1
        }
        return (Array(digits.drop { $0 == 0 }), decimals)
    }

    /// Rounds half to even, away from the last `cut` digits.
    private static func rounded(_ digits: [Int], cut: Int) -> [Int] {
        guard cut > 0 else { return digits }
        let padded = Array(repeating: 0, count: max(0, cut + 1 - digits.count)) + digits
        var kept = Array(padded.dropLast(cut))
        let tail = padded.suffix(cut)
        let isTie = tail.first == 5 && tail.dropFirst().allSatisfy { $0 == 0 }
        let isUp = isTie ? (kept.last ?? 0) % 2 == 1 : (tail.first ?? 0) >= 5
        guard isUp else { return kept }
        var index = kept.count - 1
        while index >= 0, kept[index] == 9 {
            kept[index] = 0
            index -= 1
        }
        if index >= 0 { kept[index] += 1 } else { kept.insert(1, at: 0) }
        return kept
    }

    private static func expected(_ total: Int128, _ count: Int64, _ number: NumberFormat) -> (Int128, Int) {
        let (digits, decimals) = Self.longDivision(total.magnitude, UInt128(count), scale: number.scale)
        let isExact = decimals <= 18 && digits.count <= 38
        let cut = isExact ? 0 : max(digits.count - 15, decimals - 18)
        var units = Self.rounded(digits, cut: cut).reduce(Int128(0)) { $0 * 10 + Int128($1) }
        var scale = decimals - cut
        while scale < 0 {
            units *= 10
            scale += 1
        }
        return (total < 0 ? -units : units, scale)
    }

    private static func trimmed(_ units: Int128, _ scale: Int) -> (Int128, Int) {
        var (units, scale) = (units, scale)
        while scale > 0, units % 10 == 0 { (units, scale) = (units / 10, scale - 1) }
        return (units, scale)
    }

    @Test func theMeanIsExactOrRoundedHalfToEven() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            let number = random.pick(NumberFormat.allCases)
            let wide = Int128(truncatingIfNeeded: random.next()) << Int128(random.below(50))
            let total = (random.chance(50) ? wide : -wide) >> Int128(random.below(110))
            let count = Int64(1 + random.below(random.pick([10, 1000, 1_000_000_000])))
            let value = try #require(Self.average(total: total, count: count, number))
            let (units, scale) = Self.expected(total, count, number)
            let found = Self.trimmed(value.units, value.scale)
            #expect(found == Self.trimmed(units, scale), "\(total) / \(count), \(number)")
        }
    }

    @Test(arguments: [
        (Int128(1), Int64(2), Int128(5), 1), (7, 4, 175, 2), (10, 5, 2, 0), (-1, 8, -125, 3),
        (1, 3, 333_333_333_333_333_000, 18), (2, 3, 666_666_666_666_667_000, 18),
    ])
    func theMeanOfWholeNumbers(total: Int128, count: Int64, units: Int128, scale: Int) throws {
        let value = try #require(Self.average(total: total, count: count, .int))
        #expect(Self.trimmed(value.units, value.scale) == Self.trimmed(units, scale))
    }

    /// Below fifteen digits the last decimal is the one that is rounded, and a tie goes to the even one.
    @Test(arguments: [(Int128(2), Int64(3), Int128(1)), (1, 3, 0), (1, 2, 0), (3, 2, 2), (5, 2, 2), (-3, 2, -2)])
    func theSmallestStepIsRoundedHalfToEven(total: Int128, count: Int64, units: Int128) throws {
        #expect(try #require(Self.average(total: total, count: count, .decimal)).units == units)
    }

    @Test func theLargestTotalCanBeDivided() throws {
        for count in [Int64(1), 2, 3, .max] {
            #expect(Self.average(total: .max, count: count, .int) != nil)
            #expect(Self.average(total: -.max, count: count, .decimal) != nil)
        }
    }

    @Test func thereIsNoMeanOfNothing() {
        #expect(Self.average(total: 0, count: 0, .int) == nil)
    }
}
