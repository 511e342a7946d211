/// To and from the numbers that statistics are made of.
extension ExactDecimal {
    /// The nearest double, or a neighbour of it.
    ///
    /// By way of two machine words: the conversion of 128 bits that the language has takes a thousand times as long.
    public var double: Double {
        let value = Self.double(self.units.magnitude, scale: self.scale)
        return self.units < 0 ? -value : value
    }

    /// How far it is above `other`, which must have the same scale: taken exactly and then rounded, so that it is right
    /// where the doubles of both would be the same.
    public func distance(above other: Self) -> Double {
        precondition(self.scale == other.scale, "only decimals of one scale are compared")
        // A difference of two numbers with sign always has room in one without.
        guard self.units < other.units else {
            return Self.double(UInt128(truncatingIfNeeded: self.units &- other.units), scale: self.scale)
        }
        return -Self.double(UInt128(truncatingIfNeeded: other.units &- self.units), scale: self.scale)
    }

    private static func double(_ magnitude: UInt128, scale: Int) -> Double {
        let high = Double(UInt64(truncatingIfNeeded: magnitude >> 64))
        let low = Double(UInt64(truncatingIfNeeded: magnitude))
        return (high * 0x1p64 + low) / Self.powers[scale]
    }

    /// Powers of ten that doubles hold exactly.
    private static let powers: [Double] = (0...18).map { exponent in
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    /// The decimal that `double` is printed as, or `nil` if it is not finite or beyond what a decimal holds.
    public init?(nearest double: Double) {
        guard double.isFinite else { return nil }
        var text = Array("\(double)".utf8)
        // What Swift prints is JSON.
        let parsed = text.withUnsafeMutableBytes { bytes -> ExactDecimal? in
            let token = UnsafeRawBufferPointer(bytes)
            if let decimal = try? ExactDecimal(parsing: token, as: .decimal) { return decimal }
            return try? ExactDecimal(parsing: token, as: .int)
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The same number with the decimals of `format`, rounded half to even where it has more, or `nil` if it has no
    /// room there.
    public func converted(to format: NumberFormat) -> Self? {
        if self.scale == format.scale { return self }
        if self.scale < format.scale {
            let factor = Int128(PowersOfTen[format.scale - self.scale])
            let (units, overflow) = self.units.multipliedReportingOverflow(by: factor)
            return overflow || units == .min ? nil : Self(units: units, scale: format.scale)
        }
        let divisor = PowersOfTen[self.scale - format.scale]
        var (quotient, rest) = self.units.magnitude.quotientAndRemainder(dividingBy: divisor)
        if rest > divisor / 2 || (rest == divisor / 2 && quotient & 1 == 1) { quotient += 1 }
        let magnitude = Int128(quotient)
        return Self(units: self.units < 0 ? -magnitude : magnitude, scale: format.scale)
    }
}
