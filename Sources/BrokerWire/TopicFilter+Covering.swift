/// Whether one filter asks for everything that another one asks for.
extension TopicFilter {
    /// Whether every topic that `other` matches is matched by this filter too.
    public func covers(_ other: TopicFilter) -> Bool {
        let mine = self.levels
        let theirs = other.levels
        // A wildcard in front never stands for one of the broker's own topics.
        if mine[0].isWildcard, theirs[0].first == UInt8(ascii: "$") { return false }
        for (index, level) in mine.enumerated() {
            if level.isRest { return true }
            guard index < theirs.count else { return false }
            // A topic has at least one level, so in front `#` asks for no more than `+/#`.
            if theirs[index].isRest { return index == 0 && level.isAnyLevel && mine.count == 2 && mine[1].isRest }
            guard level.isAnyLevel || level == theirs[index] else { return false }
        }
        return mine.count == theirs.count
    }
}

extension ArraySlice<UInt8> {
    /// Whether the level is a `+`.
    fileprivate var isAnyLevel: Bool { self.count == 1 && self.first == UInt8(ascii: "+") }
    /// Whether the level is a `#`.
    fileprivate var isRest: Bool { self.count == 1 && self.first == UInt8(ascii: "#") }
    fileprivate var isWildcard: Bool { self.isAnyLevel || self.isRest }
}
