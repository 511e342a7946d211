/// The reference of all keys, for `docs/configuration.md` and `wsbroker config doc`.
enum ConfigurationReference {
    static var markdown: String {
        let defaults = BrokerConfiguration()
        let rows = ConfigurationKey.all.map { key in
            let value = Self.text(key.get(defaults))
            return "| `\(key.path)` | `\(value)` | `\(key.variable)` | \(key.summary) Takes \(key.form). |"
        }
        return """
            | key | default | variable | |
            |---|---|---|---|
            \(rows.joined(separator: "\n"))
            """
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): "\"\(text)\""
        case .number(let number): number == number.rounded() ? "\(Int(number))" : "\(number)"
        case .bool(let flag): "\(flag)"
        default: "\(value)"
        }
    }
}
