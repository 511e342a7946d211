import BrokerWire

/// Filters match, and cover each other, as a slow, recursive matcher says, alone and in the tree; names are well
/// formed where a slow reading of the rules says so.
///
/// The first line is a topic, every other a filter that is put into the tree or, behind a `!`, taken out.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFilters(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let lines = FuzzInput(start, count: count).lines
    for line in lines { checkGrammar(line) }
    // A filter without wildcards is the name of a topic, of the broker's own ones too, which begin with a `$`.
    guard let topic = try? TopicFilter(bytes: lines[0]), !topic.hasWildcards else { return 0 }

    var tree = FilterTree()
    var numbers: [Int: TopicFilter] = [:]
    for line in lines.dropFirst().prefix(32) {
        let isRemoval = line.first == UInt8(ascii: "!")
        guard let filter = try? TopicFilter(bytes: Array(isRemoval ? line.dropFirst() : line[...])) else { continue }
        checkMatch(filter, topic)
        for other in numbers.values.prefix(8) {
            checkCover(filter, other)
            checkCover(other, filter)
        }
        if isRemoval {
            if let number = tree.number(of: filter) { numbers[number] = nil }
            tree.remove(filter)
        } else {
            let number = tree.insert(filter)
            let before = numbers.updateValue(filter, forKey: number)
            guard before == nil || before == filter else { preconditionFailure("number \(number) was given twice") }
        }
        check(tree, numbers, topic)
    }
    for filter in numbers.values { tree.remove(filter) }
    check(tree, [:], topic)
    return 0
}

private func check(_ tree: FilterTree, _ numbers: [Int: TopicFilter], _ topic: TopicFilter) {
    var found: [Int] = []
    tree.match(topic.bytes, into: &found)
    let expected = numbers.filter { ReferenceMatch.matches($0.value, topic) }.keys.sorted()
    guard found.sorted() == expected, tree.count == numbers.count else {
        preconditionFailure("of \(numbers), the tree finds \(found) for \(topic), not \(expected)")
    }
}

private func checkMatch(_ filter: TopicFilter, _ topic: TopicFilter) {
    let isMatched = topic.bytes.withUnsafeBytes { filter.matches(topic: $0) }
    guard isMatched == ReferenceMatch.matches(filter, topic) else {
        preconditionFailure("\(filter) matches \(topic): \(isMatched)")
    }
}

/// One filter covers another one if it matches the most general topics of that one: those with levels of their own
/// where it has wildcards.
private func checkCover(_ filter: TopicFilter, _ other: TopicFilter) {
    let own: ArraySlice<UInt8> = [0x01]
    let hasRest = other.levels.last?.elementsEqual("#".utf8) ?? false
    let levels = other.levels.dropLast(hasRest ? 1 : 0).map { $0.elementsEqual("+".utf8) ? own : $0 }
    let isCovered = (0...(hasRest ? filter.levels.count + 1 : 0)).allSatisfy { count in
        let topic = levels + Array(repeating: own, count: count)
        return topic.isEmpty || ReferenceMatch.matches(filter, levels: topic)
    }
    guard filter.covers(other) == isCovered else { preconditionFailure("\(filter) covers \(other): \(!isCovered)") }
}

private func checkGrammar(_ name: [UInt8]) {
    let isTopic = (try? Topic(bytes: name)) != nil
    guard isTopic == ReferenceGrammar.isTopic(name) else { preconditionFailure("\(name) is a topic: \(isTopic)") }
    let isFilter = (try? TopicFilter(bytes: name)) != nil
    guard isFilter == ReferenceGrammar.isFilter(name) else { preconditionFailure("\(name) is a filter: \(isFilter)") }
}

private enum ReferenceMatch {
    static func matches(_ filter: TopicFilter, _ topic: TopicFilter) -> Bool {
        Self.matches(filter, levels: topic.levels)
    }

    static func matches(_ filter: TopicFilter, levels: [ArraySlice<UInt8>]) -> Bool {
        // A wildcard in front never stands for one of the broker's own topics.
        if levels.first?.first == UInt8(ascii: "$"), filter.bytes.first != UInt8(ascii: "$") { return false }
        return Self.matches(filter.levels[...], levels[...])
    }

    private static func matches(
        _ filter: ArraySlice<ArraySlice<UInt8>>,
        _ topic: ArraySlice<ArraySlice<UInt8>>
    ) -> Bool {
        guard let wanted = filter.first else { return topic.isEmpty }
        if wanted.elementsEqual("#".utf8) { return true }
        guard let level = topic.first else { return false }
        guard wanted.elementsEqual("+".utf8) || wanted == level else { return false }
        return Self.matches(filter.dropFirst(), topic.dropFirst())
    }
}

/// The rules for names over characters and their Unicode properties, where the broker has bytes.
private enum ReferenceGrammar {
    static func isTopic(_ name: [UInt8]) -> Bool {
        guard let levels = Self.levels(name) else { return false }
        return levels.allSatisfy { $0.first != "$" && !$0.contains("+") && !$0.contains("#") }
    }

    static func isFilter(_ name: [UInt8]) -> Bool {
        guard let levels = Self.levels(name) else { return false }
        let isPlain = { (level: [Unicode.Scalar]) in !level.contains("+") && !level.contains("#") }
        return levels.dropLast().allSatisfy { $0 == ["+"] || isPlain($0) }
            && levels.suffix(1).allSatisfy { $0 == ["+"] || $0 == ["#"] || isPlain($0) }
    }

    /// The levels of a name that breaks none of the rules for both.
    private static func levels(_ name: [UInt8]) -> [[Unicode.Scalar]]? {
        guard let text = String(validating: name, as: UTF8.self), (1...255).contains(name.count) else { return nil }
        let levels = text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map { Array($0) }
        let isBlank = { (scalar: Unicode.Scalar) in
            scalar.properties.isWhitespace || scalar.properties.generalCategory == .control || scalar == "\u{FEFF}"
        }
        let isRight = levels.count <= 32 && levels.allSatisfy { !$0.isEmpty && !$0.contains(where: isBlank) }
        return isRight ? levels : nil
    }
}
