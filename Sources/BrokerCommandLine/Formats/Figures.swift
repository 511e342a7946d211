/// Numbers as people read them.
enum Figures {
    /// `1,234,567`
    static func count(_ value: Int) -> String {
        let digits = Array(String(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3), digits[index - 1] != "-" { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `1,234` a second; with decimals where they are most of it.
    static func rate(_ value: Double) -> String {
        value < 100 ? Self.decimal(value, digits: 1) : Self.count(Int(value.rounded()))
    }

    /// `15.8 MB`
    static func bytes(_ value: Double) -> String {
        let units: [(Double, String)] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
        guard let unit = units.first(where: { value >= $0.0 }) else { return "\(Int(value.rounded())) B" }
        return "\(Self.decimal(value / unit.0, digits: 1)) \(unit.1)"
    }

    /// `123 µs`, `1.23 ms`, `12.3 s`; `-` for none.
    static func duration(_ nanoseconds: UInt64?) -> String {
        guard let nanoseconds else { return "-" }
        let units: [(UInt64, String)] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "µs")]
        let unit = units.first { nanoseconds >= $0.0 } ?? (1000, "µs")
        let value = Double(nanoseconds) / Double(unit.0)
        return "\(Self.decimal(value, digits: value < 10 ? 2 : value < 100 ? 1 : 0)) \(unit.1)"
    }

    /// `value` with so many decimals.
    static func decimal(_ value: Double, digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let scaled = (abs(value) * scale).rounded()
        // Beyond what is counted exactly, digits after the point say nothing.
        guard scaled < 9e15 else { return "\(value)" }
        let whole = Int(scaled / scale)
        let rest = String(Int(scaled) - whole * Int(scale))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
