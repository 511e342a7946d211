import BrokerWire

/// Which publishes a rule takes: `/state == "running"`, `/power > 0.5`, `+1 != "test"`.
///
/// Numbers are compared exactly, text byte by byte. What is not there, or of another kind than it is compared with,
/// differs from it, and is neither less nor greater.
package struct Condition: Hashable, Sendable {
    private enum Comparison: String, CaseIterable, Hashable, Sendable {
        case equal = "=="
        case notEqual = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case less = "<"
        case greater = ">"
    }

    private enum Operand: Hashable, Sendable {
        case number(ExactDecimal)
        case text([UInt8])
        /// `true`, `false` or `null`.
        case word([UInt8])
    }

    private let text: String
    private let path: FieldPath
    private let comparison: Comparison
    private let operand: Operand

    /// What a condition looks like, for those who wrote another thing.
    package static let form = #"has to be a comparison such as '/state == "running"' or '/power > 0.5'"#

    /// Reads a comparison, or returns `nil` if `text` is none. An empty left side stands for the whole of `data`.
    package init?(_ text: String) {
        // The first operator counts: a name with one in it is written with ~ or not at all.
        let places = Comparison.allCases.compactMap { comparison in
            text.firstRange(of: comparison.rawValue).map { (comparison, $0) }
        }
        let first = places.min { left, right in
            left.1.lowerBound != right.1.lowerBound
                ? left.1.lowerBound < right.1.lowerBound : left.0.rawValue.count > right.0.rawValue.count
        }
        guard let (comparison, range) = first, let path = FieldPath(Self.trimmed(text[..<range.lowerBound])),
            let operand = Self.operand(Array(Self.trimmed(text[range.upperBound...]).utf8))
        else { return nil }
        if case .word = operand, comparison != .equal, comparison != .notEqual { return nil }
        self.text = text
        self.path = path
        self.comparison = comparison
        self.operand = operand
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    private static func operand(_ bytes: [UInt8]) -> Operand? {
        bytes.withUnsafeBytes { bytes -> Operand? in
            var json = JSONSkipper(bytes)
            do throws(JSONSkipper.Problem) { try json.skipValue() } catch { return nil }
            guard json.isAtEnd else { return nil }
            let value = FoundValue(json: bytes)
            switch value.kind {
            case .number: return (try? value.number(as: .decimal, strict: true)).map { .number($0) }
            case .string: return value.label.map { .text($0) }
            case .boolean, .null: return .word(Array(bytes))
            case .container, .plain: return nil
            }
        }
    }

    /// Whether a publish is one of those.
    func holds(for published: Published) -> Bool {
        guard let value = self.path.find(in: published) else { return self.comparison == .notEqual }
        switch self.operand {
        case .word(let word):
            return value.bytes.elementsEqual(word) == (self.comparison == .equal)
        case .number(let number):
            guard let found = try? value.number(as: .decimal, strict: false) else {
                return self.comparison == .notEqual
            }
            return self.holds(found < number, found == number)
        case .text(let text):
            guard value.kind == .string || value.kind == .plain, let found = value.label else {
                return self.comparison == .notEqual
            }
            return self.holds(found.lexicographicallyPrecedes(text), found == text)
        }
    }

    private func holds(_ isLess: Bool, _ isEqual: Bool) -> Bool {
        switch self.comparison {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .less: isLess
        case .lessOrEqual: isLess || isEqual
        case .greater: !isLess && !isEqual
        case .greaterOrEqual: !isLess
        }
    }
}

extension Condition: CustomStringConvertible {
    package var description: String { self.text }
}
