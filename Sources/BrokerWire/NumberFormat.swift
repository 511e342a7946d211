/// How the numbers of a topic are kept: which are accepted, and to how many decimals.
public enum NumberFormat: String, Hashable, Sendable, CaseIterable, Codable {
    /// Up to 18 decimals and about ±1.7e20.
    case decimal
    /// Whole numbers up to about ±1.7e38; `1.0` and `1e2` are whole.
    case int

    /// How many decimals an ``ExactDecimal`` of this format keeps.
    public var scale: Int {
        switch self {
        case .decimal: 18
        case .int: 0
        }
    }
}

/// Why a JSON number was not accepted, as it travels in `why`.
public enum NumberError: Error, Hashable, Sendable {
    case notANumber
    case tokenTooLong
    case tooManyDigits
    case exponentOutOfRange
    case outOfRange
    /// A fraction in a whole-number topic, or more decimals than a strict topic keeps.
    case notRepresentable
    /// The aggregate itself would leave its range.
    case overflow

    /// The word on the wire.
    public var why: String {
        switch self {
        case .notANumber: "not_a_number"
        case .tokenTooLong: "token_too_long"
        case .tooManyDigits: "too_many_digits"
        case .exponentOutOfRange: "exponent_out_of_range"
        case .outOfRange: "out_of_range"
        case .notRepresentable: "not_representable"
        case .overflow: "overflow"
        }
    }
}
