import BrokerWire

/// The parameters of `variance` and `stddev`.
public struct VarianceConfiguration: Decodable, Hashable, Sendable {
    /// `sample` or `population`. There is no default: half of the tools that people know take one and half the other.
    public var kind: String?

    public init(kind: String?) { self.kind = kind }

    public init(from decoder: any Decoder) throws {
        let parameters = try decoder.parameters(Names.self)
        self.kind = try parameters.decodeIfPresent(String.self, forKey: .kind)
    }

    private enum Names: String, CodingKey, CaseIterable {
        case kind
    }

    static let parameters = [
        AggregatorDescriptor.Parameter("kind", VarianceKind.form, standard: nil, "what the squares are divided by")
    ]
}

/// How widely the numbers are spread, squared.
public struct VarianceAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "variance",
        summary: "The variance of the numbers, right to about 12 digits, and their mean.",
        parameters: VarianceConfiguration.parameters,
        output: #"{"value":1.6641,"mean":20.5,"count":48}"#
    )

    private let kind: VarianceKind
    private let number: NumberFormat

    public init(configuration: VarianceConfiguration, context: AggregationContext) throws(AggregatorError) {
        self.kind = try VarianceKind(parameter: configuration.kind)
        self.number = context.number
    }

    public func identity() -> Moments { Moments(self.number) }

    public func add(_ sample: Sample, to state: inout Moments) throws(AggregatorError) {
        try state.merge(Moments(of: sample.number))
    }

    public func merge(_ other: Moments, into state: inout Moments) throws(AggregatorError) { try state.merge(other) }

    public func value(of state: Moments) -> AggregateValue { state.value(state.variance(self.kind)) }

    public func encode(_ state: Moments, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> Moments {
        try Moments(decoding: bytes, self.number)
    }
}

/// How widely the numbers are spread, in their own unit.
public struct StandardDeviationAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "stddev",
        summary: "The standard deviation of the numbers, right to about 12 digits, and their mean.",
        parameters: VarianceConfiguration.parameters,
        output: #"{"value":1.29,"mean":20.5,"count":48}"#
    )

    private let kind: VarianceKind
    private let number: NumberFormat

    public init(configuration: VarianceConfiguration, context: AggregationContext) throws(AggregatorError) {
        self.kind = try VarianceKind(parameter: configuration.kind)
        self.number = context.number
    }

    public func identity() -> Moments { Moments(self.number) }

    public func add(_ sample: Sample, to state: inout Moments) throws(AggregatorError) {
        try state.merge(Moments(of: sample.number))
    }

    public func merge(_ other: Moments, into state: inout Moments) throws(AggregatorError) { try state.merge(other) }

    public func value(of state: Moments) -> AggregateValue { state.value(state.variance(self.kind)?.squareRoot()) }

    public func encode(_ state: Moments, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> Moments {
        try Moments(decoding: bytes, self.number)
    }
}

extension Moments {
    /// `spread` with the mean and the count that it belongs to; nothing of nothing.
    fileprivate func value(_ spread: Double?) -> AggregateValue {
        guard let mean = self.mean else { return .none }
        return .object(
            [
                .init("value", spread.map(AggregateValue.double) ?? .none),
                .init("mean", .number(mean)),
                .init("count", .count(self.count)),
            ],
            primary: "value"
        )
    }

    fileprivate func encode(into bytes: inout [UInt8]) {
        var writer = StateWriter()
        self.write(to: &writer)
        bytes += writer.bytes
    }

    fileprivate init(decoding bytes: [UInt8], _ format: NumberFormat) throws(AggregatorError) {
        var reader = StateReader(bytes)
        try self.init(from: &reader, format)
        try reader.finish()
    }
}
