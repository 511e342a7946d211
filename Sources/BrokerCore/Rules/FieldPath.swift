package import BrokerWire

/// Where a rule finds something in a publish: in its data, or in the levels of its topic.
package enum FieldPath: Hashable, Sendable {
    case pointer(JSONPointer)
    /// The level that stands for the n-th `+` of the rule's filter, from 1.
    case level(Int)

    /// Reads a JSON pointer, or `+` and a number; `nil` if `text` is neither.
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "+") else {
            guard let pointer = JSONPointer(text) else { return nil }
            self = .pointer(pointer)
            return
        }
        guard let number = Int(text.dropFirst()), (1...TopicTemplate.levelsMax).contains(number),
            text == "+\(number)"
        else { return nil }
        self = .level(number)
    }

    /// What a publish has there, or `nil` if there is nothing.
    func find(in published: Published) -> FoundValue? {
        switch self {
        case .pointer(.whole): FoundValue(json: published.data)
        case .pointer(let pointer): pointer.find(in: published.data).map { FoundValue(json: $0) }
        case .level(let number):
            published.level(number).map { FoundValue(text: $0) }
        }
    }
}

extension FieldPath: CustomStringConvertible {
    package var description: String {
        switch self {
        case .pointer(.whole): "'data'"
        case .pointer(let pointer): "'\(pointer)' of 'data'"
        case .level(let number): "the level of the topic that stands for '+' number \(number)"
        }
    }
}

/// A publish as the rules of its topic and of its views see it.
struct Published {
    /// The data, one well-formed JSON value.
    var data: UnsafeRawBufferPointer
    /// The topic that it was published to.
    var topic: UnsafeRawBufferPointer
    /// The filter whose `+` name levels.
    var filter: TopicFilter

    /// The level of the topic that stands for the n-th `+` of the filter.
    func level(_ number: Int) -> UnsafeRawBufferPointer? {
        var seen = 0
        var start = 0
        for wanted in self.filter.levels {
            guard start <= self.topic.count else { return nil }
            let end = self.topic[start...].firstIndex(of: UInt8(ascii: "/")) ?? self.topic.count
            if wanted.elementsEqual("+".utf8) {
                seen += 1
                if seen == number { return UnsafeRawBufferPointer(rebasing: self.topic[start..<end]) }
            }
            start = end + 1
        }
        return nil
    }
}

/// Something that was found in a publish: a JSON value, or plain text.
struct FoundValue {
    enum Kind {
        case null
        case boolean
        case number
        case string
        case container
        /// Not JSON: a level of a topic.
        case plain
    }

    var kind: Kind
    var bytes: UnsafeRawBufferPointer

    init(json: UnsafeRawBufferPointer) {
        self.bytes = json
        self.kind =
            switch json.first {
            case UInt8(ascii: "\""): .string
            case UInt8(ascii: "{"), UInt8(ascii: "["): .container
            case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
            case UInt8(ascii: "n"): .null
            default: .number
            }
    }

    init(text: UnsafeRawBufferPointer) {
        self.bytes = text
        self.kind = .plain
    }

    /// What it says as text, or `nil` for what says nothing by itself: `null`, arrays, objects.
    var label: [UInt8]? {
        switch self.kind {
        case .null, .container: return nil
        case .boolean, .number, .plain: return Array(self.bytes)
        case .string:
            var text = Array(self.bytes.dropFirst().dropLast())
            let count = text.withUnsafeMutableBytes { JSONString.unescape($0) }
            text.removeLast(text.count - count)
            return text
        }
    }

    /// The number that it is; of plain text, the one that it is written as.
    func number(as format: NumberFormat, strict: Bool) throws(NumberError) -> ExactDecimal {
        switch self.kind {
        case .number: break
        case .plain:
            // A level is anything, so it has to be looked at before it is taken for a token.
            var json = JSONSkipper(self.bytes)
            do throws(JSONSkipper.Problem) { try json.skipNumber() } catch { throw .notANumber }
            guard json.isAtEnd else { throw .notANumber }
        case .null, .boolean, .string, .container: throw .notANumber
        }
        return try ExactDecimal(parsing: self.bytes, as: format, strict: strict)
    }
}
