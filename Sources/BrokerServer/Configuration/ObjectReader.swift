/// Takes an object of a configuration apart, and notes everything that is wrong with it by its path.
struct ObjectReader {
    let path: String
    private let members: [String: JSONValue]
    private(set) var problems: [ConfigurationProblem] = []

    /// - `keys`: Those that may be there.
    init(_ value: JSONValue, at path: String, keys: [String]) {
        self.path = path
        guard case .object(let members) = value else {
            self.members = [:]
            self.problems.append(ConfigurationProblem(path: path, text: "has to be an object, not \(value.kind)"))
            return
        }
        self.members = members
        for name in members.keys.sorted() where !keys.contains(name) {
            let hint = NearestName.of(name, among: keys)
            let text = "unknown key" + (hint.map { "; did you mean '\(path).\($0)'?" } ?? "")
            self.report(name, text)
        }
    }

    mutating func report(_ key: String, _ text: String) {
        self.problems.append(ConfigurationProblem(path: "\(self.path).\(key)", text: text))
    }

    mutating func take(_ problems: [ConfigurationProblem]) { self.problems += problems }

    // MARK: Members

    func value(_ key: String) -> JSONValue? { self.members[key] }

    mutating func string(_ key: String) -> String? {
        self.read(key) { value in
            guard case .string(let text) = value else { return nil }
            return text
        }
    }

    mutating func flag(_ key: String) -> Bool? {
        self.read(key) { value in
            guard case .bool(let flag) = value else { return nil }
            return flag
        }
    }

    mutating func number(_ key: String) -> Double? {
        self.read(key) { value in
            guard case .number(let number) = value else { return nil }
            return number
        }
    }

    mutating func list(_ key: String) -> [JSONValue]? {
        self.read(key) { value in
            guard case .array(let values) = value else { return nil }
            return values
        }
    }

    mutating func strings(_ key: String) -> [String]? {
        if case .string? = self.members[key], let value = self.members[key] {
            self.report(
                key,
                "has to be a list: write \(String(decoding: JSONValue.array([value]).bytes, as: UTF8.self))"
            )
            return nil
        }
        return self.read(key) { value in
            guard case .array(let values) = value else { return nil }
            return ConfigurationLoader.strings(values)
        }
    }

    /// Two numbers.
    mutating func pair(_ key: String) -> [Double]? {
        self.read(key) { value in
            guard case .array(let values) = value, values.count == 2 else { return nil }
            let numbers = values.compactMap { value -> Double? in
                guard case .number(let number) = value else { return nil }
                return number
            }
            return numbers.count == 2 ? numbers : nil
        }
    }

    private mutating func read<Value>(_ key: String, _ convert: (JSONValue) -> Value?) -> Value? {
        guard let value = self.members[key] else { return nil }
        guard let converted = convert(value) else {
            self.report(key, "can not be \(value.kind)")
            return nil
        }
        return converted
    }
}
