import BrokerWire

/// How much comes in per second, or another time, over the rule's window. The sum is exact and divided once.
public struct RateAggregator: Aggregator {
    public struct Configuration: Decodable, Hashable, Sendable {
        /// The time that the rate is for, with its unit.
        public var per: String

        public init(per: String = "1s") { self.per = per }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.init()
            if let per = try parameters.decodeIfPresent(String.self, forKey: .per) { self.per = per }
        }

        private enum Names: String, CodingKey, CaseIterable {
            case per
        }
    }

    public static let descriptor = AggregatorDescriptor(
        name: "rate",
        summary: "The sum of the numbers per second, or another time, over the rule's window, which it has to have.",
        traits: [.exact],
        parameters: [.init("per", DurationText.form, standard: #""1s""#, "the time that the rate is for")],
        output: #"{"value":12.5,"delta":750,"over":60}"#
    )

    private let perMilliseconds: UInt64
    private let windowMilliseconds: UInt64
    private let number: NumberFormat

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        guard let per = DurationText.milliseconds(configuration.per), per > 0 else {
            let reason = "has to be \(DurationText.form), not \"\(configuration.per)\""
            throw .configuration(path: "per", reason: reason)
        }
        guard let window = context.windowMilliseconds, window > 0 else {
            throw .configuration(path: "", reason: "a rate is taken over a window: give the rule one")
        }
        self.perMilliseconds = per.magnitude
        self.windowMilliseconds = window.magnitude
        self.number = context.number
    }

    public func identity() -> SumAggregator.State { SumAggregator.State(total: .zero(self.number)) }

    public func add(_ sample: Sample, to state: inout SumAggregator.State) throws(AggregatorError) {
        try self.merge(SumAggregator.State(total: sample.number), into: &state)
    }

    public func merge(_ other: SumAggregator.State, into state: inout SumAggregator.State) throws(AggregatorError) {
        var sum = state
        do { try sum.total.add(other.total) } catch { throw .overflow }
        guard self.hasRoom(for: sum.total) else { throw .overflow }
        state = sum
    }

    /// Whether the rate has room too, which a time longer than the window can make larger than the sum.
    private func hasRoom(for total: ExactDecimal) -> Bool {
        self.perMilliseconds <= self.windowMilliseconds || self.rate(total) != nil
    }

    private func rate(_ total: ExactDecimal) -> ExactDecimal? {
        total.multiplied(by: self.perMilliseconds, dividedBy: self.windowMilliseconds)
    }

    public func value(of state: SumAggregator.State) -> AggregateValue {
        .object(
            [
                .init("value", self.rate(state.total).map(AggregateValue.number) ?? .none),
                .init("delta", .number(state.total)),
                .init("over", .number(ExactDecimal(units: Int128(self.windowMilliseconds), scale: 3))),
            ],
            primary: "value"
        )
    }

    public func encode(_ state: SumAggregator.State, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        writer.write(state.total)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> SumAggregator.State {
        var reader = StateReader(bytes)
        let total = try reader.read(self.number)
        try reader.finish()
        return SumAggregator.State(total: total)
    }
}

/// Durations as rules give them: a whole number and a unit.
enum DurationText {
    static let form = #"a duration with a unit (ms, s, m, h or d), such as "1s""#

    private static let units: [(String, Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `nil` if it is none, or too long.
    static func milliseconds(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let count = Int64(digits), let scale = self.units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }
}
