/// What a subscription asks for: a topic in which `+` stands for one level and a final `#` for the rest.
///
/// `a/#` matches `a/b` and `a/b/c`, and `a` itself. Filters never match topics whose first level begins with `$`
/// unless they name that level, so that `#` does not show the broker's own topics.
public struct TopicFilter: Hashable, Sendable {
    /// The filter as UTF-8.
    public let bytes: [UInt8]
    /// Whether it holds a `+` or a `#`; without one it is the name of a single topic.
    public let hasWildcards: Bool

    /// Reads `text` as a topic filter.
    public init(_ text: String, limits: TopicLimits = TopicLimits()) throws(TopicError) {
        try self.init(bytes: Array(text.utf8), limits: limits)
    }

    /// Reads `bytes` as a topic filter.
    public init(bytes: [UInt8], limits: TopicLimits = TopicLimits()) throws(TopicError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
        if let problem = bytes.withUnsafeBytes({ TopicGrammar.problem(in: $0, as: .filter, limits: limits) }) {
            throw problem
        }
        self.init(uncheckedArray: bytes)
    }

    /// Takes bytes that were checked before, such as those of a scanned request.
    package init(unchecked bytes: UnsafeRawBufferPointer) {
        self.init(uncheckedArray: Array(bytes))
    }

    private init(uncheckedArray bytes: [UInt8]) {
        self.bytes = bytes
        self.hasWildcards = bytes.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
    }

    /// The levels in order.
    package var levels: [ArraySlice<UInt8>] {
        self.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }

    /// Whether `topic` is one that this filter asks for.
    public func matches(_ topic: Topic) -> Bool {
        topic.bytes.withUnsafeBytes { self.matches(topic: $0) }
    }

    /// Whether the topic named by `topic` is one that this filter asks for; allocates nothing.
    package func matches(topic: UnsafeRawBufferPointer) -> Bool {
        self.bytes.withUnsafeBytes { filter in
            if filter[0] == UInt8(ascii: "+") || filter[0] == UInt8(ascii: "#"), topic[0] == UInt8(ascii: "$") {
                return false
            }
            var filterIndex = 0
            var topicIndex = 0
            while filterIndex < filter.count {
                switch filter[filterIndex] {
                case UInt8(ascii: "#"):
                    return true
                case UInt8(ascii: "+"):
                    while topicIndex < topic.count, topic[topicIndex] != UInt8(ascii: "/") { topicIndex += 1 }
                    filterIndex += 1
                default:
                    if topicIndex == topic.count {
                        // What is left of the filter may only be "/#", which also stands for nothing.
                        return filter.count - filterIndex == 2 && filter[filterIndex + 1] == UInt8(ascii: "#")
                    }
                    guard filter[filterIndex] == topic[topicIndex] else { return false }
                    filterIndex += 1
                    topicIndex += 1
                }
            }
            return topicIndex == topic.count
        }
    }
}

extension TopicFilter: CustomStringConvertible {
    public var description: String { String(decoding: self.bytes, as: UTF8.self) }
}
