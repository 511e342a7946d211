/// The name of a stream of messages, well formed by construction.
///
/// A topic is 1 to 255 bytes of UTF-8 in at most 32 levels split by `/`. Topics compare as bytes: two spellings of
/// the same letter (NFC and NFD) are two topics, here as in SQLite, where Swift's `String` would call them equal.
public struct Topic: Hashable, Sendable {
    /// The name as UTF-8.
    public let bytes: [UInt8]

    /// Reads `text` as a topic.
    public init(_ text: String, limits: TopicLimits = TopicLimits()) throws(TopicError) {
        try self.init(bytes: Array(text.utf8), limits: limits)
    }

    /// Reads `bytes` as a topic.
    public init(bytes: [UInt8], limits: TopicLimits = TopicLimits()) throws(TopicError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
        if let problem = bytes.withUnsafeBytes({ TopicGrammar.problem(in: $0, as: .topic, limits: limits) }) {
            throw problem
        }
        self.bytes = bytes
    }

    /// Takes bytes that were checked before, such as those of a scanned request.
    package init(unchecked bytes: UnsafeRawBufferPointer) {
        self.bytes = Array(bytes)
    }
}

extension Topic: CustomStringConvertible {
    public var description: String { String(decoding: self.bytes, as: UTF8.self) }
}
