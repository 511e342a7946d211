/// What can be done with a topic.
package struct Rights: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let publish = Self(rawValue: 1)
    /// Also to read it, and to see it in a list.
    package static let subscribe = Self(rawValue: 2)
    /// To reset and delete it; of all topics, to look at the broker and to command it.
    package static let admin = Self(rawValue: 4)

    /// The right of a name, if there is one.
    package init?(name: String) {
        guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
        self = known.right
    }

    package static let all: Self = [.publish, .subscribe, .admin]
    /// As configurations name them.
    package static let names: [(name: String, right: Self)] = [
        ("publish", .publish), ("subscribe", .subscribe), ("admin", .admin),
    ]
}
