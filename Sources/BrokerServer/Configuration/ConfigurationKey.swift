import NIOCore

/// One key of the configuration: where it stands, what it takes, and what it is for.
///
/// The table of these is all that file, environment, flags, validation and documentation know about simple keys.
struct ConfigurationKey: Sendable {
    /// The keys from the top, joined by dots.
    let path: String
    /// What it takes, for people.
    let form: String
    let summary: String
    /// Sets it, or says what it wants instead.
    let set: @Sendable (JSONValue, inout BrokerConfiguration) -> String?
    let get: @Sendable (BrokerConfiguration) -> JSONValue

    /// The variable that sets it: `limits.messageBytes` is `WSBROKER_LIMITS_MESSAGE_BYTES`.
    var variable: String {
        var name = "WSBROKER_"
        for character in self.path {
            if character == "." {
                name += "_"
            } else {
                if character.isUppercase { name += "_" }
                name += character.uppercased()
            }
        }
        return name
    }

    // MARK: Kinds

    typealias Path<Value> = any WritableKeyPath<BrokerConfiguration, Value> & Sendable

    static func text(_ path: String, _ key: Path<String>, _ summary: String) -> Self {
        Self(path: path, form: "a string", summary: summary) { value, configuration in
            guard case .string(let text) = value, !text.isEmpty else { return "has to be a string, not \(value.kind)" }
            configuration[keyPath: key] = text
            return nil
        } get: {
            .string($0[keyPath: key])
        }
    }

    /// A text that may be empty.
    static func optionalText(_ path: String, _ key: Path<String>, _ summary: String) -> Self {
        Self(path: path, form: "a string", summary: summary) { value, configuration in
            guard case .string(let text) = value else { return "has to be a string, not \(value.kind)" }
            configuration[keyPath: key] = text
            return nil
        } get: {
            .string($0[keyPath: key])
        }
    }

    static func flag(_ path: String, _ key: Path<Bool>, _ summary: String) -> Self {
        Self(path: path, form: "true or false", summary: summary) { value, configuration in
            switch value {
            case .bool(let flag): configuration[keyPath: key] = flag
            case .string("true"): configuration[keyPath: key] = true
            case .string("false"): configuration[keyPath: key] = false
            default: return "has to be true or false"
            }
            return nil
        } get: {
            .bool($0[keyPath: key])
        }
    }

    static func integer(_ path: String, _ key: Path<Int>, _ range: ClosedRange<Int>, _ summary: String) -> Self {
        let form = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return Self(path: path, form: form, summary: summary) { value, configuration in
            guard let number = Self.integer(value), range.contains(number) else { return "has to be \(form)" }
            configuration[keyPath: key] = number
            return nil
        } get: {
            .number(Double($0[keyPath: key]))
        }
    }

    /// Environment and flags only have text.
    private static func integer(_ value: JSONValue) -> Int? {
        switch value {
        case .number(let number): Int(exactly: number)
        case .string(let text): Int(text)
        default: nil
        }
    }

    static func size(_ path: String, _ key: Path<Int>, _ range: ClosedRange<Int>, _ summary: String) -> Self {
        let lowest = Quantity.sizeText(Int64(range.lowerBound))
        let highest = Quantity.sizeText(Int64(range.upperBound))
        let form = "\(Quantity.sizeForm), from \(lowest) to \(highest)"
        return Self(path: path, form: form, summary: summary) { value, configuration in
            guard case .string(let text) = value, let bytes = Quantity.size(text).flatMap(Int.init(exactly:)),
                range.contains(bytes)
            else { return "has to be \(form)" }
            configuration[keyPath: key] = bytes
            return nil
        } get: {
            .string(Quantity.sizeText(Int64($0[keyPath: key])))
        }
    }

    static func duration(
        _ path: String,
        _ key: Path<TimeAmount>,
        _ range: ClosedRange<TimeAmount>,
        _ summary: String
    ) -> Self {
        let lowest = Quantity.durationText(range.lowerBound.nanoseconds)
        let highest = Quantity.durationText(range.upperBound.nanoseconds)
        let form = "\(Quantity.durationForm), from \(lowest) to \(highest)"
        return Self(path: path, form: form, summary: summary) { value, configuration in
            guard case .string(let text) = value, let duration = Quantity.duration(text).map(TimeAmount.nanoseconds),
                range.contains(duration)
            else { return "has to be \(form)" }
            configuration[keyPath: key] = duration
            return nil
        } get: {
            .string(Quantity.durationText($0[keyPath: key].nanoseconds))
        }
    }

    static func choice(_ path: String, _ key: Path<String>, _ choices: [String], _ summary: String) -> Self {
        let form = "one of " + choices.map { "\"\($0)\"" }.joined(separator: ", ")
        return Self(path: path, form: form, summary: summary) { value, configuration in
            guard case .string(let text) = value, choices.contains(text) else { return "has to be \(form)" }
            configuration[keyPath: key] = text
            return nil
        } get: {
            .string($0[keyPath: key])
        }
    }
}
