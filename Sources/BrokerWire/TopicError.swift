/// The rule that some bytes broke when they were read as a ``Topic`` or a ``TopicFilter``.
public enum TopicError: Error, Hashable, Sendable {
    /// There is nothing: a topic has at least one byte.
    case empty
    /// More than `limit` UTF-8 bytes.
    case tooLong(limit: Int)
    /// More than `limit` levels.
    case tooManyLevels(limit: Int)
    /// A level without a byte: a slash at the start, at the end, or two in a row.
    case emptyLevel
    /// `+` or `#`, which only a topic filter may hold.
    case wildcard
    /// `+` beside other bytes in its level, or `#` anywhere but alone in the last level.
    case misplacedWildcard
    /// A white space or control character.
    case blankOrControl
    /// A level that begins with `$`, which is the broker's own.
    case reserved
    /// Bytes that are not UTF-8.
    case notUTF8
}

extension TopicError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong(let limit): "is longer than \(limit) bytes"
        case .tooManyLevels(let limit): "has more than \(limit) levels"
        case .emptyLevel: "has an empty level"
        case .wildcard: "holds a wildcard, which only a subscription may"
        case .misplacedWildcard: "has a misplaced wildcard: '+' stands alone in its level, '#' alone in the last one"
        case .blankOrControl: "holds white space or a control character"
        case .reserved: "has a level that begins with '$', which is reserved for the broker"
        case .notUTF8: "is not UTF-8"
        }
    }
}
