public import BrokerWire

extension StateWriter {
    /// Writes the units of `number`; its scale is the topic's number format and is not repeated.
    public mutating func write(_ number: ExactDecimal) { self.write(number.units) }
}

extension StateReader {
    /// Reads a number of `format`.
    public mutating func read(_ format: NumberFormat) throws(AggregatorError) -> ExactDecimal {
        let units = try self.read(Int128.self)
        // No number and no total is this one, which has no opposite.
        guard units != .min else { throw .stateCorrupt("a number out of range") }
        return ExactDecimal(units: units, scale: format.scale)
    }
}

extension ExactDecimal {
    /// The exact quotient where 18 decimals hold it, else one rounded half to even to 15 significant digits (as many as
    /// every double prints back unchanged), or to 18 decimals where those are fewer.
    func divided(by count: Int64) -> Self {
        let (digits, rest) = self.units.magnitude.quotientAndRemainder(dividingBy: UInt128(count.magnitude))
        return self.withDigits(
            digits,
            rest: rest,
            divisor: count.magnitude,
            isNegative: (self.units < 0) != (count < 0)
        )
    }

    /// The number times `numerator` and divided by `denominator`, rounded once as by ``divided(by:)``; `nil` if there
    /// is no room for it.
    func multiplied(by numerator: UInt64, dividedBy denominator: UInt64) -> Self? {
        let divisor = UInt128(denominator)
        let product = self.units.magnitude.multipliedFullWidth(by: UInt128(numerator))
        guard product.high < divisor else { return nil }
        let (digits, rest) = divisor.dividingFullWidth(product)
        // One more would have to be left for rounding up.
        guard digits < UInt128(Int128.max) else { return nil }
        return self.withDigits(digits, rest: rest, divisor: denominator, isNegative: self.units < 0)
    }

    /// Goes on with a long division whose first `digits` are as many decimals as this number has.
    private func withDigits(_ digits: UInt128, rest: UInt128, divisor: UInt64, isNegative: Bool) -> Self {
        let divisor = UInt128(divisor)
        var (digits, rest) = (digits, rest)
        var decimals = self.scale
        // One decimal at a time, as far as the result has room for them.
        while rest != 0, decimals < 18, digits < UInt128(Int128.max) / 10 - 1 {
            let (digit, next) = (rest * 10).quotientAndRemainder(dividingBy: divisor)
            digits = digits * 10 + digit
            rest = next
            decimals += 1
        }
        if rest != 0 { digits = Self.rounded(digits, rest: rest, divisor: divisor) }
        let magnitude = Int128(digits)
        return Self(units: isNegative ? -magnitude : magnitude, scale: decimals)
    }

    /// Rounds `digits`, behind which a `rest` was cut off.
    private static func rounded(_ digits: UInt128, rest: UInt128, divisor: UInt128) -> UInt128 {
        var step: UInt128 = 1
        while digits / step >= 1_000_000_000_000_000 { step *= 10 }
        guard step > 1 else {
            let isTie = rest == divisor - rest
            return rest > divisor - rest || (isTie && digits & 1 == 1) ? digits + 1 : digits
        }
        // With something behind them, digits that look like a tie are more than one.
        let (kept, tail) = digits.quotientAndRemainder(dividingBy: step)
        return (tail >= step / 2 ? kept + 1 : kept) * step
    }
}

extension ExactDecimal: Codable {
    private enum CodingKeys: String, CodingKey {
        case units
        case scale
    }

    /// Reads the readable form: the units as text, because no JSON number holds 128 bits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let text = try container.decode(String.self, forKey: .units)
        let scale = try container.decode(Int.self, forKey: .scale)
        guard let units = Int128(text), (0...18).contains(scale) else {
            throw DecodingError.dataCorruptedError(forKey: .units, in: container, debugDescription: "not a decimal")
        }
        self.init(units: units, scale: scale)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(String(self.units), forKey: .units)
        try container.encode(self.scale, forKey: .scale)
    }
}
