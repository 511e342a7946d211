extension ExactDecimal {
    /// The most bytes that ``write(to:)`` needs: a sign, 39 digits, a point, and a zero before it.
    package static let textBytesMax = 42

    /// Writes the value as a JSON number, exact and trimmed (`5`, never `5.0`; never an exponent).
    ///
    /// - Returns: How many of the at least ``textBytesMax`` bytes of `target` were used.
    package func write(to target: UnsafeMutableRawPointer) -> Int {
        var count = 0
        if self.units < 0 {
            target.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
            count = 1
        }
        let magnitude = self.units.magnitude
        guard self.scale > 0 else { return count + Self.writeDigits(magnitude, to: target + count) }
        var rest: UInt64
        let (high, low) = (UInt64(truncatingIfNeeded: magnitude >> 64), UInt64(truncatingIfNeeded: magnitude))
        let unit = PowersOfTen.words[self.scale]
        if high < unit {
            // The whole part fits in a machine word, as it nearly always does: one instruction divides.
            let (whole, fraction) = unit.dividingFullWidth((high, low))
            count += DecimalText.write(whole, to: target + count)
            rest = fraction
        } else {
            let (whole, fraction) = magnitude.quotientAndRemainder(dividingBy: PowersOfTen[self.scale])
            count += Self.writeDigits(whole, to: target + count)
            // A fraction has at most 18 digits, so it fits in a machine word.
            rest = UInt64(fraction)
        }
        guard rest != 0 else { return count }
        target.storeBytes(of: UInt8(ascii: "."), toByteOffset: count, as: UInt8.self)
        count += 1
        var digits = self.scale
        while rest % 10 == 0 {
            rest /= 10
            digits -= 1
        }
        for index in stride(from: digits - 1, through: 0, by: -1) {
            target.storeBytes(
                of: UInt8(ascii: "0") + UInt8(rest % 10),
                toByteOffset: count + index,
                as: UInt8.self
            )
            rest /= 10
        }
        return count + digits
    }

    private static func writeDigits(_ value: UInt128, to target: UnsafeMutableRawPointer) -> Int {
        // Dividing 128 bits is slow, so it is done at most twice and the rest in machine words.
        guard value > UInt128(UInt64.max) else { return DecimalText.write(UInt64(value), to: target) }
        let (high, low) = value.quotientAndRemainder(dividingBy: PowersOfTen[18])
        let count = Self.writeDigits(high, to: target)
        var rest = UInt64(low)
        for index in stride(from: 17, through: 0, by: -1) {
            target.storeBytes(
                of: UInt8(ascii: "0") + UInt8(rest % 10),
                toByteOffset: count + index,
                as: UInt8.self
            )
            rest /= 10
        }
        return count + 18
    }

    /// Whether a JavaScript program that parses this number prints it back unchanged.
    ///
    /// Fifteen digits always survive a double. Sixteen and seventeen sometimes do, which only trying tells. From
    /// 1e21 on, and below 1e-6, JavaScript prints an exponent.
    package var survivesJavaScript: Bool {
        guard !self.isTiny else { return false }
        let text = self.description
        let digits = text.utf8.filter { $0 >= UInt8(ascii: "0") }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        let trimmed = significant.reversed().drop { $0 == UInt8(ascii: "0") }
        let wholeDigits = text.utf8.prefix { $0 != UInt8(ascii: ".") }.count - (self.units < 0 ? 1 : 0)
        guard wholeDigits <= 21 else { return false }
        if trimmed.count <= 15 { return true }
        guard trimmed.count <= 17, let double = Double(text), !self.isUnsafeInteger else { return false }
        let printed = double.description.utf8.prefix { $0 != UInt8(ascii: "e") }.filter { $0 >= UInt8(ascii: "0") }
        let printedTrimmed = printed.drop { $0 == UInt8(ascii: "0") }.reversed().drop { $0 == UInt8(ascii: "0") }
        return Array(printedTrimmed) == Array(trimmed)
    }

    /// Whether it is so small that JavaScript prints it with an exponent.
    package var isTiny: Bool {
        self.scale > 6 && self.units != 0 && self.units.magnitude < PowersOfTen[self.scale - 6]
    }

    /// Whether it is beyond ±(2^53-1), where doubles skip whole numbers, so that even one that survives may have
    /// been rounded to before.
    private var isUnsafeInteger: Bool {
        self.units.magnitude / PowersOfTen[self.scale] > UInt128(WireLimits.integerMax)
    }
}

extension ExactDecimal: CustomStringConvertible {
    public var description: String {
        withUnsafeTemporaryAllocation(byteCount: Self.textBytesMax, alignment: 1) { target in
            guard let base = target.baseAddress else { return "" }
            let count = self.write(to: base)
            return String(decoding: target[..<count], as: UTF8.self)
        }
    }
}

/// Unsigned integers as decimal text.
package enum DecimalText {
    /// The most bytes of a 64-bit integer.
    package static let bytesMax = 20

    /// Writes `value` and returns how many bytes it took.
    package static func write(_ value: UInt64, to target: UnsafeMutableRawPointer) -> Int {
        let count = Self.digitCount(value)
        var rest = value
        var index = count
        // Two digits for each division.
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            index &-= 2
            Self.storePair(pair, to: target + index)
            rest = quotient
        }
        if rest >= 10 {
            Self.storePair(rest, to: target)
        } else {
            target.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        }
        return count
    }

    @inline(__always)
    private static func storePair(_ pair: UInt64, to target: UnsafeMutableRawPointer) {
        let digits: StaticString = """
            00010203040506070809101112131415161718192021222324252627282930313233343536373839\
            40414243444546474849505152535455565758596061626364656667686970717273747576777879\
            8081828384858687888990919293949596979899
            """
        target.copyMemory(from: digits.utf8Start + Int(truncatingIfNeeded: pair) &* 2, byteCount: 2)
    }

    private static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var limit: UInt64 = 10
        while value >= limit {
            count += 1
            if count == Self.bytesMax { break }
            limit = limit &* 10
        }
        return count
    }
}
