public import BrokerWire

extension StateWriter {
    /// Writes the units of `number`; its scale is the topic's number format and is not repeated.
    public mutating func write(_ number: ExactDecimal) { self.write(number.units) }
}

extension StateReader {
    /// Reads a number of `format`.
    public mutating func read(_ format: NumberFormat) throws(AggregatorError) -> ExactDecimal {
        ExactDecimal(units: try self.read(Int128.self), scale: format.scale)
    }
}

extension ExactDecimal {
    /// A rounded quotient has as many significant digits as every double prints back unchanged.
    private static let roundedDigits = 15

    /// The exact quotient where 18 decimals hold it, else one rounded half to even to 15 significant digits.
    func divided(by count: Int64) -> Self {
        let divisor = UInt128(count.magnitude)
        let (quotient, remainder) = self.units.magnitude.quotientAndRemainder(dividingBy: divisor)
        var decimals = self.scale
        var digits = quotient
        var rest = remainder
        // Long division, one decimal at a time, as far as the result has room for them.
        while rest != 0, decimals < 18, digits < UInt128(Int128.max) / 10 - 1 {
            let (digit, next) = (rest * 10).quotientAndRemainder(dividingBy: divisor)
            digits = digits * 10 + digit
            rest = next
            decimals += 1
        }
        if rest != 0 { digits = Self.rounded(digits) }
        let magnitude = Int128(digits)
        return Self(units: (self.units < 0) != (count < 0) ? -magnitude : magnitude, scale: decimals)
    }

    private static func rounded(_ digits: UInt128) -> UInt128 {
        var step: UInt128 = 1
        while digits / step >= 1_000_000_000_000_000 { step *= 10 }
        // Something was cut off behind these digits, so a tie can only be seen as one, never be one, when step is 1.
        let (kept, rest) = digits.quotientAndRemainder(dividingBy: step)
        return (step > 1 && rest >= step / 2 ? kept + 1 : kept) * step
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
