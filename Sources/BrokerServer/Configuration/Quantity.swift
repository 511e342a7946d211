/// Durations and sizes as people write them: a number and a unit.
enum Quantity {
    private static let durationUnits: [(String, Int64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]
    private static let sizeUnits: [(String, Int64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ]

    static let durationForm = #"a duration with a unit, such as "250ms", "10s" or "5m""#
    static let sizeForm = #"a size with a unit, such as "64KiB" or "1MiB""#

    /// Nanoseconds.
    static func duration(_ text: String) -> Int64? { Self.parse(text, Self.durationUnits) }

    /// Bytes.
    static func size(_ text: String) -> Int64? { Self.parse(text, Self.sizeUnits) }

    private static func parse(_ text: String, _ units: [(String, Int64)]) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let count = Int64(digits), let scale = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }

    static func durationText(_ nanoseconds: Int64) -> String { Self.text(nanoseconds, Self.durationUnits) }

    /// Only binary units, which all defaults are multiples of.
    static func sizeText(_ bytes: Int64) -> String { Self.text(bytes, Array(Self.sizeUnits.prefix(4))) }

    /// The largest unit that leaves a whole number.
    private static func text(_ value: Int64, _ units: [(String, Int64)]) -> String {
        let unit = units.last { value % $0.1 == 0 && value >= $0.1 } ?? units[0]
        return "\(value / unit.1)\(unit.0)"
    }
}
