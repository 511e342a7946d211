import BrokerAggregation
import BrokerWire

/// What a rule takes out of a publish.
extension Broker {
    /// What the rule of `topic` takes out of a publish.
    ///
    /// - `offset`: What the topic's offset is going to be.
    func sample(of published: Published, for topic: TopicState, offset: UInt64) -> Result<Sample, Refusal> {
        let rule = topic.rule
        var sample = Sample(
            number: .zero(rule.number),
            timestamp: self.now.wall,
            offset: offset
        )
        let input = rule.aggregator?.input ?? .anything
        if let key = rule.key {
            guard let label = key.find(in: published)?.label else { return .failure(Self.missing(key, "key")) }
            if !rule.alerts.isEmpty, let refusal = self.problem(ofKey: label, rule) { return .failure(refusal) }
            sample.label = label
        }
        if rule.window != nil {
            switch self.time(of: published, rule) {
            case .failure(let refusal): return .failure(refusal)
            case .success(let time): sample.time = time
            }
        }
        switch input {
        case .anything:
            break
        case .label where rule.key != nil:
            break
        case .label:
            guard let label = rule.value.find(in: published)?.label else {
                return .failure(Self.missing(rule.value, "value"))
            }
            sample.label = label
        case .number, .labelledNumber:
            guard let found = rule.value.find(in: published) else { return .failure(Self.missing(rule.value, "value")) }
            do throws(NumberError) {
                sample.number = try found.number(as: rule.number, strict: rule.isStrict)
            } catch {
                return .failure(Refusal(.badValue, Self.explanation(of: error, rule), why: error.why))
            }
        }
        return .success(sample)
    }

    /// When a publish happened, on the clock that windows are laid along.
    private func time(of published: Published, _ rule: TopicRule) -> Result<UInt64, Refusal> {
        let now = self.windowClock.time(at: self.now)
        guard let path = rule.window?.time else { return .success(now) }
        guard let found = path.find(in: published) else { return .failure(Self.missing(path, "time")) }
        guard let number = try? found.number(as: .int, strict: true), let time = UInt64("\(number)") else {
            let reason = "\(path) has to be a time, in milliseconds since 1970"
            return .failure(Refusal(.badValue, reason, why: "bad_time"))
        }
        guard time <= now + WindowRule.skewMax else {
            let reason = "\(path) is more than \(WindowRule.skewMax) ms ahead of the broker's clock"
            return .failure(Refusal(.badValue, reason, why: "future"))
        }
        return .success(time)
    }

    /// What alerts could not do with a key.
    private func problem(ofKey key: [UInt8], _ rule: TopicRule) -> Refusal? {
        guard key.count <= KeyedAccumulator.keyBytesMax else {
            let reason = "the key has more than \(KeyedAccumulator.keyBytesMax) bytes"
            return Refusal(.badValue, reason, why: "key_too_long")
        }
        let topicBytes = rule.alertTopicBytes(keyBytes: key.count)
        let limits = self.limits.wire.topic
        guard topicBytes == 0 || (topicBytes <= limits.bytesMax && Self.isLevel(key, limits)) else {
            return Self.badKey
        }
        return nil
    }

    /// Whether a key can be a level of a topic.
    static func isLevel(_ key: [UInt8], _ limits: TopicLimits) -> Bool {
        !key.contains(UInt8(ascii: "/"))
            && key.withUnsafeBytes { TopicGrammar.problem(in: $0, as: .topic, limits: limits) } == nil
    }

    static func explanation(of error: NumberError, _ rule: TopicRule) -> String {
        let subject = rule.value
        switch error {
        case .notANumber: return "\(subject) has to be a JSON number"
        case .tokenTooLong: return "\(subject) is a number of more than \(ExactDecimal.tokenBytesMax) characters"
        case .tooManyDigits: return "\(subject) has more than \(ExactDecimal.digitsMax) significant digits"
        case .exponentOutOfRange: return "the exponent of \(subject) is beyond ±\(ExactDecimal.exponentMax)"
        case .outOfRange: return "\(subject) is beyond the range of '\(rule.number.rawValue)' numbers"
        case .notRepresentable where rule.number == .int: return "\(subject) has to be a whole number"
        case .notRepresentable: return "\(subject) has more than \(rule.number.scale) decimals"
        case .overflow: return "the total would leave its range; it is unchanged"
        }
    }
}
