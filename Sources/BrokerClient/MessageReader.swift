import BrokerWire
import NIOCore

/// Turns the bytes of a socket into WebSocket messages, however the bytes are cut.
///
/// Only the few bytes of a header that is cut in two are kept from one read to the next; payload is handed on at
/// once.
struct MessageReader {
    private var parser: FrameParser
    private var assembler = MessageAssembler()
    private var cutHeader = ByteBuffer()
    private let scratch: Scratch

    /// Memory that is freed with its owner.
    private final class Scratch {
        let bytes: UnsafeMutableRawBufferPointer

        init(byteCount: Int) {
            self.bytes = .allocate(byteCount: byteCount, alignment: 16)
        }

        deinit {
            self.bytes.deallocate()
        }
    }

    /// The most fragments of one message; the broker sends each message in one.
    private static let fragmentsMax = 1024

    init(from peer: FrameParser.Peer, messageBytesMax: Int) {
        self.parser = FrameParser(from: peer, messageBytesMax: messageBytesMax, fragmentsMax: Self.fragmentsMax)
        self.scratch = Scratch(byteCount: messageBytesMax)
    }

    /// Calls `body` with each message that `buffer` completes, until it returns false.
    mutating func read(
        _ buffer: ByteBuffer,
        _ body: (Assembled) throws(FrameViolation) -> Bool
    ) throws(FrameViolation) {
        var buffer = buffer
        if self.cutHeader.readableBytes > 0 {
            self.cutHeader.writeBuffer(&buffer)
            swap(&buffer, &self.cutHeader)
            self.cutHeader.clear()
        }
        let result = buffer.withUnsafeReadableBytes { bytes -> Result<Int, FrameViolation> in
            do throws(FrameViolation) {
                return .success(try self.read(bytes, body))
            } catch {
                return .failure(error)
            }
        }
        buffer.moveReaderIndex(forwardBy: try result.get())
        if buffer.readableBytes > 0 { self.cutHeader.writeBuffer(&buffer) }
    }

    private mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (Assembled) throws(FrameViolation) -> Bool
    ) throws(FrameViolation) -> Int {
        var index = 0
        while index < bytes.count {
            guard case .chunk(let chunk) = try self.parser.next(in: bytes, at: &index) else { break }
            let assembled = try self.assembler.accept(chunk, in: bytes, scratch: self.scratch.bytes)
            if case .nothing = assembled { continue }
            guard try body(assembled) else { return bytes.count }
        }
        return index
    }
}
