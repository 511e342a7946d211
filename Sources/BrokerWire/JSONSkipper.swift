/// Walks over JSON text, strictly by its grammar (RFC 8259), and allocates nothing.
///
/// It answers one question, where a value ends; what the value says is for others. The text has to be UTF-8 already,
/// which the WebSocket message assembler has seen to.
package struct JSONSkipper {
    /// Where the walk ended for good.
    package enum Problem: Error, Hashable, Sendable {
        case syntax(at: Int)
        case tooDeep(limit: Int)
    }

    package let base: UnsafeRawPointer
    package let count: Int
    package var index: Int
    private let depthMax: Int

    package init(_ text: UnsafeRawBufferPointer, depthMax: Int = 32) {
        // An empty buffer may have no address; nothing is ever read from it.
        self.base = text.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        self.count = text.count
        self.index = 0
        self.depthMax = min(depthMax, WireLimits.jsonDepthCeiling)
    }

    package var isAtEnd: Bool { self.index >= self.count }

    /// The byte at the current place, or 0, which is never part of JSON, at the end.
    @inline(__always)
    package var current: UInt8 {
        self.index < self.count ? self.base.load(fromByteOffset: self.index, as: UInt8.self) : 0
    }

    @inline(__always)
    package mutating func skipBlank() {
        while true {
            switch self.current {
            case 0x20, 0x09, 0x0A, 0x0D: self.index += 1
            default: return
            }
        }
    }

    @inline(__always)
    package func syntax() -> Problem { .syntax(at: self.index) }

    /// Passes one value, whatever it is.
    package mutating func skipValue() throws(Problem) {
        switch self.current {
        case UInt8(ascii: "{"), UInt8(ascii: "["): try self.skipContainer()
        default: try self.skipScalar()
        }
    }

    private mutating func skipScalar() throws(Problem) {
        switch self.current {
        case UInt8(ascii: "\""): _ = try self.skipString()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try self.skipNumber()
        case UInt8(ascii: "t"): try self.skipWord("true")
        case UInt8(ascii: "f"): try self.skipWord("false")
        case UInt8(ascii: "n"): try self.skipWord("null")
        default: throw self.syntax()
        }
    }

    /// Passes an array or object with a bit per open container instead of a call, so that depth costs no stack.
    private mutating func skipContainer() throws(Problem) {
        var isObject: UInt64 = 0
        var depth = 0
        while true {
            let byte = self.current
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard depth < self.depthMax else { throw .tooDeep(limit: self.depthMax) }
                depth += 1
                isObject = isObject << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
                self.index += 1
                self.skipBlank()
                let isEmpty = self.current == (isObject & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"))
                if !isEmpty {
                    if isObject & 1 == 1 { try self.skipName() }
                    continue
                }
            } else {
                try self.skipScalar()
                self.skipBlank()
            }
            // A value has ended, and with it perhaps its containers.
            while true {
                let end = isObject & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]")
                if self.current == UInt8(ascii: ",") {
                    self.index += 1
                    self.skipBlank()
                    if isObject & 1 == 1 { try self.skipName() }
                    break
                }
                guard self.current == end else { throw self.syntax() }
                self.index += 1
                depth -= 1
                isObject >>= 1
                if depth == 0 { return }
                self.skipBlank()
            }
        }
    }

    /// Passes a member's name and its colon.
    private mutating func skipName() throws(Problem) {
        guard self.current == UInt8(ascii: "\"") else { throw self.syntax() }
        _ = try self.skipString()
        self.skipBlank()
        guard self.current == UInt8(ascii: ":") else { throw self.syntax() }
        self.index += 1
        self.skipBlank()
    }

    package mutating func skipNumber() throws(Problem) {
        if self.current == UInt8(ascii: "-") { self.index += 1 }
        if self.current == UInt8(ascii: "0") {
            self.index += 1
        } else {
            try self.skipDigits()
        }
        if self.current == UInt8(ascii: ".") {
            self.index += 1
            try self.skipDigits()
        }
        if self.current | 0x20 == UInt8(ascii: "e") {
            self.index += 1
            if self.current == UInt8(ascii: "+") || self.current == UInt8(ascii: "-") { self.index += 1 }
            try self.skipDigits()
        }
    }

    private mutating func skipDigits() throws(Problem) {
        let start = self.index
        while self.current &- UInt8(ascii: "0") <= 9 { self.index += 1 }
        guard self.index > start else { throw self.syntax() }
    }

    private mutating func skipWord(_ word: StaticString) throws(Problem) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard self.current == word.utf8Start[offset] else { throw self.syntax() }
            self.index += 1
        }
    }

    /// Passes a string, whose opening quote is the current byte.
    ///
    /// - Returns: Whether it holds an escape.
    package mutating func skipString() throws(Problem) -> Bool {
        var hasEscape = false
        self.index += 1
        while true {
            self.skipPlainCharacters()
            guard self.index < self.count else { throw self.syntax() }
            switch self.current {
            case UInt8(ascii: "\""):
                self.index += 1
                return hasEscape
            case UInt8(ascii: "\\"):
                hasEscape = true
                try self.skipEscape()
            default:
                throw self.syntax()
            }
        }
    }

    /// The top bits of the bytes in `word` that are a quote, a backslash or a control character.
    ///
    /// In a word whose bytes are compared all at once, a borrow can only make a byte look like a stop that lies
    /// behind a real one, so the first one found is right.
    @inline(__always)
    private static func stops(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
        let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
        return
            (((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word))
            & highBits
    }

    /// Moves to the next quote, backslash or control character, eight bytes at a time.
    @inline(__always)
    private mutating func skipPlainCharacters() {
        while self.index &+ 8 <= self.count {
            let word = UInt64(littleEndian: self.base.loadUnaligned(fromByteOffset: self.index, as: UInt64.self))
            let stops = Self.stops(in: word)
            guard stops == 0 else {
                self.index &+= stops.trailingZeroBitCount / 8
                return
            }
            self.index &+= 8
        }
        while self.index < self.count {
            let byte = self.current
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return }
            self.index &+= 1
        }
    }

    /// Takes a string of at most seven plain characters, such as the name of a field, whose opening quote is the
    /// current byte; `nil`, and nothing is taken, if it is another string or too near to the end.
    ///
    /// - Returns: Its bytes, the first one lowest.
    @inline(__always)
    mutating func takeShortName() -> UInt64? {
        guard self.index &+ 9 <= self.count else { return nil }
        let word = UInt64(
            littleEndian: self.base.loadUnaligned(fromByteOffset: self.index &+ 1, as: UInt64.self)
        )
        let stops = Self.stops(in: word)
        guard stops != 0 else { return nil }
        let length = stops.trailingZeroBitCount / 8
        guard self.base.load(fromByteOffset: self.index &+ 1 &+ length, as: UInt8.self) == UInt8(ascii: "\"") else {
            return nil
        }
        self.index &+= length &+ 2
        return word & ((1 &<< (UInt64(length) &* 8)) &- 1)
    }

    /// Takes a whole number of at most fifteen digits without sign, fraction and exponent; `nil`, and nothing is taken,
    /// if it is anything else.
    @inline(__always)
    mutating func takePlainInteger() -> UInt64? {
        let start = self.index
        var index = start
        var value: UInt64 = 0
        while index < self.count {
            let byte = self.base.load(fromByteOffset: index, as: UInt8.self)
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else {
                if byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") { return nil }
                break
            }
            value = value &* 10 &+ UInt64(digit)
            index &+= 1
            guard index &- start <= 15 else { return nil }
        }
        guard index > start else { return nil }
        // No zero stands in front of other digits.
        if self.current == UInt8(ascii: "0"), index > start &+ 1 { return nil }
        self.index = index
        return value
    }

    private mutating func skipEscape() throws(Problem) {
        self.index += 1
        switch self.current {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.index += 1
        case UInt8(ascii: "u"):
            let unit = try self.takeUnicodeEscape()
            guard unit & 0xF800 == 0xD800 else { return }
            // Half of a pair means nothing alone: the first half must come first and the second must follow.
            guard unit < 0xDC00, self.current == UInt8(ascii: "\\") else { throw self.syntax() }
            self.index += 1
            guard self.current == UInt8(ascii: "u") else { throw self.syntax() }
            guard try self.takeUnicodeEscape() & 0xFC00 == 0xDC00 else { throw self.syntax() }
        default:
            throw self.syntax()
        }
    }

    /// Takes `uXXXX`, whose `u` is the current byte.
    private mutating func takeUnicodeEscape() throws(Problem) -> UInt16 {
        self.index += 1
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = HexDigit.value(self.current) else { throw self.syntax() }
            unit = unit << 4 | UInt16(digit)
            self.index += 1
        }
        return unit
    }
}

/// Hexadecimal digits as JSON's `\u` takes them.
enum HexDigit {
    static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
