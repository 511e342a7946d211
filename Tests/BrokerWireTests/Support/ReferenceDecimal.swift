/// Decimal numbers as a pupil would do them, digit by digit on paper: the fast ones are compared with it.
enum ReferenceDecimal {
    /// The whole number that `token`, a JSON number, comes to after it is multiplied by `10^scale` and rounded half
    /// to even; as text without leading zeros, and whether it had to be rounded.
    static func units(of token: String, scale: Int) -> (text: String, isExact: Bool) {
        var rest = Substring(token)
        let isNegative = rest.first == "-"
        if isNegative { rest = rest.dropFirst() }
        let parts = rest.split(separator: "e", omittingEmptySubsequences: false)
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        let digits = (mantissa[0] + fraction).compactMap(\.wholeNumberValue)
        let shift = exponent + scale - fraction.count

        var kept: [Int]
        var dropped: [Int]
        if shift >= 0 {
            kept = digits + Array(repeating: 0, count: shift)
            dropped = []
        } else {
            kept = Array(digits.dropLast(-shift))
            dropped = digits.suffix(-shift)
            dropped = Array(repeating: 0, count: -shift - dropped.count) + dropped
        }
        let isExact = dropped.allSatisfy { $0 == 0 }
        if Self.roundsUp(dropped, isOdd: (kept.last ?? 0) % 2 == 1) { Self.increment(&kept) }
        let text = kept.drop { $0 == 0 }.map(String.init).joined()
        return (text.isEmpty ? "0" : isNegative ? "-\(text)" : text, isExact)
    }

    private static func roundsUp(_ dropped: [Int], isOdd: Bool) -> Bool {
        guard let first = dropped.first else { return false }
        if first != 5 { return first > 5 }
        return dropped.dropFirst().contains { $0 != 0 } || isOdd
    }

    private static func increment(_ digits: inout [Int]) {
        for index in digits.indices.reversed() {
            if digits[index] < 9 {
                digits[index] += 1
                return
            }
            digits[index] = 0
        }
        digits.insert(1, at: 0)
    }

    /// What `String(value)` gives in JavaScript, from the digits that are the shortest ones in Swift as well.
    static func javaScriptText(_ value: Double) -> String {
        guard value != 0 else { return "0" }
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let all = mantissa[0] + (mantissa.count > 1 ? mantissa[1] : "")
        let leadingZeros = all.prefix { $0 == "0" }.count
        var digits = String(all.dropFirst(leadingZeros))
        while digits.hasSuffix("0") { digits.removeLast() }
        // Where the point stands, counted from the first digit.
        let point = mantissa[0].count - leadingZeros + exponent
        let sign = value < 0 ? "-" : ""
        switch point {
        case digits.count...21:
            return sign + digits + String(repeating: "0", count: point - digits.count)
        case 1..<max(digits.count, 1):
            return sign + digits.prefix(point) + "." + digits.dropFirst(point)
        case -5...0:
            return sign + "0." + String(repeating: "0", count: -point) + digits
        default:
            let fraction = digits.count > 1 ? ".\(digits.dropFirst())" : ""
            return "\(sign)\(digits.prefix(1))\(fraction)e\(point > 0 ? "+" : "")\(point - 1)"
        }
    }
}
