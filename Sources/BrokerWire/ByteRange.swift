/// A part of a byte sequence that somebody else holds.
///
/// A scanned request names its fields by ranges, so that scanning allocates nothing and a request can travel to
/// another event loop together with a copy of its bytes.
package struct ByteRange: Hashable, Sendable {
    /// The first byte, counted from the start of the message.
    package var start: UInt32
    /// How many bytes; zero also stands for "absent" where a field may be.
    package var count: UInt32

    package static let empty = Self(start: 0, count: 0)

    package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    package init(_ range: Range<Int>) {
        self.start = UInt32(truncatingIfNeeded: range.lowerBound)
        self.count = UInt32(truncatingIfNeeded: range.count)
    }

    package var isEmpty: Bool { self.count == 0 }

    /// The bytes of this range in `message`, which must be the one that it was taken from.
    package func bytes(in message: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: message[Int(self.start)..<(Int(self.start) + Int(self.count))])
    }
}
