import BrokerWire

/// Reads one message of the broker as a ``Reply``: one pass, strict JSON, no allocation.
///
/// What it does not know it passes over, fields and operations alike, and a field of another type than expected
/// counts as unknown: a client must get along with a broker that is newer.
struct ReplyScanner {
    private let message: UnsafeMutableRawBufferPointer
    private var json: JSONSkipper
    private var reply = Reply()

    private init(_ message: UnsafeMutableRawBufferPointer) {
        self.message = message
        // Deeper than what the broker takes by default: how deep is its business.
        self.json = JSONSkipper(UnsafeRawBufferPointer(message), depthMax: WireLimits.jsonDepthCeiling)
    }

    /// Reads `message`, whose escaped fields are unescaped in place.
    static func scan(_ message: UnsafeMutableRawBufferPointer) throws(JSONSkipper.Problem) -> Reply {
        var scanner = Self(message)
        try scanner.scanObject()
        return scanner.reply
    }

    private mutating func scanObject() throws(JSONSkipper.Problem) {
        self.json.skipBlank()
        guard self.json.current == UInt8(ascii: "{") else { throw self.json.syntax() }
        self.json.index += 1
        self.json.skipBlank()
        if self.json.current == UInt8(ascii: "}") {
            self.json.index += 1
        } else {
            try self.scanMembers()
        }
        self.json.skipBlank()
        guard self.json.isAtEnd else { throw self.json.syntax() }
    }

    private mutating func scanMembers() throws(JSONSkipper.Problem) {
        while true {
            guard self.json.current == UInt8(ascii: "\"") else { throw self.json.syntax() }
            let name = try self.takeString()
            self.json.skipBlank()
            guard self.json.current == UInt8(ascii: ":") else { throw self.json.syntax() }
            self.json.index += 1
            self.json.skipBlank()
            try self.scanField(Word(name.bytes(in: UnsafeRawBufferPointer(self.message))))
            self.json.skipBlank()
            if self.json.current == UInt8(ascii: ",") {
                self.json.index += 1
                self.json.skipBlank()
                continue
            }
            guard self.json.current == UInt8(ascii: "}") else { throw self.json.syntax() }
            self.json.index += 1
            return
        }
    }

    private mutating func scanField(_ name: Word) throws(JSONSkipper.Problem) {
        switch name {
        case Word("op"): try self.scanOperation()
        case Word("id"): try self.scanID()
        case Word("seq"): self.reply.seq = try self.takeInteger()
        case Word("offset"): self.reply.offset = try self.takeInteger() ?? 0
        case Word("data"): self.reply.data = try self.takeValue()
        case Word("topic"): self.reply.topic = try self.takeStringIfAny() ?? .empty
        case Word("ts"): self.reply.timestamp = try self.takeInteger()
        case Word("exact"): self.reply.exact = try self.takeStringIfAny() ?? .empty
        case Word("retained"): self.reply.isRetained = try self.takeBool() ?? false
        case Word("dup"): self.reply.isDuplicate = try self.takeBool() ?? false
        case Word("dups"): self.reply.isDuplicate = try self.takeInteger() ?? 0 > 0
        case Word("applied"): self.reply.isApplied = try self.takeBool() ?? true
        case Word("epoch"): self.reply.epoch = try self.takeStringIfAny() ?? .empty
        case Word("code"): self.reply.code = try self.takeInteger() ?? 0
        case Word("name"): self.reply.name = try self.takeStringIfAny() ?? .empty
        case Word("reason"): self.reply.reason = try self.takeStringIfAny() ?? .empty
        case Word("why"): self.reply.why = try self.takeStringIfAny() ?? .empty
        case Word("retry"): self.reply.retry = try self.takeStringIfAny() ?? .empty
        case Word("afterMs"): self.reply.afterMilliseconds = try self.takeInteger()
        case Word("producer"): self.reply.producer = try self.takeValue()
        case Word("messageBytesMax"): self.reply.messageBytesMax = try self.takeInteger()
        default: try self.json.skipValue()
        }
    }

    private mutating func scanOperation() throws(JSONSkipper.Problem) {
        guard let range = try self.takeStringIfAny() else { return }
        self.reply.operation =
            switch Word(range.bytes(in: UnsafeRawBufferPointer(self.message))) {
            case Word("ack"): .acknowledgement
            case Word("msg"): .message
            case Word("err"): .error
            case Word("pong"): .pong
            case Word("welcome"): .welcome
            case Word("bye"): .bye
            case Word("notice"): .notice
            case Word("unsub"): .ended
            default: .unknown
            }
    }

    private mutating func scanID() throws(JSONSkipper.Problem) {
        guard self.json.current == UInt8(ascii: "\"") else {
            self.reply.id = try self.takeInteger().map { .publish($0) }
            return
        }
        let range = try self.takeString()
        let bytes = range.bytes(in: UnsafeRawBufferPointer(self.message))
        guard bytes.first == UInt8(ascii: "r") else { return }
        self.reply.id = Self.integer(UnsafeRawBufferPointer(rebasing: bytes[1...])).map { .control($0) }
    }

    // MARK: Typed values

    private mutating func takeValue() throws(JSONSkipper.Problem) -> ByteRange {
        let start = self.json.index
        try self.json.skipValue()
        return ByteRange(start..<self.json.index)
    }

    /// Takes a string and unescapes it; the range is what is between the quotes.
    private mutating func takeString() throws(JSONSkipper.Problem) -> ByteRange {
        let start = self.json.index + 1
        let hasEscape = try self.json.skipString()
        let end = self.json.index - 1
        guard hasEscape else { return ByteRange(start..<end) }
        let inside = UnsafeMutableRawBufferPointer(rebasing: self.message[start..<end])
        return ByteRange(start..<start + JSONString.unescape(inside))
    }

    private mutating func takeStringIfAny() throws(JSONSkipper.Problem) -> ByteRange? {
        guard self.json.current == UInt8(ascii: "\"") else {
            try self.json.skipValue()
            return nil
        }
        return try self.takeString()
    }

    private mutating func takeBool() throws(JSONSkipper.Problem) -> Bool? {
        let first = self.json.current
        try self.json.skipValue()
        guard first == UInt8(ascii: "t") || first == UInt8(ascii: "f") else { return nil }
        return first == UInt8(ascii: "t")
    }

    /// Takes a whole number without sign, fraction or exponent; anything else counts as absent.
    private mutating func takeInteger() throws(JSONSkipper.Problem) -> UInt64? {
        let range = try self.takeValue()
        return Self.integer(range.bytes(in: UnsafeRawBufferPointer(self.message)))
    }

    private static func integer(_ digits: UnsafeRawBufferPointer) -> UInt64? {
        guard (1...16).contains(digits.count) else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit = byte &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }
}

/// A short name as a number, so that telling names apart takes one comparison each.
private struct Word: Equatable {
    private let low: UInt64
    private let high: UInt64

    /// Names have at most sixteen bytes; longer ones equal none of ours, nor do those that begin with a zero byte,
    /// which would not change the number.
    @inline(__always)
    init(_ name: UnsafeRawBufferPointer) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        if name.count <= 16, name.first != 0 {
            for byte in name {
                high = high << 8 | low >> 56
                low = low << 8 | UInt64(byte)
            }
        }
        self.low = low
        self.high = high
    }

    /// The same of a literal; the compiler computes it.
    @inline(__always)
    init(_ name: StaticString) {
        self.init(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    @inline(__always)
    static func ~= (pattern: Self, value: Self) -> Bool { pattern == value }
}
