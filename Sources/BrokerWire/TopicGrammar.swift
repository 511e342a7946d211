/// How long and how deep a topic or a topic filter may be.
public struct TopicLimits: Hashable, Sendable {
    /// The most UTF-8 bytes. 255 keeps a name in one length byte and in one line of a log.
    public var bytesMax: Int
    /// The most levels. Matching a filter costs a step per level, so depth is work that a stranger can ask for.
    public var levelsMax: Int

    public init(bytesMax: Int = 255, levelsMax: Int = 32) {
        self.bytesMax = bytesMax
        self.levelsMax = levelsMax
    }
}

/// The one place that knows which bytes are a topic and which a topic filter.
///
/// The bytes are taken as UTF-8 that was checked on arrival; ``Topic`` and ``TopicFilter`` check what comes from
/// elsewhere.
package enum TopicGrammar {
    package enum Kind {
        /// What a publish names: no wildcards, no `$`.
        case topic
        /// What a question names: also a topic of the broker's own, which begins with `$`.
        case readable
        /// What a subscription names: `+` and `#` may stand alone in a level.
        case filter
    }

    /// The first rule that `bytes` break, or `nil` when they are well formed.
    package static func problem(
        in bytes: UnsafeRawBufferPointer,
        as kind: Kind,
        limits: TopicLimits
    ) -> TopicError? {
        guard !bytes.isEmpty else { return .empty }
        guard bytes.count <= limits.bytesMax else { return .tooLong(limit: limits.bytesMax) }
        var levels = 1
        var levelStart = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            // Everything that ends or forbids a level is rare, so one range test lets letters and digits pass.
            if byte > UInt8(ascii: "/"), byte < 0x7F { continue }
            switch byte {
            case UInt8(ascii: "/"):
                guard index > levelStart else { return .emptyLevel }
                levelStart = index + 1
                levels += 1
                guard levels <= limits.levelsMax else { return .tooManyLevels(limit: limits.levelsMax) }
            case UInt8(ascii: "+"), UInt8(ascii: "#"):
                guard kind == .filter else { return .wildcard }
                let isLast = index + 1 == bytes.count
                let endsLevel = isLast || bytes[index + 1] == UInt8(ascii: "/")
                guard index == levelStart, endsLevel, isLast || byte == UInt8(ascii: "+") else {
                    return .misplacedWildcard
                }
            case UInt8(ascii: "$") where index == levelStart && (kind == .topic || kind == .readable && index > 0):
                return .reserved
            case 0...0x20, 0x7F:
                return .blankOrControl
            case 0xC2, 0xE1, 0xE2, 0xE3, 0xEF:
                if Self.isBlankOrControl(bytes, at: index) { return .blankOrControl }
            default:
                break
            }
        }
        return levelStart < bytes.count ? nil : .emptyLevel
    }

    /// Whether a white space or control character of more than one byte begins at `index`.
    ///
    /// These are Unicode's `White_Space` and C1 controls, and the byte order mark, which is blank to a reader.
    private static func isBlankOrControl(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
        guard index + 1 < bytes.count else { return false }
        let second = bytes[index + 1]
        if bytes[index] == 0xC2 { return second <= 0xA0 }
        guard index + 2 < bytes.count else { return false }
        switch (bytes[index], second, bytes[index + 2]) {
        case (0xE1, 0x9A, 0x80), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80), (0xEF, 0xBB, 0xBF): return true
        case (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9), (0xE2, 0x80, 0xAF): return true
        default: return false
        }
    }
}
