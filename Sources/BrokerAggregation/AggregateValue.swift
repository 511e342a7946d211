public import BrokerWire

/// The value of an aggregate. The host writes it as JSON, so that no aggregator ever prints a NaN.
public enum AggregateValue: Hashable, Sendable {
    /// There is none yet.
    case none
    case number(ExactDecimal)
    /// A number that is not exact. One that is not finite is written as `null`.
    case double(Double)
    case text(String)
    case boolean(Bool)
    case list([AggregateValue])
    /// Fields in their order. The one called `primary` is *the* number: what alerts, charts and folds across keys take.
    case object([Field], primary: String)

    public struct Field: Hashable, Sendable {
        public var name: String
        public var value: AggregateValue

        public init(_ name: String, _ value: AggregateValue) {
            self.name = name
            self.value = value
        }
    }

    /// The number that stands for the whole, if there is one.
    public var primaryNumber: ExactDecimal? {
        switch self {
        case .number(let number): number
        case .double(let double): ExactDecimal(nearest: double)
        case .object(let fields, let primary): fields.first { $0.name == primary }?.value.primaryNumber
        case .none, .text, .boolean, .list: nil
        }
    }

    /// The key that the number comes from, if the value says so.
    public var primaryKey: [UInt8]? {
        guard case .object(let fields, _) = self,
            case .text(let key)? = fields.first(where: { $0.name == "key" })?.value
        else { return nil }
        return Array(key.utf8)
    }

    /// A whole number.
    public static func count(_ count: Int64) -> Self { .number(ExactDecimal(units: Int128(count), scale: 0)) }
}

extension AggregateValue {
    /// Appends the value as JSON: numbers exactly, doubles in their shortest form.
    public func writeJSON(to bytes: inout [UInt8]) {
        switch self {
        case .none: bytes += "null".utf8
        case .number(let number): bytes += number.description.utf8
        case .double(let double): bytes += Self.text(of: double).utf8
        case .text(let text): JSONString.append(text, to: &bytes)
        case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
        case .list(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.writeJSON(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields, _):
            bytes.append(UInt8(ascii: "{"))
            for (index, field) in fields.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONString.append(field.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                field.value.writeJSON(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func text(of double: Double) -> String {
        guard double.isFinite else { return "null" }
        // Without the sign of a negative zero, and without the ".0" of whole numbers.
        let text = "\(double == 0 ? 0 : double)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
