package import NIOCore

/// Writes finished WebSocket frames.
extension ByteBuffer {
    /// Writes one unmasked text frame.
    ///
    /// - Parameters:
    ///   - capacity: At least as many bytes as `body` writes.
    ///   - body: Writes the payload.
    package mutating func writeTextFrame(capacity: Int, _ body: (inout RawWriter) -> Void) {
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity + FrameHeader.bytesMax) { target in
            guard let base = target.baseAddress else { return 0 }
            // Nearly every frame is short, so its payload is put where that of a short frame belongs, and moved
            // where it turns out to be longer.
            var writer = RawWriter(base + FrameHeader.shortBytes)
            body(&writer)
            let length = writer.count
            let headerBytes = FrameHeader.bytes(length: length)
            if headerBytes != FrameHeader.shortBytes {
                (base + headerBytes).copyMemory(from: base + FrameHeader.shortBytes, byteCount: length)
            }
            FrameHeader.write(.text, length: length, to: base)
            return headerBytes + length
        }
    }

    /// Writes one unmasked frame with a payload that is there already.
    package mutating func writeFrame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count + FrameHeader.bytesMax) { target in
            guard let base = target.baseAddress else { return 0 }
            let headerBytes = FrameHeader.bytes(length: payload.count)
            FrameHeader.write(opcode, length: payload.count, to: base)
            if let start = payload.baseAddress {
                (base + headerBytes).copyMemory(from: start, byteCount: payload.count)
            }
            return headerBytes + payload.count
        }
    }

    /// Writes a Close frame; a reason that is too long for it is cut between two characters.
    package mutating func writeClose(_ code: CloseCode, reason: String = "") {
        var payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        for character in reason.unicodeScalars {
            guard payload.count + UTF8.width(character) <= FrameParser.controlPayloadMax else { break }
            payload.append(contentsOf: String(character).utf8)
        }
        payload.withUnsafeBytes { self.writeFrame(.close, $0) }
    }

    /// Writes one frame as a client has to: masked with `mask`, which must be unpredictable.
    package mutating func writeMaskedFrame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, mask: UInt32) {
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count + FrameHeader.bytesMax) { target in
            guard let base = target.baseAddress else { return 0 }
            let headerBytes = FrameHeader.bytes(length: payload.count)
            FrameHeader.write(opcode, length: payload.count, to: base)
            target[1] |= 0x80
            target.storeBytes(of: mask, toByteOffset: headerBytes, as: UInt32.self)
            _ = FrameMask.copy(payload, to: base + headerBytes + 4, mask: mask)
            return headerBytes + 4 + payload.count
        }
    }
}

/// The bytes in front of a frame's payload.
package enum FrameHeader {
    /// The header of a payload below 126 bytes.
    package static let shortBytes = 2
    /// Room for the longest header, mask included.
    package static let bytesMax = FrameParser.headerBytesMax

    package static func bytes(length: Int) -> Int {
        length < 126 ? 2 : length <= 0xFFFF ? 4 : 10
    }

    package static func write(_ opcode: Opcode, length: Int, to base: UnsafeMutableRawPointer) {
        base.storeBytes(of: 0x80 | opcode.rawValue, as: UInt8.self)
        switch length {
        case ..<126:
            base.storeBytes(of: UInt8(length), toByteOffset: 1, as: UInt8.self)
        case ...0xFFFF:
            base.storeBytes(of: 126, toByteOffset: 1, as: UInt8.self)
            base.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
        default:
            base.storeBytes(of: 127, toByteOffset: 1, as: UInt8.self)
            base.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
        }
    }
}
