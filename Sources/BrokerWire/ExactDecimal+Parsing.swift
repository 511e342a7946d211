extension ExactDecimal {
    /// Reads a JSON number exactly.
    ///
    /// - `token`: The bytes of the number.
    /// - `format`: Decides the range and the decimals. Further decimals are rounded half to even, each input by
    ///     itself, so that the order of inputs never matters.
    /// - `strict`: Whether to refuse what would have to be rounded.
    public init(
        parsing token: UnsafeRawBufferPointer,
        as format: NumberFormat,
        strict: Bool = false
    )
        throws(NumberError)
    {
        guard token.count <= Self.tokenBytesMax else { throw .tokenTooLong }
        let parts = try DecimalToken(token)
        let units = try parts.units(scale: format.scale, mustBeExact: strict || format == .int)
        self.init(units: units, scale: format.scale)
    }

    /// Reads `text` as a JSON number.
    public init(_ text: String, as format: NumberFormat = .decimal, strict: Bool = false) throws(NumberError) {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { raw -> Result<Self, NumberError> in
            do throws(NumberError) {
                return .success(try Self(parsing: raw, as: format, strict: strict))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}

/// A JSON number taken apart: sign, digits without the point, and the power of ten that they are to be multiplied by.
private struct DecimalToken {
    var isNegative = false
    var digits: UInt128 = 0
    var digitCount = 0
    var power = 0

    init(_ token: UnsafeRawBufferPointer) throws(NumberError) {
        var index = 0
        if token.first == UInt8(ascii: "-") {
            self.isNegative = true
            index = 1
        }
        let integerStart = index
        index = try self.takeDigits(token, from: index)
        // The grammar of JSON: at least one digit, and no zero in front of another.
        guard index > integerStart else { throw .notANumber }
        guard token[integerStart] != UInt8(ascii: "0") || index == integerStart + 1 else { throw .notANumber }
        if index < token.count, token[index] == UInt8(ascii: ".") {
            let fractionStart = index + 1
            index = try self.takeDigits(token, from: fractionStart)
            guard index > fractionStart else { throw .notANumber }
            self.power = fractionStart - index
        }
        if index < token.count, token[index] | 0x20 == UInt8(ascii: "e") {
            index = try self.takeExponent(token, from: index + 1)
        }
        guard index == token.count else { throw .notANumber }
    }

    private mutating func takeDigits(_ token: UnsafeRawBufferPointer, from start: Int) throws(NumberError) -> Int {
        var index = start
        // Eighteen digits fit in a machine word, and nearly every number ends before.
        var word: UInt64 = 0
        var wordDigits = 0
        while index < token.count {
            let digit = token[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            index += 1
            if self.digitCount > 0 || digit > 0 {
                self.digitCount += 1
                guard self.digitCount <= ExactDecimal.digitsMax else { throw .tooManyDigits }
            }
            word = word &* 10 &+ UInt64(digit)
            wordDigits += 1
            if wordDigits == 18 { self.shiftIn(&word, &wordDigits) }
        }
        if wordDigits > 0 { self.shiftIn(&word, &wordDigits) }
        return index
    }

    private mutating func shiftIn(_ word: inout UInt64, _ wordDigits: inout Int) {
        // Never overflows: at most 38 significant digits were let in.
        self.digits =
            self.digits == 0 ? UInt128(word) : self.digits &* PowersOfTen[wordDigits] &+ UInt128(word)
        word = 0
        wordDigits = 0
    }

    private mutating func takeExponent(_ token: UnsafeRawBufferPointer, from start: Int) throws(NumberError) -> Int {
        var index = start
        var sign = 1
        if index < token.count, token[index] == UInt8(ascii: "-") || token[index] == UInt8(ascii: "+") {
            sign = token[index] == UInt8(ascii: "-") ? -1 : 1
            index += 1
        }
        let digitsStart = index
        var exponent = 0
        while index < token.count {
            let digit = token[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // A token has at most 64 bytes, but sixty nines would still overflow.
            exponent = min(exponent * 10 + Int(digit), ExactDecimal.exponentMax + 1)
            index += 1
        }
        guard index > digitsStart else { throw .notANumber }
        guard exponent <= ExactDecimal.exponentMax else { throw .exponentOutOfRange }
        self.power += sign * exponent
        return index
    }

    func units(scale: Int, mustBeExact: Bool) throws(NumberError) -> Int128 {
        guard self.digits != 0 else { return 0 }
        let shift = self.power + scale
        let magnitude =
            shift >= 0 ? try self.scaledUp(by: shift) : try self.scaledDown(by: -shift, mustBeExact: mustBeExact)
        // One value less than the type holds, so that negating never overflows.
        guard magnitude <= UInt128(Int128.max) else { throw .outOfRange }
        return self.isNegative ? -Int128(magnitude) : Int128(magnitude)
    }

    private func scaledUp(by shift: Int) throws(NumberError) -> UInt128 {
        guard shift <= PowersOfTen.exponentMax else { throw .outOfRange }
        let (product, overflow) = self.digits.multipliedReportingOverflow(by: PowersOfTen[shift])
        guard !overflow else { throw .outOfRange }
        return product
    }

    private func scaledDown(by shift: Int, mustBeExact: Bool) throws(NumberError) -> UInt128 {
        guard shift <= PowersOfTen.exponentMax else {
            // At most 38 digits after at least 39 decimals: less than half of the smallest step.
            guard !mustBeExact else { throw .notRepresentable }
            return 0
        }
        let divisor = PowersOfTen[shift]
        let (quotient, remainder) = self.digits.quotientAndRemainder(dividingBy: divisor)
        guard remainder != 0 else { return quotient }
        guard !mustBeExact else { throw .notRepresentable }
        let half = divisor / 2
        let roundsUp = remainder > half || (remainder == half && quotient & 1 == 1)
        return roundsUp ? quotient + 1 : quotient
    }
}
