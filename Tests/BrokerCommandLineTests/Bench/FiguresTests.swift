import Testing

@testable import BrokerCommandLine

@Suite("Figures")
struct FiguresTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000")])
    func thousandsAreSetApart(value: Int, text: String) {
        #expect(Figures.count(value) == text)
    }

    @Test(arguments: [(0, "0.0"), (99.94, "99.9"), (99.96, "100.0"), (100.4, "100"), (12_345.6, "12,346")])
    func aRateHasDecimalsOnlyWhereTheySaySomething(value: Double, text: String) {
        #expect(Figures.rate(value) == text)
    }

    @Test(arguments: [
        (0, "0.00 µs"), (999, "1.00 µs"), (12_340, "12.3 µs"), (123_400, "123 µs"), (1_500_000, "1.50 ms"),
        (61_000_000_000, "61.0 s"),
    ])
    func aDurationHasThreeDigits(nanoseconds: UInt64, text: String) {
        #expect(Figures.duration(nanoseconds) == text)
    }

    @Test(arguments: [(12, "12 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB"), (3e9, "3.0 GB")])
    func bytesHaveAUnit(value: Double, text: String) {
        #expect(Figures.bytes(value) == text)
    }

    @Test(arguments: [(1.005, 1, "1.0"), (0.05, 1, "0.1"), (-0.04, 1, "0.0"), (-1.26, 1, "-1.3"), (7.0, 3, "7.000")])
    func decimalsAreRounded(value: Double, digits: Int, text: String) {
        #expect(Figures.decimal(value, digits: digits) == text)
    }
}
