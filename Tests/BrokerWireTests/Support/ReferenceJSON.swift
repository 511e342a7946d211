/// JSON by its grammar (RFC 8259), recursive, slow and obvious: the scanner is compared with it.
///
/// Bytes that are not UTF-8 are taken inside strings, because whoever checks them is another.
struct ReferenceJSON {
    indirect enum Value {
        case null
        case boolean(Bool)
        case number
        /// The text behind the escapes.
        case string([UInt8])
        case array([ReferenceJSON])
        case object([(name: [UInt8], value: ReferenceJSON)])
    }

    var value: Value
    /// The bytes of the value as they were written.
    var source: [UInt8]

    /// Reads `text` as one value with blanks around it, or returns `nil` where it is not one.
    static func parse(_ text: [UInt8]) -> ReferenceJSON? {
        var reader = Reader(text: text[...])
        reader.dropBlanks()
        guard let json = reader.value(depth: 0) else { return nil }
        reader.dropBlanks()
        return reader.text.isEmpty ? json : nil
    }

    /// How many arrays and objects lie within each other.
    var depth: Int {
        switch self.value {
        case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
        case .object(let members): 1 + (members.map(\.value.depth).max() ?? 0)
        default: 0
        }
    }
}

private struct Reader {
    /// Recursion needs an end; no test nests deeper and expects to be understood.
    static let depthMax = 200

    var text: ArraySlice<UInt8>

    mutating func take(_ byte: Character) -> Bool {
        guard let first = self.text.first, first == byte.asciiValue else { return false }
        self.text.removeFirst()
        return true
    }

    mutating func takeWord(_ word: String) -> Bool {
        guard self.text.starts(with: word.utf8) else { return false }
        self.text.removeFirst(word.utf8.count)
        return true
    }

    mutating func dropBlanks() {
        while self.take(" ") || self.take("\t") || self.take("\n") || self.take("\r") {}
    }

    mutating func value(depth: Int) -> ReferenceJSON? {
        guard depth < Self.depthMax else { return nil }
        let start = self.text
        guard let value = self.bareValue(depth: depth) else { return nil }
        return ReferenceJSON(value: value, source: Array(start[start.startIndex..<self.text.startIndex]))
    }

    private mutating func bareValue(depth: Int) -> ReferenceJSON.Value? {
        if self.takeWord("null") { return .null }
        if self.takeWord("true") { return .boolean(true) }
        if self.takeWord("false") { return .boolean(false) }
        if self.take("[") { return self.elements(depth: depth) }
        if self.take("{") { return self.members(depth: depth) }
        if self.text.first == UInt8(ascii: "\"") { return self.string().map { .string($0) } }
        return self.number() ? .number : nil
    }

    private mutating func elements(depth: Int) -> ReferenceJSON.Value? {
        var elements: [ReferenceJSON] = []
        self.dropBlanks()
        if self.take("]") { return .array([]) }
        repeat {
            self.dropBlanks()
            guard let element = self.value(depth: depth + 1) else { return nil }
            elements.append(element)
            self.dropBlanks()
        } while self.take(",")
        return self.take("]") ? .array(elements) : nil
    }

    private mutating func members(depth: Int) -> ReferenceJSON.Value? {
        var members: [(name: [UInt8], value: ReferenceJSON)] = []
        self.dropBlanks()
        if self.take("}") { return .object([]) }
        repeat {
            self.dropBlanks()
            guard let name = self.string() else { return nil }
            self.dropBlanks()
            guard self.take(":") else { return nil }
            self.dropBlanks()
            guard let value = self.value(depth: depth + 1) else { return nil }
            members.append((name, value))
            self.dropBlanks()
        } while self.take(",")
        return self.take("}") ? .object(members) : nil
    }

    private mutating func number() -> Bool {
        _ = self.take("-")
        if !self.take("0") {
            guard self.digits() else { return false }
        }
        if self.take(".") {
            guard self.digits() else { return false }
        }
        if self.take("e") || self.take("E") {
            if !self.take("+") { _ = self.take("-") }
            return self.digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let rest = self.text.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        defer { self.text = rest }
        return rest.count < self.text.count
    }

    private mutating func string() -> [UInt8]? {
        guard self.take("\"") else { return nil }
        var bytes: [UInt8] = []
        while let byte = self.text.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                return bytes
            case UInt8(ascii: "\\"):
                guard let escaped = self.escaped() else { return nil }
                bytes += escaped
            case 0..<0x20:
                return nil
            default:
                bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escaped() -> [UInt8]? {
        let plain: [UInt8: UInt8] = [
            0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09,
        ]
        guard let letter = self.text.popFirst() else { return nil }
        if let byte = plain[letter] { return [byte] }
        guard letter == UInt8(ascii: "u"), let first = self.fourHexDigits() else { return nil }
        var units = [first]
        if UTF16.isLeadSurrogate(first) {
            guard self.takeWord("\\u"), let second = self.fourHexDigits() else { return nil }
            units.append(second)
        }
        return String(validating: units, as: UTF16.self).map { Array($0.utf8) }
    }

    private mutating func fourHexDigits() -> UInt16? {
        let digits = self.text.prefix(4)
        let isHex = digits.count == 4 && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        guard isHex else { return nil }
        self.text.removeFirst(4)
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
