import BrokerAggregation
import BrokerWire

/// From what a topic holds to what goes to clients.
extension TopicState {
    static func withValue<Result>(_ text: [UInt8], siblings: [UInt8], _ body: (WireValue) -> Result) -> Result {
        text.withUnsafeBytes { text in
            siblings.withUnsafeBytes { siblings in
                var value = WireValue.json(text)
                value.siblings = siblings
                return body(value)
            }
        }
    }

    static func withValue<Result>(
        _ value: AggregateValue,
        siblings: [UInt8],
        _ body: (WireValue) -> Result
    ) -> Result {
        switch value {
        case .none: return body(.none)
        case .number(let number):
            guard !siblings.isEmpty else { return body(.number(number)) }
            return siblings.withUnsafeBytes { siblings in
                var value = WireValue.number(number)
                value.siblings = siblings
                return body(value)
            }
        case let value:
            var text: [UInt8] = []
            value.writeJSON(to: &text)
            return self.withValue(text, siblings: siblings, body)
        }
    }
}
