import BrokerWire
import NIOCore

/// A producer's publishes that were sent and have no verdict, with the frames to send them again.
///
/// Numbers rise from front to back, and verdicts come in that order, so this is a queue. The frames are those that
/// went out, held and not copied; what has its verdict is only passed over in them.
struct UnsettledPublishes {
    private var entries = CircularBuffer<PendingPublish>()
    /// The frames of the entries, in order, as they were put together.
    private var chunks = CircularBuffer<ByteBuffer>()

    var isEmpty: Bool { self.entries.isEmpty }

    var first: PendingPublish? { self.entries.first }

    /// Adds publishes and the buffer that holds their frames, and maybe others between them.
    mutating func append(_ publishes: [PendingPublish], in frames: ByteBuffer) {
        guard !publishes.isEmpty else { return }
        let bytes = publishes.reduce(0) { $0 + Self.frameBytes($1) }
        var chunk = frames
        if bytes != frames.readableBytes {
            // Between them stand publishes that nobody sends again; what holds ours must not hold any number of those.
            chunk = ByteBuffer()
            chunk.reserveCapacity(bytes)
            for publish in publishes {
                let start = frames.readerIndex + publish.frameStart
                guard let frame = frames.getSlice(at: start, length: Self.frameBytes(publish)) else { continue }
                chunk.writeImmutableBuffer(frame)
            }
        }
        self.entries.append(contentsOf: publishes)
        self.chunks.append(chunk)
    }

    /// Takes out the first if its number is at most `number`.
    mutating func popFirst(through number: UInt64) -> PendingPublish? {
        guard let first = self.entries.first, first.number <= number else { return nil }
        self.entries.removeFirst()
        self.chunks[self.chunks.startIndex].moveReaderIndex(forwardBy: Self.frameBytes(first))
        if self.chunks[self.chunks.startIndex].readableBytes == 0 { self.chunks.removeFirst() }
        return first
    }

    /// Calls `body` with each publish from `number` on, and its frame as it went out.
    func forEach(from number: UInt64, _ body: (PendingPublish, UnsafeRawBufferPointer) -> Void) {
        var chunks = self.chunks.makeIterator()
        var chunk = ByteBuffer()
        for publish in self.entries {
            if chunk.readableBytes == 0, let next = chunks.next() { chunk = next }
            guard let frame = chunk.readSlice(length: Self.frameBytes(publish)) else { return }
            if publish.number >= number { frame.withUnsafeReadableBytes { body(publish, $0) } }
        }
    }

    /// The lowest number from `number` on, if there is one.
    func firstNumber(from number: UInt64) -> UInt64? {
        self.entries.first { $0.number >= number }?.number
    }

    private static func frameBytes(_ publish: PendingPublish) -> Int {
        RequestEncoder.frameBytes(ofText: publish.bytes)
    }
}
