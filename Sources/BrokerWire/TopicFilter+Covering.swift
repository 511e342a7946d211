/// What two filters have to do with each other.
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

    /// Whether every topic that this filter matches is matched by one of `filters`.
    ///
    /// Exact: there is no end of names for a level, so only a `+` or a `#` stands for a `+`, and topics of one length
    /// are matched together or not at all. One filter may match those of some lengths, and another one the rest.
    package func isCovered(by filters: [TopicFilter]) -> Bool {
        if filters.contains(where: { $0.covers(self) }) { return true }
        let levels = self.levels
        guard filters.count > 1, levels.last?.isRest == true else { return false }
        let prefix = levels.dropLast()
        // Longer ones are matched by the same filters as those one level longer than the longest.
        let longest = max(prefix.count, filters.map(\.levels.count).max() ?? 0) + 1
        return (max(prefix.count, 1)...longest).allSatisfy { length in
            let plus = Array(repeating: ArraySlice([UInt8(ascii: "+")]), count: length - prefix.count)
            let joined = Array((prefix + plus).joined(separator: [UInt8(ascii: "/")]))
            let ofThisLength = joined.withUnsafeBytes { TopicFilter(unchecked: $0) }
            return filters.contains { $0.covers(ofThisLength) }
        }
    }

    /// Whether some topic is matched by this filter and by `other`.
    public func overlaps(_ other: TopicFilter) -> Bool {
        let mine = self.levels
        let theirs = other.levels
        // A wildcard in front never stands for one of the broker's own topics.
        let (first, second) = (mine[0], theirs[0])
        if first.isWildcard, second.first == UInt8(ascii: "$") { return false }
        if second.isWildcard, first.first == UInt8(ascii: "$") { return false }
        for index in 0..<max(mine.count, theirs.count) {
            if index < mine.count, mine[index].isRest { return true }
            if index < theirs.count, theirs[index].isRest { return true }
            guard index < mine.count, index < theirs.count else { return false }
            let (left, right) = (mine[index], theirs[index])
            guard left == right || left.isAnyLevel || right.isAnyLevel else { return false }
        }
        return true
    }
}

extension ArraySlice<UInt8> {
    /// Whether the level is a `+`.
    fileprivate var isAnyLevel: Bool { self.count == 1 && self.first == UInt8(ascii: "+") }
    /// Whether the level is a `#`.
    fileprivate var isRest: Bool { self.count == 1 && self.first == UInt8(ascii: "#") }
    fileprivate var isWildcard: Bool { self.isAnyLevel || self.isRest }
}
