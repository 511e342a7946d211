import BrokerClient
import BrokerWire

/// What `--until` waits for: a comparison of a message's value, such as `value>90` or `value/level=="critical"`.
struct UntilCondition: Hashable {
    private enum Comparison: String, CaseIterable {
        case atLeast = ">="
        case atMost = "<="
        case equal = "=="
        case different = "!="
        case greater = ">"
        case less = "<"
    }

    private let pointer: JSONPointer
    private let comparison: Comparison
    /// What is compared with, as JSON text.
    private let limit: [UInt8]

    init(_ text: String) throws(FormatError) {
        let place = text.firstIndex { "<>=!".contains($0) } ?? text.endIndex
        let found = Comparison.allCases.first { text[place...].hasPrefix($0.rawValue) }
        guard let comparison = found else {
            throw FormatError("'\(text)' compares nothing; it is VALUE>LIMIT, with one of >, >=, <, <=, == and !=")
        }
        let name = Self.trimmed(text[..<place])
        guard name.hasPrefix("value"), let pointer = JSONPointer(String(name.dropFirst("value".count))) else {
            throw FormatError("'\(name)' is neither value nor a place in it, such as value/power")
        }
        let limit = Array(Self.trimmed(text[place...].dropFirst(comparison.rawValue.count)).utf8)
        guard !limit.isEmpty else { throw FormatError("'\(text)' compares with nothing") }
        // What is no JSON is meant as a string, as it is where it is published.
        guard let json = try? PayloadText.json(of: limit[...]) else { throw FormatError("'\(text)' is no text") }
        self.pointer = pointer
        self.comparison = comparison
        self.limit = Array(json)
        if comparison != .equal, comparison != .different, Self.decimal(self.limit) == nil {
            throw FormatError("'\(String(decoding: limit, as: UTF8.self))' is no number: only == and != compare others")
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Whether `message` makes it true; a value that is not there, or of another kind, does not.
    func holds(for message: Message) -> Bool {
        let value: [UInt8]
        if let exact = message.exact, self.pointer == .whole {
            value = Array(exact.utf8)
        } else {
            let found = message.data.withUnsafeBytes { bytes in self.pointer.find(in: bytes).map { Array($0) } }
            guard let found else { return false }
            value = found
        }
        if let left = Self.decimal(value), let right = Self.decimal(self.limit) {
            return switch self.comparison {
            case .greater: right < left
            case .atLeast: right <= left
            case .less: left < right
            case .atMost: left <= right
            case .equal: left == right
            case .different: left != right
            }
        }
        switch self.comparison {
        case .equal: return Self.text(value) == Self.text(self.limit)
        case .different: return Self.text(value) != Self.text(self.limit)
        default: return false
        }
    }

    private static func decimal(_ json: [UInt8]) -> ExactDecimal? {
        try? ExactDecimal(String(decoding: json, as: UTF8.self))
    }

    /// Strings are the same however they are escaped.
    private static func text(_ json: [UInt8]) -> [UInt8] {
        guard json.first == UInt8(ascii: "\"") else { return json }
        var text = [UInt8(ascii: "\"")]
        PayloadText.append(json, to: &text)
        return text
    }
}
