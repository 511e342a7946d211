/// What a WebSocket frame carries (RFC 6455, section 5.2).
package enum Opcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    package var isControl: Bool { self.rawValue & 0x8 != 0 }
}

/// Why the connection has to be closed, and with which number.
package struct FrameViolation: Error, Hashable, Sendable {
    package var code: CloseCode
    /// A short text for the Close frame.
    package var reason: String

    package init(_ code: CloseCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// A piece of one frame's payload: all of it, or as much as has arrived.
package struct FrameChunk: Hashable, Sendable {
    package var opcode: Opcode
    /// Whether the frame ends its message.
    package var isFinal: Bool
    /// Whether this is the first piece of its frame.
    package var startsFrame: Bool
    /// Whether this is the last piece of its frame.
    package var endsFrame: Bool
    /// Where the piece lies in the bytes that were parsed.
    package var range: Range<Int>
    /// The masking key, turned to where this piece begins; 0 if the frame is not masked.
    package var mask: UInt32

    /// Whether this is a whole message in one piece, which nearly all are.
    package var isWholeMessage: Bool { self.startsFrame && self.endsFrame && self.isFinal }
}

/// What the parser found.
package enum FrameEvent: Hashable, Sendable {
    /// The bytes end inside a frame's header; offer them again with more behind them.
    case needsMore
    case chunk(FrameChunk)
}

/// Finds the frames in a stream of bytes and refuses what RFC 6455 forbids, as soon as the header shows it.
///
/// A pure value: it reads no socket, keeps no bytes and allocates nothing. Payload is handed on as it arrives, so
/// that a bad byte in a large frame is found before the frame is complete, and so that memory follows what was
/// received and never what a header announces.
package struct FrameParser: Sendable {
    /// Whose frames are parsed: a client must mask its frames and a server must not.
    package enum Peer: Sendable {
        case client
        case server
    }

    /// The largest payload of a control frame.
    package static let controlPayloadMax = 125
    /// The longest header: two bytes, eight of length, four of mask.
    package static let headerBytesMax = 14

    private let peer: Peer
    private let messageBytesMax: Int
    private let fragmentsMax: Int
    /// The frame whose payload is arriving.
    private var open: OpenFrame?
    /// The message whose fragments are arriving.
    private var fragmented: FragmentedMessage?

    private struct OpenFrame {
        var opcode: Opcode
        var isFinal: Bool
        var remaining: Int
        var mask: UInt32
        var isUntouched = true
    }

    private struct FragmentedMessage {
        var bytes: Int
        var fragments: Int
    }

    package init(from peer: Peer, messageBytesMax: Int, fragmentsMax: Int) {
        self.peer = peer
        self.messageBytesMax = messageBytesMax
        self.fragmentsMax = fragmentsMax
    }

    /// Whether bytes of a frame have arrived and others are still to come.
    package var isInsideFrame: Bool { self.open != nil }

    /// Whether a message has begun whose last fragment is still to come.
    package var isInsideMessage: Bool { self.fragmented != nil }

    /// Takes the next piece from `bytes`, starting at `index`, which moves behind it.
    package mutating func next(
        in bytes: UnsafeRawBufferPointer,
        at index: inout Int
    ) throws(FrameViolation)
        -> FrameEvent
    {
        if self.open == nil {
            guard try self.openFrame(bytes, &index) else { return .needsMore }
        }
        guard var frame = self.open else { return .needsMore }
        let available = min(frame.remaining, bytes.count - index)
        guard available > 0 || frame.remaining == 0 else { return .needsMore }
        let chunk = FrameChunk(
            opcode: frame.opcode,
            isFinal: frame.isFinal,
            startsFrame: frame.isUntouched,
            endsFrame: available == frame.remaining,
            range: index..<index + available,
            mask: frame.mask
        )
        index += available
        if chunk.endsFrame {
            self.open = nil
        } else {
            frame.remaining -= available
            frame.isUntouched = false
            frame.mask = FrameMask.turned(frame.mask, by: available)
            self.open = frame
        }
        return .chunk(chunk)
    }

    /// Reads a header; returns whether it was complete.
    private mutating func openFrame(
        _ bytes: UnsafeRawBufferPointer,
        _ index: inout Int
    ) throws(FrameViolation)
        -> Bool
    {
        let available = bytes.count - index
        guard available >= 2 else { return false }
        let first = bytes[index]
        let second = bytes[index + 1]
        guard first & 0x70 == 0 else { throw FrameViolation(.protocolError, "reserved bits are set") }
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            throw FrameViolation(.protocolError, "reserved opcode")
        }
        let isMasked = second & 0x80 != 0
        guard isMasked == (self.peer == .client) else {
            throw FrameViolation(
                .protocolError,
                isMasked ? "a server must not mask its frames" : "a client must mask its frames"
            )
        }
        let isFinal = first & 0x80 != 0
        let shortLength = Int(second & 0x7F)
        if opcode.isControl {
            guard isFinal else { throw FrameViolation(.protocolError, "a control frame must not be fragmented") }
            guard shortLength <= Self.controlPayloadMax else {
                throw FrameViolation(.protocolError, "a control frame has at most 125 bytes")
            }
        }
        let lengthBytes = shortLength < 126 ? 0 : shortLength == 126 ? 2 : 8
        let headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard available >= 2 + lengthBytes else { return false }
        let length = try Self.length(shortLength, bytes, at: index + 2)
        if !opcode.isControl {
            try self.checkSequence(opcode, isFinal: isFinal, length: length)
        }
        guard available >= headerBytes else { return false }
        let mask = isMasked ? bytes.loadUnaligned(fromByteOffset: index + headerBytes - 4, as: UInt32.self) : 0
        if !opcode.isControl { self.countFragment(isFinal: isFinal, length: Int(length)) }
        self.open = OpenFrame(opcode: opcode, isFinal: isFinal, remaining: Int(length), mask: mask)
        index += headerBytes
        return true
    }

    private static func length(
        _ shortLength: Int,
        _ bytes: UnsafeRawBufferPointer,
        at index: Int
    )
        throws(FrameViolation) -> UInt64
    {
        switch shortLength {
        case 126:
            let length = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt16.self))
            guard length >= 126 else { throw FrameViolation(.protocolError, "length not in its shortest form") }
            return UInt64(length)
        case 127:
            let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            guard length >> 63 == 0 else { throw FrameViolation(.protocolError, "length with its top bit set") }
            guard length > 0xFFFF else { throw FrameViolation(.protocolError, "length not in its shortest form") }
            return length
        default:
            return UInt64(shortLength)
        }
    }

    private func checkSequence(_ opcode: Opcode, isFinal: Bool, length: UInt64) throws(FrameViolation) {
        let before = self.fragmented
        switch (opcode, before) {
        case (.continuation, nil):
            throw FrameViolation(.protocolError, "a continuation without a message to continue")
        case (.text, .some), (.binary, .some):
            throw FrameViolation(.protocolError, "a new message inside a fragmented one")
        default:
            break
        }
        // Compared without adding, because the length may be anything below 2^63.
        guard length <= UInt64(max(self.messageBytesMax - (before?.bytes ?? 0), 0)) else {
            throw FrameViolation(.tooLarge, "a message has at most \(self.messageBytesMax) bytes")
        }
        guard (before?.fragments ?? 0) < self.fragmentsMax else {
            throw FrameViolation(.policy, "a message has at most \(self.fragmentsMax) fragments")
        }
    }

    private mutating func countFragment(isFinal: Bool, length: Int) {
        if isFinal {
            self.fragmented = nil
        } else {
            let before = self.fragmented ?? FragmentedMessage(bytes: 0, fragments: 0)
            self.fragmented = FragmentedMessage(bytes: before.bytes + length, fragments: before.fragments + 1)
        }
    }
}
