/// Reads one message as a ``Request``: one pass over the bytes, strict JSON, no allocation unless it is refused.
///
/// Field order is free and unknown fields are passed over. A field that is escaped (`"to\u0070ic"`) means what it
/// says, and one that stands twice is refused, because two parsers that disagree about it are a way past a check.
package struct RequestScanner {
    let message: UnsafeMutableRawBufferPointer
    private let topicLimits: TopicLimits
    var json: JSONSkipper
    var request = Request()
    private var seen: UInt32 = 0
    /// The first field that is wrong. Scanning goes on, to learn the `id` that the refusal has to carry.
    private var problem: RequestError? {
        get { self.found?.error }
        set { self.found = newValue.map(FoundProblem.init) }
    }
    /// Where it is, if there is one: a scanner is made for every message and stays small.
    private var found: FoundProblem?

    private final class FoundProblem {
        let error: RequestError
        init(_ error: RequestError) { self.error = error }
    }

    private init(_ message: UnsafeMutableRawBufferPointer, limits: WireLimits) {
        self.message = message
        self.topicLimits = limits.topic
        self.json = JSONSkipper(UnsafeRawBufferPointer(message), depthMax: limits.jsonDepthMax)
    }

    /// Reads `message`, whose escaped fields are unescaped in place.
    package static func scan(
        _ message: UnsafeMutableRawBufferPointer,
        limits: WireLimits
    ) throws(RequestError)
        -> Request
    {
        var scanner = Self(message, limits: limits)
        do throws(JSONSkipper.Problem) {
            try scanner.scanObject()
        } catch {
            throw scanner.refusal(of: error)
        }
        if var problem = scanner.problem {
            problem.id = scanner.request.id
            problem.seq = scanner.numberOfPublish
            throw problem
        }
        do throws(RequestError) {
            try scanner.checkOperation()
        } catch {
            var problem = error
            problem.seq = scanner.numberOfPublish
            if problem.id.isEmpty { problem.topic = scanner.request.topic }
            throw problem
        }
        return scanner.request
    }

    /// The number that a publish has been given, if that much is certain.
    private var numberOfPublish: UInt64? {
        self.request.operation == .publish && self.has(.op) && self.request.id.isEmpty ? self.request.seq : nil
    }

    private func refusal(of problem: JSONSkipper.Problem) -> RequestError {
        switch problem {
        case .syntax(let index) where index >= self.json.count:
            RequestError(.badJSON, "the JSON ends too early, at byte \(index)", id: self.request.id)
        case .syntax(let index):
            RequestError(.badJSON, "not JSON at byte \(index)", id: self.request.id)
        case .tooDeep(let limit):
            RequestError(.badJSON, "nested deeper than \(limit) levels", id: self.request.id)
        }
    }

    mutating func fail(_ field: StaticString, _ rule: StaticString, code: ErrorCode = .badEnvelope) {
        guard self.problem == nil else { return }
        self.problem = RequestError(code, field: field, "'\(field)' \(rule)")
    }

    // MARK: The object

    private mutating func scanObject() throws(JSONSkipper.Problem) {
        self.request.messageBytes = UInt32(truncatingIfNeeded: self.json.count)
        self.json.skipBlank()
        guard self.json.current == UInt8(ascii: "{") else {
            try self.json.skipValue()
            try self.expectEnd()
            self.problem = RequestError(.badEnvelope, "a request is a JSON object")
            return
        }
        self.json.index += 1
        self.json.skipBlank()
        if self.json.current == UInt8(ascii: "}") {
            self.json.index += 1
        } else {
            try self.scanMembers()
        }
        try self.expectEnd()
    }

    private mutating func scanMembers() throws(JSONSkipper.Problem) {
        var count = 0
        while true {
            count += 1
            if count > WireLimits.envelopeFieldsMax, self.problem == nil {
                self.problem = RequestError(
                    .badEnvelope,
                    "more than \(WireLimits.envelopeFieldsMax) fields in one request"
                )
            }
            guard self.json.current == UInt8(ascii: "\"") else { throw self.json.syntax() }
            let field = try self.takeName()
            self.json.skipBlank()
            guard self.json.current == UInt8(ascii: ":") else { throw self.json.syntax() }
            self.json.index += 1
            self.json.skipBlank()
            try self.scan(field)
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

    private mutating func expectEnd() throws(JSONSkipper.Problem) {
        self.json.skipBlank()
        guard self.json.isAtEnd else { throw self.json.syntax() }
    }

    /// Takes a string and unescapes it; the range is what is between the quotes.
    mutating func takeString() throws(JSONSkipper.Problem) -> ByteRange {
        let start = self.json.index + 1
        let hasEscape = try self.json.skipString()
        let end = self.json.index - 1
        guard hasEscape else { return ByteRange(start..<end) }
        let inside = UnsafeMutableRawBufferPointer(rebasing: self.message[start..<end])
        return ByteRange(start..<start + JSONString.unescape(inside))
    }

    // MARK: Fields

    /// Takes the name of a member, whose opening quote is the current byte.
    @inline(__always)
    private mutating func takeName() throws(JSONSkipper.Problem) -> RequestField {
        if let word = self.json.takeShortName() { return RequestField(word: word) }
        let name = try self.takeString()
        return RequestField(name: name.bytes(in: UnsafeRawBufferPointer(self.message)))
    }

    private mutating func scan(_ field: RequestField) throws(JSONSkipper.Problem) {
        guard field != .unknown else { return try self.json.skipValue() }
        self.note(field)
        switch field {
        case .data: try self.scanData()
        case .id: try self.scanID()
        case .op: try self.scanOperation()
        case .topic: self.request.topic = try self.takeString(field) ?? .empty
        case .once: try self.scanOnce()
        case .mode: try self.scanMode()
        case .retain: self.request.retain = try self.takeBool(field) ?? false
        case .echo: self.request.echo = try self.takeBool(field) ?? true
        case .retained: self.request.wantsRetained = try self.takeBool(field) ?? true
        case .maxRate: try self.scanMaxRate()
        case .seq: self.request.seq = try self.takeInteger(field, from: 1)
        case .version: self.request.version = try self.takeInteger(field, from: 0)
        case .since: try self.scanSince()
        case .client: self.request.client = try self.takeString(field) ?? .empty
        case .token: try self.scanToken()
        case .producer: try self.scanProducer()
        case .unknown, .sinceEpoch, .sinceOffset, .producerName, .producerEpoch, .producerResume, .producerAcked: break
        }
    }

    /// Remembers that `field` is there; it must not be there again.
    mutating func note(_ field: RequestField) {
        if self.has(field), self.problem == nil {
            self.problem = RequestError(.badJSON, field: field.name, "'\(field.name)' stands twice")
        }
        self.seen |= 1 << field.rawValue
    }

    private mutating func scanData() throws(JSONSkipper.Problem) {
        let start = self.json.index
        self.request.dataKind =
            switch self.json.current {
            case UInt8(ascii: "\""): .string
            case UInt8(ascii: "{"), UInt8(ascii: "["): .container
            case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
            case UInt8(ascii: "n"): .null
            default: .number
            }
        if self.json.takePlainInteger() == nil { try self.json.skipValue() }
        self.request.data = ByteRange(start..<self.json.index)
    }

    private mutating func scanID() throws(JSONSkipper.Problem) {
        let start = self.json.index
        if self.json.current == UInt8(ascii: "\"") {
            _ = try self.json.skipString()
            let range = ByteRange(start..<self.json.index)
            guard Int(range.count) <= WireLimits.idBytesMax + 2 else {
                return self.fail("id", "is a string of more than 64 bytes")
            }
            self.request.id = range
        } else if try self.takeInteger(.id, from: 0) != nil {
            self.request.id = ByteRange(start..<self.json.index)
        }
    }

    private mutating func scanOperation() throws(JSONSkipper.Problem) {
        let word: UInt64
        if self.json.current == UInt8(ascii: "\""), let short = self.json.takeShortName() {
            word = short
        } else {
            guard let name = try self.takeString(.op) else { return }
            word = RequestField.word(name.bytes(in: UnsafeRawBufferPointer(self.message)))
        }
        guard let operation = RequestField.operation(word) else {
            return self.fail("op", "is none of hello, sub, unsub, pub, get, reset and ping")
        }
        self.request.operation = operation
    }

    private mutating func scanOnce() throws(JSONSkipper.Problem) {
        guard let once = try self.takeString(.once) else { return }
        guard !once.isEmpty, Int(once.count) <= WireLimits.idBytesMax else {
            return self.fail("once", "has 1 to 64 bytes")
        }
        self.request.once = once
    }

    private mutating func scanToken() throws(JSONSkipper.Problem) {
        guard let token = try self.takeString(.token) else { return }
        // Not as if there were none: who sends one wants to be somebody.
        guard !token.isEmpty else { return self.fail("token", "is empty") }
        self.request.token = token
    }

    private mutating func scanMode() throws(JSONSkipper.Problem) {
        guard let mode = try self.takeString(.mode) else { return }
        let bytes = mode.bytes(in: UnsafeRawBufferPointer(self.message))
        if bytes.elementsEqual("latest".utf8) {
            self.request.mode = .latest
        } else if bytes.elementsEqual("all".utf8) {
            self.request.mode = .all
        } else {
            self.fail("mode", "is \"latest\" or \"all\"")
        }
    }

    private mutating func scanMaxRate() throws(JSONSkipper.Problem) {
        let start = self.json.index
        try self.json.skipValue()
        let text = String(decoding: self.message[start..<self.json.index], as: UTF8.self)
        guard text.utf8.count <= 32, let rate = Double(text), rate >= 0.001, rate <= 1_000_000 else {
            return self.fail("maxRate", "is a number of messages per second from 0.001 to 1000000")
        }
        self.request.maxRate = rate
    }

    // MARK: Typed values

    mutating func takeString(_ field: RequestField) throws(JSONSkipper.Problem) -> ByteRange? {
        guard self.json.current == UInt8(ascii: "\"") else {
            self.fail(field.name, "is a string")
            try self.json.skipValue()
            return nil
        }
        return try self.takeString()
    }

    mutating func takeBool(_ field: RequestField) throws(JSONSkipper.Problem) -> Bool? {
        let first = self.json.current
        try self.json.skipValue()
        guard first == UInt8(ascii: "t") || first == UInt8(ascii: "f") else {
            self.fail(field.name, "is true or false")
            return nil
        }
        return first == UInt8(ascii: "t")
    }

    /// Takes a whole number without sign, fraction or exponent, from `lowest` to 2^53-1.
    mutating func takeInteger(
        _ field: RequestField,
        from lowest: UInt64
    ) throws(JSONSkipper.Problem)
        -> UInt64?
    {
        let start = self.json.index
        if let value = self.json.takePlainInteger() {
            if value >= lowest { return value }
            self.json.index = start
        }
        try self.json.skipValue()
        let digits = self.message[start..<self.json.index]
        var value: UInt64 = 0
        var isInteger = digits.count <= 16
        for byte in digits where isInteger {
            let digit = byte &- UInt8(ascii: "0")
            isInteger = digit <= 9
            value = value &* 10 &+ UInt64(digit)
        }
        guard isInteger, value >= lowest, value <= WireLimits.integerMax else {
            self.fail(
                field.name,
                field == .id ? "is a whole number from 0 to 2^53-1 or a string" : "is a whole number up to 2^53-1"
            )
            return nil
        }
        return value
    }

    // MARK: What an operation needs

    private func checkOperation() throws(RequestError) {
        guard self.has(.op) else {
            throw RequestError(.badEnvelope, field: "op", "'op' is missing", id: self.request.id)
        }
        switch self.request.operation {
        case .publish:
            guard self.has(.data) else { throw self.missing("data") }
            guard self.request.seq == nil || self.request.id.isEmpty else {
                throw RequestError(
                    .badEnvelope,
                    field: "seq",
                    "'seq' and 'id' together: use one of them",
                    id: self.request.id
                )
            }
            try self.checkTopic(.topic)
        case .get:
            try self.checkTopic(.readable)
        case .reset:
            try self.checkTopic(.topic)
        case .subscribe, .unsubscribe:
            try self.checkTopic(.filter)
            if self.request.mode == .all, self.request.maxRate > 0 {
                throw RequestError(
                    .badEnvelope,
                    field: "maxRate",
                    "'maxRate' skips messages, which mode \"all\" must not",
                    id: self.request.id
                )
            }
        case .hello, .ping, .plain:
            break
        }
    }

    func has(_ field: RequestField) -> Bool { self.seen & (1 << field.rawValue) != 0 }

    private func missing(_ field: StaticString) -> RequestError {
        RequestError(.badEnvelope, field: field, "'\(field)' is missing", id: self.request.id)
    }

    private func checkTopic(_ kind: TopicGrammar.Kind) throws(RequestError) {
        guard self.has(.topic) else { throw self.missing("topic") }
        let bytes = self.request.topic.bytes(in: UnsafeRawBufferPointer(self.message))
        guard let problem = TopicGrammar.problem(in: bytes, as: kind, limits: self.topicLimits) else { return }
        // Topics that begin with '$' are the broker's: publishing there is not malformed, it is not allowed.
        let code: ErrorCode = problem == .reserved ? .forbidden : kind == .filter ? .badFilter : .badTopic
        throw RequestError(code, field: "topic", "'topic' \(problem)", id: self.request.id)
    }
}
