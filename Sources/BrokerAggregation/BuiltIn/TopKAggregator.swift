import BrokerWire

/// The labels that came most often, or that weigh most.
public struct TopKAggregator: Aggregator {
    static let kRange = 1...1000

    /// What a sample counts.
    enum Weight: String, Decodable {
        case one
        case value
    }

    public struct Configuration: Decodable, Hashable, Sendable {
        var k: Int?
        var capacity: Int?
        var weight: Weight?

        private enum Names: CodingKey, CaseIterable {
            case k
            case capacity
            case weight
        }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.k = try parameters.whole(.k)
            self.capacity = try parameters.whole(.capacity)
            self.weight = try parameters.decodeIfPresent(String.self, forKey: .weight).map { text in
                guard let weight = Weight(rawValue: text) else {
                    throw DecodingError.dataCorruptedError(
                        forKey: .weight,
                        in: parameters,
                        debugDescription: "has to be 'one' or 'value'"
                    )
                }
                return weight
            }
        }
    }

    public static let descriptor = AggregatorDescriptor(
        name: "topk",
        summary: "The labels that came most often; no count is too low, and none too high by more than its `err`.",
        input: .label,
        parameters: [
            .init("k", "1 to 1000", standard: "10", "How many to tell."),
            .init(
                "capacity",
                "k to 10000",
                standard: "10*k",
                "How many are kept: none is off by more than total/capacity."
            ),
            .init(
                "weight",
                #""one" or "value""#,
                standard: #""one""#,
                "Whether a sample counts 1, or the number it carries."
            ),
        ],
        output: #"{"items":[{"key":"/home","count":120,"err":3}],"total":1042}"#
    )

    private let k: Int
    private let capacity: Int
    private let weight: Weight
    /// How many decimals the counts have.
    private let scale: Int

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        self.k = configuration.k ?? 10
        guard Self.kRange.contains(self.k) else {
            throw .configuration(path: "k", reason: "has to be within 1...1000")
        }
        self.capacity = configuration.capacity ?? 10 * self.k
        let most = SpaceSaving.capacityRange.upperBound
        guard (self.k...most).contains(self.capacity) else {
            throw .configuration(path: "capacity", reason: "has to be within k...\(most), and k is \(self.k)")
        }
        self.weight = configuration.weight ?? .one
        self.scale = self.weight == .one ? 0 : context.number.scale
    }

    public var input: AggregatorDescriptor.Input { self.weight == .one ? .label : .labelledNumber }

    public var stateParameters: String { "(capacity \(self.capacity), weight \(self.weight))" }

    public func identity() -> SpaceSaving { SpaceSaving(capacity: self.capacity) }

    public func add(_ sample: Sample, to state: inout SpaceSaving) throws(AggregatorError) {
        guard sample.label.count <= SpaceSaving.labelBytesMax else {
            throw .input(why: "label_too_long", reason: "a label has at most \(SpaceSaving.labelBytesMax) bytes")
        }
        let units = self.weight == .one ? 1 : sample.number.units
        guard units >= 0 else { throw .input(why: "negative_weight", reason: "a weight is not below zero") }
        // What weighs nothing must not take another's place.
        guard units > 0 else { return }
        try state.add(units, of: sample.label)
    }

    public func merge(_ other: SpaceSaving, into state: inout SpaceSaving) throws(AggregatorError) {
        try state.merge(other)
    }

    public func value(of state: SpaceSaving) -> AggregateValue {
        let items = state.heaviest(self.k).map { item -> AggregateValue in
            let count = self.decimal(item.weight)
            let key = String(decoding: item.label, as: UTF8.self)
            return .object(
                [.init("key", .text(key)), .init("count", count), .init("err", self.decimal(item.error))],
                primary: "count"
            )
        }
        return .object([.init("items", .list(items)), .init("total", self.decimal(state.total))], primary: "total")
    }

    private func decimal(_ units: Int128) -> AggregateValue { .number(ExactDecimal(units: units, scale: self.scale)) }

    public func memory(of state: SpaceSaving) -> Int { state.memory }

    /// Writes what counts are counts of, and the summary.
    public func encode(_ state: SpaceSaving, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        writer.write(self.weightCode)
        state.write(to: &writer)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> SpaceSaving {
        let state = try self.readCompact(Array(bytes.dropFirst()), version: version)
        guard bytes.first == self.weightCode else { throw .stateCorrupt("weights of another kind") }
        guard state.capacity == self.capacity else { throw .stateCorrupt("a summary of another capacity") }
        return state
    }

    private var weightCode: UInt8 { self.weight == .one ? 0 : self.scale == 0 ? 1 : 2 }
}
