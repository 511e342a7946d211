import BrokerWire
import NIOCore
import Testing

/// What was written into a buffer, as the other side receives it.
enum Written {
    static func frames(
        from peer: FrameParser.Peer = .server,
        _ write: (inout ByteBuffer) -> Void
    ) -> [Received] {
        FrameReceiver.receive(Self.bytes(write), from: peer, messageBytesMax: 1 << 20, acceptsBinary: true)
    }

    /// The text of the one frame that `write` writes.
    static func text(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ write: (inout ByteBuffer) -> Void
    ) throws -> String {
        let frames = Self.frames(write)
        guard case .text(let text) = frames.first, frames.count == 1 else {
            Issue.record("not one text frame: \(frames)", sourceLocation: sourceLocation)
            return ""
        }
        return text
    }

    static func bytes(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }
}

extension String {
    /// Gives the text's bytes to `body`, as an `id` or a value is given to a writer.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Array(self.utf8).withUnsafeBytes(body)
    }
}
