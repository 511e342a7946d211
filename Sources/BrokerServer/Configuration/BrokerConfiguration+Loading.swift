package import BrokerAggregation

extension BrokerConfiguration {
    /// Loads a configuration, or says everything that is wrong with it.
    ///
    /// - `path`: The configuration file, or `nil` for none.
    /// - `assignments`: `key=value` from the command line.
    package static func load(
        file path: String?,
        environment: [String: String],
        assignments: [String],
        registry: AggregatorRegistry
    ) throws(ConfigurationError) -> BrokerConfiguration {
        var loader = ConfigurationLoader()
        if let path {
            do throws(ConfigurationError) {
                loader.apply(file: try OperatorFile(path: path, key: "").bytes, named: path)
            } catch {
                loader.problems += error.problems
            }
        }
        loader.apply(environment: environment)
        for assignment in assignments { loader.apply(flag: assignment) }
        let problems = loader.problems + loader.configuration.problems(registry: registry)
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return loader.configuration
    }

    /// The configuration as a document with every key.
    var document: JSONValue {
        var root: [String: JSONValue] = [:]
        for key in ConfigurationKey.all {
            Self.insert(key.get(self), key.path.split(separator: ".").map(String.init)[...], into: &root)
        }
        root["topics"] = .array(self.topics.map(\.document))
        root["origins"] = .array(self.origins.map(JSONValue.string))
        Self.insert(.array(self.proxies.map(JSONValue.string)), ["listen", "proxies"], into: &root)
        Self.insert(
            .array(self.anonymousRightsInForce.map(JSONValue.string)),
            ["auth", "anonymous"],
            into: &root
        )
        if let rules = self.accessRules {
            Self.insert(.array(rules.map(\.document)), ["auth", "rules"], into: &root)
        }
        return .object(root)
    }

    private static func insert(_ value: JSONValue, _ path: ArraySlice<String>, into object: inout [String: JSONValue]) {
        guard let name = path.first else { return }
        guard path.count > 1 else {
            object[name] = value
            return
        }
        var inner: [String: JSONValue] = [:]
        if case .object(let members)? = object[name] { inner = members }
        Self.insert(value, path.dropFirst(), into: &inner)
        object[name] = .object(inner)
    }
}

extension TopicRuleConfiguration {
    var document: JSONValue {
        var members: [String: JSONValue] = [
            "topic": .string(self.topic), "number": .string(self.number), "strict": .bool(self.strict),
            "durability": .string(self.durability),
        ]
        if !self.value.isEmpty { members["value"] = .string(self.value) }
        for (name, text) in [("key", self.key), ("where", self.condition), ("from", self.from)] {
            if let text { members[name] = .string(text) }
        }
        for (name, aggregate) in [("aggregate", self.aggregate), ("perKey", self.perKey)] {
            guard let aggregate else { continue }
            members[name] =
                aggregate.parameters == .object([:])
                ? .string(aggregate.name) : .object([aggregate.name: aggregate.parameters])
        }
        if self.metrics { members["metrics"] = .bool(true) }
        if let staleAfter = self.staleAfter { members["staleAfter"] = .string(staleAfter) }
        if let maxKeys = self.maxKeys { members["maxKeys"] = .number(Double(maxKeys)) }
        if let onFull = self.onFull { members["onFull"] = .string(onFull) }
        if let window = self.window { members["window"] = window.document }
        if !self.alerts.isEmpty { members["alerts"] = .array(self.alerts.map(\.document)) }
        return .object(members)
    }
}
