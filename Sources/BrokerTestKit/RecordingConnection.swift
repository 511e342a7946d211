package import BrokerCore
package import BrokerWire

/// A client's connection that keeps what it is sent.
package final class RecordingConnection: SessionConnection {
    /// Set to false, it is a socket that takes nothing.
    package var isWritable = true
    /// Everything that was written.
    package private(set) var bytes: [UInt8] = []
    package private(set) var writeCount = 0
    package private(set) var answeredCount = 0
    /// How the broker ended it, if it did.
    package private(set) var closed: (code: CloseCode, reason: String)?

    private var parser = FrameParser(from: .server, messageBytesMax: 16 * 1024 * 1024, fragmentsMax: 1)
    private var parsed = 0
    /// What broke the protocol, if something did.
    package private(set) var violation: FrameViolation?

    package var peer: PeerDescription? { PeerDescription(address: "test") }

    package init() {}

    package func write(_ bytes: UnsafeRawBufferPointer) {
        self.bytes.append(contentsOf: bytes)
        self.writeCount += 1
    }

    package func answered() { self.answeredCount += 1 }

    package func secondPassed(_ now: UInt64) {}

    package func accessChanged() {}

    package func drain() {}

    package func close(_ code: CloseCode, reason: String) {
        if self.closed == nil { self.closed = (code, reason) }
    }

    /// The bytes that came since this, or the frames, were last asked for.
    package func takeBytes() -> ArraySlice<UInt8> {
        defer { self.parsed = self.bytes.count }
        return self.bytes[self.parsed...]
    }

    /// The frames that came since this was last asked.
    package func takeFrames() -> [ServerFrame] {
        var frames: [ServerFrame] = []
        self.bytes.withUnsafeBytes { bytes in
            do throws(FrameViolation) {
                while self.parsed < bytes.count {
                    guard case .chunk(let chunk) = try self.parser.next(in: bytes, at: &self.parsed) else { return }
                    frames.append(ServerFrame(Array(bytes[chunk.range])))
                    guard chunk.isWholeMessage, chunk.opcode == .text else {
                        throw FrameViolation(.protocolError, "every frame is a whole text message")
                    }
                }
            } catch {
                self.violation = error
            }
        }
        return frames
    }
}
