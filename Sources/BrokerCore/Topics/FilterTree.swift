package import BrokerWire

/// Finds the topic filters that match a topic.
///
/// Filters are numbered by their place here; what a filter stands for is kept by whoever asks, in an array beside it.
/// Exact filters, which most are, cost one look-up; the others are a tree of levels.
package struct FilterTree {
    private final class Level {
        /// By the bytes of the level; slices, so that none is copied to be looked up.
        var children: [ArraySlice<UInt8>: Level] = [:]
        /// What follows a `+`.
        var anyLevel: Level?
        /// The filter that ends here, or -1.
        var filter = -1
        /// The filter that ends here with `#`, or -1.
        var rest = -1

        var isEmpty: Bool {
            self.children.isEmpty && self.anyLevel == nil && self.filter < 0 && self.rest < 0
        }
    }

    private var numbers: [TopicFilter: Int] = [:]
    private var exact: [[UInt8]: Int] = [:]
    private let root = Level()
    private var freeNumbers: [Int] = []
    private var nextNumber = 0
    /// Changes whenever a match found earlier may no longer be right.
    private(set) var generation: UInt64 = 0

    package init() {}

    var count: Int { self.numbers.count }

    func number(of filter: TopicFilter) -> Int? { self.numbers[filter] }

    /// The number of `filter`, which is added if it is not there.
    package mutating func insert(_ filter: TopicFilter) -> Int {
        if let number = self.numbers[filter] { return number }
        let number = self.freeNumbers.popLast() ?? self.nextNumber
        if number == self.nextNumber { self.nextNumber += 1 }
        self.numbers[filter] = number
        self.generation += 1
        guard filter.hasWildcards else {
            self.exact[filter.bytes] = number
            return number
        }
        var level = self.root
        for name in filter.levels {
            switch name {
            case [UInt8(ascii: "#")]:
                level.rest = number
                return number
            case [UInt8(ascii: "+")]:
                let next = level.anyLevel ?? Level()
                level.anyLevel = next
                level = next
            default:
                let next = level.children[name] ?? Level()
                level.children[name] = next
                level = next
            }
        }
        level.filter = number
        return number
    }

    /// Notes that what a filter stands for has changed.
    mutating func noteChange() { self.generation += 1 }

    /// Takes `filter` out; its number may be given to another one later.
    mutating func remove(_ filter: TopicFilter) {
        guard let number = self.numbers.removeValue(forKey: filter) else { return }
        self.freeNumbers.append(number)
        self.generation += 1
        if filter.hasWildcards {
            Self.remove(filter.levels[...], from: self.root)
        } else {
            self.exact[filter.bytes] = nil
        }
    }

    private static func remove(_ levels: ArraySlice<ArraySlice<UInt8>>, from level: Level) {
        guard let name = levels.first else {
            level.filter = -1
            return
        }
        switch name {
        case [UInt8(ascii: "#")]:
            level.rest = -1
        case [UInt8(ascii: "+")]:
            guard let next = level.anyLevel else { return }
            Self.remove(levels.dropFirst(), from: next)
            if next.isEmpty { level.anyLevel = nil }
        default:
            guard let next = level.children[name] else { return }
            Self.remove(levels.dropFirst(), from: next)
            if next.isEmpty { level.children[name] = nil }
        }
    }

    /// Appends the numbers of all filters that match `topic`.
    package func match(_ topic: [UInt8], into found: inout [Int]) {
        if let number = self.exact[topic] { found.append(number) }
        guard !self.root.isEmpty else { return }
        let levels = topic.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // A wildcard in front never stands for one of the broker's own topics.
        let isReserved = topic.first == UInt8(ascii: "$")
        Self.match(levels[...], at: self.root, wildcards: !isReserved, into: &found)
    }

    private static func match(
        _ levels: ArraySlice<ArraySlice<UInt8>>,
        at level: Level,
        wildcards: Bool,
        into found: inout [Int]
    ) {
        if wildcards, level.rest >= 0 { found.append(level.rest) }
        guard let name = levels.first else {
            if level.filter >= 0 { found.append(level.filter) }
            return
        }
        if let next = level.children[name] {
            Self.match(levels.dropFirst(), at: next, wildcards: true, into: &found)
        }
        if wildcards, let next = level.anyLevel {
            Self.match(levels.dropFirst(), at: next, wildcards: true, into: &found)
        }
    }
}
