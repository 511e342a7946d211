import BrokerCore
import BrokerWire

/// An access rule as it is written: `{"allow": ["publish"], "principal": "meter-*", "topics": ["factory/{sub}/#"]}`.
package struct AccessRuleConfiguration: Hashable, Sendable {
    let rule: AccessRule

    private static let keys = ["allow", "deny", "principal", "topics"]

    /// Reads a rule; `nil` if it is none, of which `problems` say why.
    init?(_ value: JSONValue, at path: String, _ problems: inout [ConfigurationProblem]) {
        var reader = ObjectReader(value, at: path, keys: Self.keys)
        defer { problems += reader.problems }
        let allowed = Self.rights("allow", &reader)
        let denied = Self.rights("deny", &reader)
        let topics = Self.topics(&reader)
        let name = reader.string("principal") ?? NamePattern.everybody.text
        if name.isEmpty { reader.report("principal", "is empty; \"*\" is everybody") }
        if allowed != nil, denied != nil { reader.report("deny", "stands beside 'allow'; a rule has one of the two") }
        if reader.problems.isEmpty, allowed == nil, denied == nil {
            reader.report("allow", "either 'allow' or 'deny' has to be there")
        }
        guard reader.problems.isEmpty, let rights = allowed ?? denied else { return nil }
        self.rule = AccessRule(denied == nil ? .allow : .deny, rights, names: NamePattern(name), topics: topics)
    }

    private static func rights(_ key: String, _ reader: inout ObjectReader) -> Rights? {
        guard let names = reader.strings(key) else { return nil }
        var rights = Rights()
        for name in names {
            guard let right = Rights(name: name) else {
                let list = Rights.names.map(\.name).joined(separator: ", ")
                reader.report(key, "'\(name)' is none of \(list)")
                continue
            }
            rights.insert(right)
        }
        if names.isEmpty { reader.report(key, "names nothing") }
        return rights
    }

    private static func topics(_ reader: inout ObjectReader) -> [TopicPattern] {
        let texts = reader.strings("topics") ?? ["#"]
        if texts.isEmpty { reader.report("topics", "names nothing; [\"#\"] is all topics of clients") }
        var patterns: [TopicPattern] = []
        for text in texts {
            do throws(TopicPattern.Problem) {
                patterns.append(try TopicPattern(text))
            } catch {
                reader.report("topics", "'\(text)' \(error)")
            }
        }
        return patterns
    }

    var document: JSONValue {
        let names = Rights.names.filter { self.rule.rights.contains($0.right) }.map { JSONValue.string($0.name) }
        return .object([
            self.rule.effect.rawValue: .array(names),
            "principal": .string(self.rule.names.text),
            "topics": .array(self.rule.topics.map { .string($0.text) }),
        ])
    }
}
