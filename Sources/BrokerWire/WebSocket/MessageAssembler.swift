/// What a piece of a frame completed.
package enum Assembled {
    /// Nothing yet.
    case nothing
    /// A text message, valid until the next piece and free to be changed.
    case text(UnsafeMutableRawBufferPointer)
    /// A binary message; the same.
    case binary(UnsafeMutableRawBufferPointer)
    /// A ping whose payload has to be sent back.
    case ping([UInt8])
    case pong
    /// The peer's Close, with its code if it gave one.
    case close(CloseCode?)
}

/// Puts the pieces of frames together to messages: unmasks, joins fragments, checks UTF-8 as it arrives.
///
/// A message that comes in one piece, as nearly all do, is unmasked into the caller's scratch memory and costs no
/// allocation; only what comes in several pieces is kept here meanwhile. Ranges and order of the frames are
/// ``FrameParser``'s business and are taken as right.
package struct MessageAssembler {
    private var opcode: Opcode = .text
    private var message: [UInt8] = []
    private var control: [UInt8] = []
    private var text = UTF8Validator()
    private let acceptsBinary: Bool

    package init(acceptsBinary: Bool = false) {
        self.acceptsBinary = acceptsBinary
    }

    /// Takes one piece.
    ///
    /// - `chunk`: What the parser said about it.
    /// - `bytes`: What the parser was given.
    /// - `scratch`: Room for the largest message.
    package mutating func accept(
        _ chunk: FrameChunk,
        in bytes: UnsafeRawBufferPointer,
        scratch: UnsafeMutableRawBufferPointer
    ) throws(FrameViolation) -> Assembled {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[chunk.range])
        if chunk.opcode.isControl { return try self.acceptControl(chunk, piece) }
        if chunk.startsFrame, chunk.opcode != .continuation {
            self.opcode = chunk.opcode
            guard chunk.opcode == .text || self.acceptsBinary else {
                throw FrameViolation(.unsupportedData, "the protocol is text: send JSON in text frames")
            }
        }
        if chunk.isWholeMessage, chunk.opcode != .continuation { return try self.whole(chunk, piece, scratch) }
        try self.append(piece, mask: chunk.mask)
        guard chunk.endsFrame, chunk.isFinal else { return .nothing }
        return try self.finish(scratch)
    }

    private func whole(
        _ chunk: FrameChunk,
        _ piece: UnsafeRawBufferPointer,
        _ scratch: UnsafeMutableRawBufferPointer
    )
        throws(FrameViolation) -> Assembled
    {
        guard let target = scratch.baseAddress else { return .nothing }
        let isASCII = FrameMask.copy(piece, to: target, mask: chunk.mask)
        let message = UnsafeMutableRawBufferPointer(rebasing: scratch[..<piece.count])
        guard chunk.opcode == .text else { return .binary(message) }
        if !isASCII {
            var validator = UTF8Validator()
            guard validator.accept(UnsafeRawBufferPointer(message)), validator.isComplete else { throw Self.notUTF8 }
        }
        return .text(message)
    }

    private static let notUTF8 = FrameViolation(.invalidUTF8, "the text is not UTF-8")

    private mutating func append(_ piece: UnsafeRawBufferPointer, mask: UInt32) throws(FrameViolation) {
        let start = self.message.count
        Self.append(piece, mask: mask, to: &self.message)
        guard self.opcode == .text else { return }
        let isValid = self.message.withUnsafeBytes {
            self.text.accept(UnsafeRawBufferPointer(rebasing: $0[start...]))
        }
        guard isValid else { throw Self.notUTF8 }
    }

    private static func append(_ piece: UnsafeRawBufferPointer, mask: UInt32, to target: inout [UInt8]) {
        let start = target.count
        target.append(contentsOf: piece)
        target.withUnsafeMutableBytes { all in
            let added = UnsafeMutableRawBufferPointer(rebasing: all[start...])
            guard let base = added.baseAddress else { return }
            _ = FrameMask.copy(UnsafeRawBufferPointer(added), to: base, mask: mask)
        }
    }

    private mutating func finish(_ scratch: UnsafeMutableRawBufferPointer) throws(FrameViolation) -> Assembled {
        guard self.opcode == .binary || self.text.isComplete else { throw Self.notUTF8 }
        let count = self.message.count
        self.message.withUnsafeBytes { scratch.copyMemory(from: $0) }
        self.message = []
        self.text = UTF8Validator()
        let message = UnsafeMutableRawBufferPointer(rebasing: scratch[..<count])
        return self.opcode == .text ? .text(message) : .binary(message)
    }

    private mutating func acceptControl(
        _ chunk: FrameChunk,
        _ piece: UnsafeRawBufferPointer
    ) throws(FrameViolation)
        -> Assembled
    {
        if chunk.startsFrame { self.control.removeAll(keepingCapacity: true) }
        Self.append(piece, mask: chunk.mask, to: &self.control)
        guard chunk.endsFrame else { return .nothing }
        switch chunk.opcode {
        case .ping: return .ping(self.control)
        case .pong: return .pong
        default: return .close(try self.closeCode())
        }
    }

    private func closeCode() throws(FrameViolation) -> CloseCode? {
        guard !self.control.isEmpty else { return nil }
        guard self.control.count >= 2 else { throw FrameViolation(.protocolError, "a close code has two bytes") }
        let code = CloseCode(rawValue: UInt16(self.control[0]) << 8 | UInt16(self.control[1]))
        guard code.mayBeReceived else { throw FrameViolation(.protocolError, "close code \(code.rawValue)") }
        var validator = UTF8Validator()
        let isText = self.control.withUnsafeBytes {
            validator.accept(UnsafeRawBufferPointer(rebasing: $0[2...])) && validator.isComplete
        }
        guard isText else { throw Self.notUTF8 }
        return code
    }
}
