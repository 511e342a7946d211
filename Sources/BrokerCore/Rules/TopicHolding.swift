import BrokerAggregation
import BrokerWire

/// What a topic holds, for the question whether a rule can go on from it: at the start, and when rules change.
enum TopicHolding: Hashable {
    case nothing
    /// A retained message.
    case message
    /// A state of an aggregator, as it is stored.
    case aggregate(name: String, number: String, version: Int)

    init(_ content: TopicRow.Content) {
        switch content {
        case .retained(let message, _): self = message == nil ? .nothing : .message
        case .aggregate(let name, let number, let version, _):
            self = .aggregate(name: name, number: number, version: version)
        }
    }

    /// Says why `rule` can not go on from it, if that is so.
    func check(against rule: TopicRule, of name: [UInt8]) throws(RestoreError) {
        let topic = String(decoding: name, as: UTF8.self)
        switch (self, rule.aggregator) {
        case (.nothing, _), (.message, nil):
            return
        case (.message, let configured?):
            throw .aggregatorChanged(topic: topic, stored: "a retained message", configured: configured.descriptor.name)
        case (.aggregate(let stored, let number, let version), let configured?) where stored == configured.stateName:
            let expected = rule.number.rawValue
            guard number == expected || configured.descriptor.input == .anything else {
                throw .numberChanged(topic: topic, stored: number, configured: expected)
            }
            guard version <= configured.descriptor.stateVersion else {
                let supported = configured.descriptor.stateVersion
                let error = AggregatorError.stateVersion(found: version, supported: supported)
                throw .unreadable(topic: topic, reason: "\(error)")
            }
        case (.aggregate(let stored, _, _), let configured):
            throw .aggregatorChanged(
                topic: topic,
                stored: stored,
                configured: configured?.stateName ?? "no aggregator"
            )
        }
    }
}

extension TopicRule {
    /// Whether a state of this rule's aggregator means the same to that of `other`.
    func folds(as other: TopicRule) -> Bool {
        guard let mine = self.aggregator, let others = other.aggregator else { return false }
        return mine.stateName == others.stateName
            && (self.number == other.number || others.descriptor.input == .anything)
    }
}
