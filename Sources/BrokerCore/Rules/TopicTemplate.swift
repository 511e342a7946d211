import BrokerWire

/// How the topic of a view is made from the topic that was published to: `per-minute/+`, `by-page/{key}`.
///
/// The n-th `+` takes what stands for the n-th `+` of the filter that the view is made from, and `{key}` the key.
package struct TopicTemplate: Hashable, Sendable {
    private enum Level: Hashable, Sendable {
        case fixed([UInt8])
        case level(Int)
        case key
    }

    private let text: String
    private let levels: [Level]
    /// How many `+` it has.
    package let levelCount: Int

    /// The most `+` that can be named; as many as a topic may have levels.
    package static let levelsMax = 128
    private static let keyText = "{key}"

    package init(_ text: String) {
        var levels: [Level] = []
        var count = 0
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual("+".utf8) {
                count += 1
                levels.append(.level(count))
            } else {
                levels.append(part.elementsEqual(Self.keyText.utf8) ? .key : .fixed(Array(part)))
            }
        }
        self.text = text
        self.levels = levels
        self.levelCount = count
    }

    package var hasKey: Bool { self.levels.contains(.key) }

    /// The filter that matches all topics that can be made: a `+` in every place that is not fixed.
    package var filterText: String {
        self.text.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0 == Self.keyText ? "+" : $0 }.joined(separator: "/")
    }

    /// How long the topic for a key of so many bytes is, where no level of another topic is asked for.
    func bytes(keyBytes: Int) -> Int {
        self.levels.reduce(self.levels.count - 1) { sum, level in
            switch level {
            case .fixed(let bytes): sum + bytes.count
            case .key: sum + keyBytes
            case .level: sum
            }
        }
    }

    /// The key that the topic `name` was made for, if it has one.
    func key(in name: [UInt8]) -> [UInt8]? {
        guard let place = self.levels.firstIndex(of: .key) else { return nil }
        let parts = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return place < parts.count ? Array(parts[place]) : nil
    }

    /// The topic for `key`, where no level of another topic is asked for.
    func topic(key: [UInt8]) -> [UInt8]? {
        var name: [UInt8] = []
        for (index, level) in self.levels.enumerated() {
            if index > 0 { name.append(UInt8(ascii: "/")) }
            switch level {
            case .fixed(let bytes): name += bytes
            case .key: name += key
            case .level: return nil
            }
        }
        return name
    }

    /// The topic for one publish, or `nil` where a level is missing.
    func topic(of published: Published, key: [UInt8]) -> [UInt8]? {
        var name: [UInt8] = []
        for (index, level) in self.levels.enumerated() {
            if index > 0 { name.append(UInt8(ascii: "/")) }
            switch level {
            case .fixed(let bytes): name += bytes
            case .key: name += key
            case .level(let number):
                guard let bytes = published.level(number) else { return nil }
                name += bytes
            }
        }
        return name
    }
}

extension TopicTemplate: CustomStringConvertible {
    package var description: String { self.text }
}
