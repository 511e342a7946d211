package import BrokerWire

/// One line of what an operator says about who may do what (decision 0027).
package struct AccessRule: Hashable, Sendable {
    package enum Effect: String, Hashable, Sendable {
        case allow
        /// Holds whatever others allow.
        case deny
    }

    package var effect: Effect
    package var rights: Rights
    package var names: NamePattern
    package var topics: [TopicPattern]

    package init(_ effect: Effect, _ rights: Rights, names: NamePattern, topics: [TopicPattern]) {
        self.effect = effect
        self.rights = rights
        self.names = names
        self.topics = topics
    }
}

/// Which names a rule speaks of: a name in which `*` stands for any characters.
package struct NamePattern: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static let everybody = Self("*")

    /// Compares bytes. Takes time in proportion to both lengths at the most, whatever the stars.
    package func matches(_ name: String) -> Bool {
        let pattern = Array(self.text.utf8)
        let name = Array(name.utf8)
        var (place, index) = (0, 0)
        // Where the last star stands, and up to where it stands for the name so far.
        var star: (place: Int, index: Int)?
        while index < name.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, index)
                place += 1
            } else if place < pattern.count, pattern[place] == name[index] {
                place += 1
                index += 1
            } else if let last = star {
                // The star takes one character more, and what is behind it is tried from there.
                star = (last.place, last.index + 1)
                (place, index) = (last.place + 1, last.index + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

extension TopicPattern.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .filter(let error): "\(error)"
        case .variable(let level): "has '\(level)', which is neither {sub} nor {claim.NAME} as a whole level"
        }
    }
}

/// Which topics a rule speaks of: a topic filter in which a level can be `{sub}` or `{claim.NAME}`.
package struct TopicPattern: Hashable, Sendable {
    private enum Level: Hashable, Sendable {
        case plain(String)
        case name
        case claim(String)
    }

    /// Why a text is no pattern.
    package enum Problem: Error, Hashable, Sendable {
        case filter(TopicError)
        /// A brace that belongs to no variable, or a variable that there is not.
        case variable(String)
    }

    package let text: String
    private let levels: [Level]

    package init(_ text: String) throws(Problem) {
        self.text = text
        self.levels = try text.split(separator: "/", omittingEmptySubsequences: false).map { level throws(Problem) in
            guard level.contains("{") || level.contains("}") else { return .plain(String(level)) }
            if level == "{sub}" { return .name }
            guard level.hasPrefix("{claim."), level.hasSuffix("}"), level.utf8.count > "{claim.}".utf8.count else {
                throw .variable(String(level))
            }
            return .claim(String(level.dropFirst("{claim.".count).dropLast()))
        }
        // With the longest values that variables can have; shorter ones fit too.
        let longest = String(repeating: "x", count: Self.valueBytesMax)
        let filled = self.levels.map { if case .plain(let text) = $0 { text } else { longest } }.joined(separator: "/")
        do throws(TopicError) { _ = try TopicFilter(filled) } catch { throw .filter(error) }
    }

    /// The names of the claims that it speaks of.
    package var claims: [String] {
        self.levels.compactMap { level in
            guard case .claim(let name) = level else { return nil }
            return name
        }
    }

    /// Which topics it means for `identity`; `nil` if a variable has no value that is one plain level.
    func filter(for identity: Identity) -> TopicFilter? {
        var levels: [String] = []
        for level in self.levels {
            switch level {
            case .plain(let text): levels.append(text)
            case .name:
                guard Self.isPlain(identity.name) else { return nil }
                levels.append(identity.name)
            case .claim(let name):
                guard let value = identity.claims[name], Self.isPlain(value) else { return nil }
                levels.append(value)
            }
        }
        return Self.filter(levels)
    }

    /// The same with any level for each variable: what a rule that denies means where they have no value.
    var widest: TopicFilter? {
        Self.filter(self.levels.map { if case .plain(let text) = $0 { text } else { "+" } })
    }

    private static func filter(_ levels: [String]) -> TopicFilter? { try? TopicFilter(levels.joined(separator: "/")) }

    /// A value that is more than a level would let its bearer reach into other people's topics (CVE-2017-7650).
    private static func isPlain(_ value: String) -> Bool {
        (1...Self.valueBytesMax).contains(value.utf8.count)
            && value.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }

    /// As long as the longest name of a producer.
    private static let valueBytesMax = 64
}
