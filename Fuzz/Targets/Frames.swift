import BrokerWire

/// A stream of frames gives the same however it is cut, and that is what a slow reader of RFC 6455 finds in it.
///
/// The first byte chooses limits and sides, the next two the cuts; the others are the stream.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count: count)
    let settings = FrameSettings(choice: input.takeByte())
    var cuts = SeededGenerator(seed: UInt64(input.takeByte()) << 8 | UInt64(input.takeByte()))
    let stream = Array(input.rest)

    var whole = settings.receiver()
    whole.feed(stream)
    var cut = settings.receiver()
    var rest = stream[...]
    while !rest.isEmpty {
        // Short pieces fall into headers, long ones into payload.
        let piece = rest.prefix(1 + cuts.below(cuts.chance(70) ? 8 : 300))
        cut.feed(piece)
        rest = rest.dropFirst(piece.count)
    }
    guard whole.received == cut.received else {
        preconditionFailure("whole: \(whole.received); cut: \(cut.received)")
    }

    var reference = ReferenceFrames(settings: settings, rest: stream[...])
    let isOpen = reference.readAll()
    let found = whole.received
    // Of a frame that is not complete the reference says nothing, but it may well be wrong already.
    let isSame = found == reference.received || (isOpen && whole.isEnded && found.dropLast() == reference.received[...])
    guard isSame else { preconditionFailure("found: \(found); reference: \(reference.received), open: \(isOpen)") }
    return 0
}

private struct FrameSettings {
    var peer: FrameParser.Peer
    var messageBytesMax: Int
    var fragmentsMax: Int
    var acceptsBinary: Bool

    init(choice: UInt8) {
        self.peer = choice & 1 == 0 ? .client : .server
        self.acceptsBinary = choice & 2 != 0
        self.messageBytesMax = choice & 4 == 0 ? 1024 : choice & 8 == 0 ? 0 : 130
        self.fragmentsMax = choice & 16 == 0 ? 1024 : 3
    }

    func receiver() -> FrameReceiver {
        FrameReceiver(
            from: self.peer,
            messageBytesMax: self.messageBytesMax,
            fragmentsMax: self.fragmentsMax,
            acceptsBinary: self.acceptsBinary
        )
    }
}

/// Takes whole frames from the front and keeps to the order of RFC 6455, section 5.
private struct ReferenceFrames {
    var settings: FrameSettings
    var rest: ArraySlice<UInt8>
    var received: [Received] = []
    private var message: [UInt8] = []
    private var fragments = 0
    private var isText = true

    init(settings: FrameSettings, rest: ArraySlice<UInt8>) {
        self.settings = settings
        self.rest = rest
    }

    /// Returns whether the bytes end inside a frame.
    mutating func readAll() -> Bool {
        do throws(FrameViolation) {
            while try self.readFrame() {}
            return !self.rest.isEmpty
        } catch {
            self.received.append(.violation(error.code.rawValue))
            return false
        }
    }

    private mutating func readFrame() throws(FrameViolation) -> Bool {
        let bytes = Array(self.rest)
        guard bytes.count >= 2 else { return false }
        let isMasked = bytes[1] & 0x80 != 0
        let lengthBytes = bytes[1] & 0x7F < 126 ? 0 : bytes[1] & 0x7F == 126 ? 2 : 8
        let headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= headerBytes else { return false }
        let longLength = bytes[2..<2 + lengthBytes].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let length = lengthBytes == 0 ? UInt64(bytes[1] & 0x7F) : longLength
        let opcode = try self.check(bytes[0], isMasked: isMasked, length: length, lengthBytes: lengthBytes)
        guard UInt64(bytes.count - headerBytes) >= length else { return false }
        let end = headerBytes + Int(length)
        let key = isMasked ? bytes[headerBytes - 4..<headerBytes] : [0, 0, 0, 0]
        let payload = bytes[headerBytes..<end].enumerated().map { $1 ^ key[key.startIndex + $0 % 4] }
        self.rest = self.rest.dropFirst(end)
        try self.take(payload, opcode, isFinal: bytes[0] & 0x80 != 0)
        return true
    }

    private func check(
        _ first: UInt8,
        isMasked: Bool,
        length: UInt64,
        lengthBytes: Int
    ) throws(FrameViolation) -> Opcode {
        let isControl = first & 0x08 != 0
        let shortestBytes = length < 126 ? 0 : length < 65536 ? 2 : 8
        guard let opcode = Opcode(rawValue: first & 0x0F), first & 0x70 == 0,
            isMasked == (self.settings.peer == .client), lengthBytes == shortestBytes, length < 1 << 63,
            isControl ? length < 126 && first & 0x80 != 0 : (opcode == .continuation) == (self.fragments > 0)
        else { throw FrameViolation(.protocolError, "") }
        guard !isControl else { return opcode }
        guard UInt64(self.message.count) + length <= UInt64(self.settings.messageBytesMax) else {
            throw FrameViolation(.tooLarge, "")
        }
        guard self.fragments < self.settings.fragmentsMax else { throw FrameViolation(.policy, "") }
        return opcode
    }

    private mutating func take(_ payload: [UInt8], _ opcode: Opcode, isFinal: Bool) throws(FrameViolation) {
        switch opcode {
        case .ping: return self.received.append(.ping(String(decoding: payload, as: UTF8.self)))
        case .pong: return self.received.append(.pong)
        case .close: return self.received.append(.close(try self.closeCode(payload)))
        case .text, .binary: self.isText = opcode == .text
        case .continuation: break
        }
        guard self.isText || self.settings.acceptsBinary else { throw FrameViolation(.unsupportedData, "") }
        self.message += payload
        self.fragments += 1
        guard !self.isText || ReferenceUTF8.canBeCompleted(self.message) else { throw FrameViolation(.invalidUTF8, "") }
        guard isFinal else { return }
        let text = String(validating: self.message, as: UTF8.self)
        guard !self.isText || text != nil else { throw FrameViolation(.invalidUTF8, "") }
        self.received.append(self.isText ? .text(text ?? "") : .binary(self.message))
        (self.message, self.fragments) = ([], 0)
    }

    private func closeCode(_ payload: [UInt8]) throws(FrameViolation) -> UInt16? {
        guard !payload.isEmpty else { return nil }
        let code = payload.prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        let isAllowed = (1000...1014).contains(code) && !(1004...1006).contains(code) || (3000...4999).contains(code)
        guard payload.count >= 2, isAllowed else { throw FrameViolation(.protocolError, "") }
        guard ReferenceUTF8.isComplete(payload.dropFirst(2)) else { throw FrameViolation(.invalidUTF8, "") }
        return code
    }
}
