/// A window as it is written.
package struct WindowConfiguration: Hashable, Sendable {
    var type = ""
    var size: String?
    var every: String?
    var resolution: String?
    var zone: String?
    var time: String?
    var grace: String?
    var late: String?
    var empty: String?
    var emit: String?

    static let keys = ["type", "size", "every", "resolution", "zone", "time", "grace", "late", "empty", "emit"]

    /// Reads one, and adds what is wrong with it to `problems`.
    init(_ value: JSONValue, at path: String, _ problems: inout [ConfigurationProblem]) {
        var reader = ObjectReader(value, at: path, keys: Self.keys)
        self.type = reader.string("type") ?? ""
        self.size = reader.string("size")
        self.every = reader.string("every")
        self.resolution = reader.string("resolution")
        self.zone = reader.string("zone")
        self.time = reader.string("time")
        self.grace = reader.string("grace")
        self.late = reader.string("late")
        self.empty = reader.string("empty")
        self.emit = reader.string("emit")
        problems += reader.problems
    }

    /// As it would be written.
    var document: JSONValue {
        var members: [String: JSONValue] = ["type": .string(self.type)]
        for (key, text) in [
            ("size", self.size), ("every", self.every), ("resolution", self.resolution), ("zone", self.zone),
            ("time", self.time), ("grace", self.grace), ("late", self.late), ("empty", self.empty),
            ("emit", self.emit),
        ] {
            if let text { members[key] = .string(text) }
        }
        return .object(members)
    }
}
