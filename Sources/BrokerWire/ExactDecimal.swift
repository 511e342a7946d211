/// An exact decimal number: a whole count of the smallest step that its scale allows.
///
/// Doubles are the wrong numbers for money and meters: ten times `0.1` is not `1`, and above 2^53 a counter stands
/// still. Sums of this type are exact, do not depend on order, and cost less than a compensated sum of doubles.
public struct ExactDecimal: Hashable, Sendable {
    /// The value times `10^scale`.
    public var units: Int128
    /// How many decimals one unit stands for: 0 to 18.
    public let scale: Int

    /// The longest accepted token, in bytes.
    public static let tokenBytesMax = 64
    /// The most significant digits of an accepted token.
    public static let digitsMax = 38
    /// The largest magnitude of an accepted exponent.
    public static let exponentMax = 400

    public init(units: Int128, scale: Int) {
        precondition((0...18).contains(scale), "a decimal keeps 0 to 18 decimals")
        self.units = units
        self.scale = scale
    }

    /// Zero with the decimals of `format`.
    public static func zero(_ format: NumberFormat) -> Self { Self(units: 0, scale: format.scale) }

    /// Adds `other`, which must have the same scale; throws and leaves the value alone when the sum has no room.
    public mutating func add(_ other: Self) throws(NumberError) {
        precondition(self.scale == other.scale, "only decimals of one scale add up")
        let (sum, overflow) = self.units.addingReportingOverflow(other.units)
        // The type holds one negative value more than positive ones. It is left out here as in parsing, so that
        // negating a total never overflows.
        guard !overflow, sum != .min else { throw .overflow }
        self.units = sum
    }
}

extension ExactDecimal: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        precondition(left.scale == right.scale, "only decimals of one scale compare")
        return left.units < right.units
    }
}

/// Powers of ten that fit in 128 bits.
enum PowersOfTen {
    /// The largest exponent in the table.
    static let exponentMax = 38

    private static let table: [UInt128] = (0...Self.exponentMax).map { exponent in
        (0..<exponent).reduce(UInt128(1)) { power, _ in power * 10 }
    }

    /// Those that a machine word holds.
    static let words: [UInt64] = Self.table.prefix(20).compactMap { UInt64(exactly: $0) }

    static subscript(_ exponent: Int) -> UInt128 { Self.table[exponent] }
}
