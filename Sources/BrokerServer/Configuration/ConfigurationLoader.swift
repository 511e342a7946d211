import BrokerWire

/// Puts a configuration together: flags over environment over file over defaults, and every problem at once.
struct ConfigurationLoader {
    var configuration = BrokerConfiguration()
    var problems: [ConfigurationProblem] = []

    /// Variables that begin with our prefix and are for somebody else: the clients and our own build.
    private static let otherVariables: Set<String> = [
        "WSBROKER_CONFIG", "WSBROKER_URL", "WSBROKER_TOKEN", "WSBROKER_WARNINGS_AS_ERRORS",
    ]

    /// Kubernetes sets `WSBROKER_PORT...` and `WSBROKER_SERVICE_...` in every container beside a service of our name.
    private static func isSomebodyElses(_ variable: String) -> Bool {
        Self.otherVariables.contains(variable) || variable == "WSBROKER_PORT"
            || variable.hasPrefix("WSBROKER_PORT_") || variable.hasPrefix("WSBROKER_SERVICE_")
    }

    private static let keysByPath = Dictionary(
        uniqueKeysWithValues: ConfigurationKey.all.map { ($0.path, $0) }
    )

    // MARK: Sources

    /// Takes a configuration file.
    mutating func apply(file bytes: [UInt8], named name: String) {
        let document: JSONValue
        do throws(ConfigurationError) {
            document = try JSONValue(document: bytes, named: name)
        } catch {
            self.problems += error.problems
            return
        }
        guard case .object(let members) = document else { return self.report(name, "has to hold a JSON object") }
        self.apply(members, under: "")
    }

    private mutating func apply(_ members: [String: JSONValue], under prefix: String) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let path = prefix.isEmpty ? name : "\(prefix).\(name)"
            if let key = Self.keysByPath[path] {
                self.set(key, value, at: path)
            } else if path == "topics" {
                self.applyTopics(value)
            } else if path == "auth.anonymous" {
                self.applyAnonymousRights(value)
            } else if path == "auth.rules" {
                self.applyAccessRules(value)
            } else if path == "listen.proxies" {
                self.applyProxies(value)
            } else if path == "origins" {
                self.applyOrigins(value)
            } else if Self.keysByPath.keys.contains(where: { $0.hasPrefix(path + ".") }) {
                if case .object(let inner) = value {
                    self.apply(inner, under: path)
                } else {
                    self.report(path, "has to be an object, not \(value.kind)")
                }
            } else {
                self.reportUnknown(path, among: Self.siblings(under: prefix) + Self.keysByPath.keys)
            }
        }
    }

    /// The keys and sections that may stand in the section `prefix`, each with its whole path.
    private static func siblings(under prefix: String) -> [String] {
        let start = prefix.isEmpty ? "" : prefix + "."
        let paths = (Self.keysByPath.keys + ["topics", "auth.anonymous", "auth.rules", "listen.proxies", "origins"])
            .filter { $0.hasPrefix(start) }
        return Set(paths.map { start + $0.dropFirst(start.count).prefix { $0 != "." } }).sorted()
    }

    /// Takes the environment.
    mutating func apply(environment: [String: String]) {
        let keys = Dictionary(uniqueKeysWithValues: ConfigurationKey.all.map { ($0.variable, $0) })
        for (name, text) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix("WSBROKER_") && !Self.isSomebodyElses(name) {
            if let key = keys[name] {
                self.set(key, .string(text), at: name)
            } else {
                self.reportUnknown(name, among: keys.keys.map { $0 })
            }
        }
    }

    /// Takes `key=value` from the command line.
    mutating func apply(flag assignment: String) {
        guard let equals = assignment.firstIndex(of: "=") else {
            return self.report("--set \(assignment)", "has to be KEY=VALUE")
        }
        let path = String(assignment[..<equals])
        guard let key = Self.keysByPath[path] else { return self.reportUnknown(path, among: Self.keysByPath.keys) }
        self.set(key, .string(String(assignment[assignment.index(after: equals)...])), at: path)
    }

    private mutating func set(_ key: ConfigurationKey, _ value: JSONValue, at path: String) {
        guard let problem = key.set(value, &self.configuration) else { return }
        self.report(path, problem)
    }

    // MARK: Sections with a form of their own

    private mutating func applyOrigins(_ value: JSONValue) {
        guard case .array(let values) = value, let origins = Self.strings(values) else {
            return self.report("origins", "has to be a list of strings, not \(value.kind)")
        }
        for (index, origin) in origins.enumerated() {
            if let problem = Origins.problem(origin) { self.report("origins[\(index)]", problem) }
        }
        self.configuration.origins = origins
    }

    static func strings(_ values: [JSONValue]) -> [String]? {
        let strings = values.compactMap { value -> String? in
            guard case .string(let text) = value else { return nil }
            return text
        }
        return strings.count == values.count ? strings : nil
    }

    private mutating func applyTopics(_ value: JSONValue) {
        guard case .array(let rules) = value else {
            return self.report("topics", "has to be a list of rules, not \(value.kind)")
        }
        self.configuration.topics = rules.enumerated().map { self.rule($0.element, at: "topics[\($0.offset)]") }
    }

    private mutating func rule(_ value: JSONValue, at path: String) -> TopicRuleConfiguration {
        var reader = ObjectReader(value, at: path, keys: TopicRuleConfiguration.keys)
        var rule = TopicRuleConfiguration(topic: reader.string("topic") ?? "")
        rule.number = reader.string("number") ?? rule.number
        rule.durability = reader.string("durability") ?? rule.durability
        rule.value = reader.string("value") ?? rule.value
        rule.strict = reader.flag("strict") ?? rule.strict
        rule.metrics = reader.flag("metrics") ?? rule.metrics
        rule.key = reader.string("key")
        rule.condition = reader.string("where")
        rule.from = reader.string("from")
        rule.staleAfter = reader.string("staleAfter")
        rule.maxKeys = reader.number("maxKeys").map { Int(exactly: $0) ?? 0 }
        rule.onFull = reader.string("onFull")
        rule.aggregate = reader.value("aggregate").flatMap { self.aggregate($0, at: "\(path).aggregate") }
        rule.perKey = reader.value("perKey").flatMap { self.aggregate($0, at: "\(path).perKey") }
        if let window = reader.value("window") {
            rule.window = WindowConfiguration(window, at: "\(path).window", &self.problems)
        }
        rule.alerts = (reader.list("alerts") ?? []).enumerated().map { index, alert in
            AlertConfiguration(alert, at: "\(path).alerts[\(index)]", &self.problems)
        }
        self.problems += reader.problems
        return rule
    }

    /// A name, or an object with the name and its parameters.
    private mutating func aggregate(_ value: JSONValue, at path: String) -> TopicRuleConfiguration.Aggregate? {
        switch value {
        case .string(let name): return .init(name: name)
        case .object(let parts):
            if let part = parts.first, parts.count == 1, case .object = part.value {
                return .init(name: part.key, parameters: part.value)
            }
        default: break
        }
        self.report(path, #"has to be a name, or an object {"name": {parameters}}, not \#(value.kind)"#)
        return nil
    }

    // MARK: Problems

    mutating func report(_ path: String, _ text: String) {
        self.problems.append(ConfigurationProblem(path: path, text: text))
    }

    private mutating func reportUnknown(_ path: String, among known: some Sequence<String>) {
        let hint = NearestName.of(path, among: known).map { "; did you mean '\($0)'?" } ?? ""
        self.report(path, "unknown key\(hint)")
    }
}
