/// An alert as it is written.
package struct AlertConfiguration: Hashable, Sendable {
    /// One thing to publish.
    package struct Action: Hashable, Sendable {
        var topic = ""
        var data = JSONValue.null
        var retain = true

        static let keys = ["to", "data", "retain"]
    }

    var name = ""
    var above: Double?
    var below: Double?
    var outside: [Double]?
    var noData: String?
    var clearBelow: Double?
    var clearAbove: Double?
    var clearInside: [Double]?
    var scope = "across"
    var delay: String?
    var clearDelay: String?
    var latch = false
    var repeatEvery: String?
    var expect: [String] = []
    var raise: [Action] = []
    var clear: [Action] = []

    static let keys = [
        "name", "above", "below", "outside", "noData", "clearBelow", "clearAbove", "clearInside", "scope", "for",
        "clearFor", "latch", "repeatEvery", "expect", "raise", "clear",
    ]

    /// Reads one, and adds what is wrong with it to `problems`.
    init(_ value: JSONValue, at path: String, _ problems: inout [ConfigurationProblem]) {
        var reader = ObjectReader(value, at: path, keys: Self.keys)
        self.name = reader.string("name") ?? ""
        self.above = reader.number("above")
        self.below = reader.number("below")
        self.outside = reader.pair("outside")
        self.noData = reader.string("noData")
        self.clearBelow = reader.number("clearBelow")
        self.clearAbove = reader.number("clearAbove")
        self.clearInside = reader.pair("clearInside")
        self.scope = reader.string("scope") ?? self.scope
        self.delay = reader.string("for")
        self.clearDelay = reader.string("clearFor")
        self.latch = reader.flag("latch") ?? false
        self.repeatEvery = reader.string("repeatEvery")
        self.expect = reader.strings("expect") ?? []
        self.raise = Self.actions("raise", &reader)
        self.clear = Self.actions("clear", &reader)
        problems += reader.problems
    }

    private static func actions(_ key: String, _ reader: inout ObjectReader) -> [Action] {
        (reader.list(key) ?? []).enumerated().map { index, value in
            var inner = ObjectReader(value, at: "\(reader.path).\(key)[\(index)]", keys: Action.keys)
            var action = Action()
            action.topic = inner.string("to") ?? ""
            if inner.value("to") == nil { inner.report("to", "is missing: the topic to publish to") }
            if let data = inner.value("data") {
                action.data = data
            } else {
                inner.report("data", "is missing: what to publish; null clears a retained message")
            }
            action.retain = inner.flag("retain") ?? true
            reader.take(inner.problems)
            return action
        }
    }

    /// As it would be written.
    var document: JSONValue {
        var members: [String: JSONValue] = ["name": .string(self.name)]
        for (key, number) in [
            ("above", self.above), ("below", self.below), ("clearBelow", self.clearBelow),
            ("clearAbove", self.clearAbove),
        ] {
            if let number { members[key] = .number(number) }
        }
        for (key, pair) in [("outside", self.outside), ("clearInside", self.clearInside)] {
            if let pair { members[key] = .array(pair.map(JSONValue.number)) }
        }
        for (key, text) in [
            ("noData", self.noData), ("for", self.delay), ("clearFor", self.clearDelay),
            ("repeatEvery", self.repeatEvery),
        ] {
            if let text { members[key] = .string(text) }
        }
        members["scope"] = .string(self.scope)
        if self.latch { members["latch"] = .bool(true) }
        if !self.expect.isEmpty { members["expect"] = .array(self.expect.map(JSONValue.string)) }
        for (key, actions) in [("raise", self.raise), ("clear", self.clear)] where !actions.isEmpty {
            members[key] = .array(actions.map(\.document))
        }
        return .object(members)
    }
}

extension AlertConfiguration.Action {
    var document: JSONValue {
        .object(["to": .string(self.topic), "data": self.data, "retain": .bool(self.retain)])
    }
}
