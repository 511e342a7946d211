import BrokerAggregation
import BrokerWire

/// Rules with which each built-in aggregator can be made, for what all of them have to keep.
enum BuiltInRules {
    /// Of those that do not do with `{}`.
    private static let parameters = [
        "histogram": #"{"bounds":[1,10]}"#,
        "stddev": #"{"kind":"sample"}"#,
        "variance": #"{"kind":"sample"}"#,
    ]

    static let names = AggregatorRegistry.builtIn.descriptors.map(\.name)

    static func factory(
        _ name: String,
        _ parameters: String? = nil,
        _ number: NumberFormat = .int,
        windowMilliseconds: Int64? = 60_000
    ) throws(AggregatorError) -> AggregatorRegistry.Factory {
        try AggregatorRegistry.builtIn.factory(
            name: name,
            parameters: Array((parameters ?? self.parameters[name] ?? "{}").utf8),
            context: AggregationContext(number: number, windowMilliseconds: windowMilliseconds)
        )
    }

    /// The value after `numbers`, as JSON.
    static func value(
        _ name: String,
        _ numbers: [String],
        _ parameters: String? = nil,
        _ number: NumberFormat = .decimal
    ) throws -> String {
        let accumulator = try self.factory(name, parameters, number).makeAccumulator()
        for (index, text) in numbers.enumerated() {
            try accumulator.add(Sample(number: try ExactDecimal(text, as: number), offset: UInt64(index + 1)))
        }
        return accumulator.value.json
    }
}

extension AggregateValue {
    var json: String {
        var bytes: [UInt8] = []
        self.writeJSON(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
