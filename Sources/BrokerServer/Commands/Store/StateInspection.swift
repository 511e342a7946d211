import BrokerAggregation
import BrokerCore
import BrokerWire

/// Whether what is stored can be read with the configured rules: what a broker finds out when it starts, and when a
/// topic is first touched.
struct StateInspection {
    let rules: TopicRules

    func problem(_ row: TopicRow) -> String? {
        let rule = row.name.withUnsafeBytes { self.rules.rule(for: $0) }
        switch (row.content, rule.aggregator) {
        case (.retained(nil, _), _), (.retained, nil): return nil
        case (.retained, let aggregator?):
            return "it holds a retained message, but its rule says '\(aggregator.stateName)'"
        case (.aggregate(let name, _, _, _), let aggregator) where name != aggregator?.stateName:
            return "it holds the state of '\(name)', but its rule says '\(aggregator?.stateName ?? "no aggregator")'"
        case (.aggregate(_, let number, let version, let state), let aggregator):
            guard let aggregator else { return nil }
            guard number == rule.number.rawValue || aggregator.descriptor.input == .anything else {
                return "it holds '\(number)' numbers, but its rule says '\(rule.number.rawValue)'"
            }
            do throws(AggregatorError) {
                try aggregator.makeAccumulator().restore(state, version: version)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }
}
