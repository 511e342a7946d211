import BrokerWire
import NIOCore

/// The position that a frame of the broker carries, found without reading the rest of it.
///
/// A quote inside a string is escaped, so the name of a member with its own quotes stands only where that member is;
/// and what a client has written comes behind it.
struct FramePosition: Hashable, Sendable {
    var epoch: String
    var offset: UInt64

    /// As an ETag, an id of an event, and `after` have it.
    var text: String { "\(self.epoch):\(self.offset)" }

    init?(_ frame: ByteBuffer) {
        let bytes = frame.readableBytesView
        guard let start = Self.find(#","epoch":""#, in: bytes), let offset = Self.offset(of: frame) else { return nil }
        self.epoch = String(decoding: bytes[start...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        self.offset = offset
    }

    /// Reads `EPOCH:OFFSET`.
    init?(text: String) {
        guard let colon = text.lastIndex(of: ":"), let offset = UInt64(text[text.index(after: colon)...]),
            colon != text.startIndex
        else { return nil }
        self.epoch = String(text[..<colon])
        self.offset = offset
    }

    static func offset(of frame: ByteBuffer) -> UInt64? {
        let bytes = frame.readableBytesView
        guard let start = Self.find(#","offset":"#, in: bytes) else { return nil }
        return UInt64(String(decoding: bytes[start...].prefix { 0x30...0x39 ~= $0 }, as: UTF8.self))
    }

    /// Whether the frame has a member of this name before anything that a client has written.
    static func has(_ member: String, _ frame: ByteBuffer) -> Bool {
        Self.find(member, in: frame.readableBytesView) != nil
    }

    /// Where the first occurrence of `text` ends.
    private static func find(_ text: String, in bytes: ByteBufferView) -> Int? {
        let pattern = Array(text.utf8)
        guard bytes.count >= pattern.count else { return nil }
        return bytes.withUnsafeBytes { bytes -> Int? in
            for start in 0...(bytes.count - pattern.count) where bytes[start] == pattern[0] {
                if (0..<pattern.count).allSatisfy({ bytes[start + $0] == pattern[$0] }) { return start + pattern.count }
            }
            return nil
        }.map { bytes.startIndex + $0 }
    }
}
