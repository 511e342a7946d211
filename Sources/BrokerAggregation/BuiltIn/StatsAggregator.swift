import BrokerWire

/// What people ask of numbers first, all at once.
public struct StatsAggregator: Aggregator {
    public struct Configuration: Decodable, Hashable, Sendable {
        /// Which fields the value has, in this order; `nil` for all of them.
        public var fields: [String]?
        /// Of `stddev`: `sample` or `population`.
        public var kind: String

        public init(fields: [String]? = nil, kind: String = "sample") {
            self.fields = fields
            self.kind = kind
        }

        public init(from decoder: any Decoder) throws {
            let parameters = try decoder.parameters(Names.self)
            self.init(fields: try parameters.decodeIfPresent([String].self, forKey: .fields))
            if let kind = try parameters.decodeIfPresent(String.self, forKey: .kind) { self.kind = kind }
        }

        private enum Names: String, CodingKey, CaseIterable {
            case fields
            case kind
        }
    }

    enum Field: String, CaseIterable {
        case count
        case sum
        case min
        case max
        case avg
        case stddev
        case first
        case last
    }

    /// All fields are kept, whichever are shown.
    public struct State: Codable, Hashable, Sendable {
        var moments: Moments
        var bounds: Bounds?
        var first = OffsetState()
        var last = OffsetState()
    }

    public static let descriptor = AggregatorDescriptor(
        name: "stats",
        summary: "Count, sum, smallest, largest, mean, standard deviation, first and last of the numbers.",
        traits: [.ordered],
        parameters: [
            .init(
                "fields",
                "a list of some of \(Self.quoted(Field.allCases))",
                standard: "[\(Self.quoted(Field.allCases))]",
                "what the value holds, in this order"
            ),
            .init("kind", VarianceKind.form, standard: #""sample""#, "what the squares of `stddev` are divided by"),
        ],
        output: #"{"count":3,"sum":9,"min":2,"max":4,"avg":3,"stddev":1,"first":2,"last":4}"#
    )

    private let fields: [Field]
    private let primary: String
    private let kind: VarianceKind
    private let number: NumberFormat

    public init(configuration: Configuration, context: AggregationContext) throws(AggregatorError) {
        self.fields = try Self.fields(configuration.fields)
        self.primary = (self.fields.contains(.avg) ? .avg : self.fields.first ?? .avg).rawValue
        self.kind = try VarianceKind(parameter: configuration.kind)
        self.number = context.number
    }

    private static func fields(_ names: [String]?) throws(AggregatorError) -> [Field] {
        guard let names else { return Field.allCases }
        guard !names.isEmpty else { throw .configuration(path: "fields", reason: "has to name at least one field") }
        var fields: [Field] = []
        for (index, name) in names.enumerated() {
            let path = "fields.\(index)"
            guard let field = Field(rawValue: name) else {
                let reason = "there is no field \"\(name)\"; there are \(Self.quoted(Field.allCases))"
                throw .configuration(path: path, reason: reason)
            }
            guard !fields.contains(field) else {
                throw .configuration(path: path, reason: "\"\(name)\" is there twice")
            }
            fields.append(field)
        }
        return fields
    }

    private static func quoted(_ fields: [Field]) -> String {
        fields.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
    }

    public func identity() -> State { State(moments: Moments(self.number)) }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        // The only step that can fail comes first.
        try state.moments.merge(Moments(of: sample.number))
        state.bounds = Bounds.merged(state.bounds, Bounds(sample.number))
        state.first.takeEarlier(OffsetState(sample))
        state.last.takeLater(OffsetState(sample))
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        try state.moments.merge(other.moments)
        state.bounds = Bounds.merged(state.bounds, other.bounds)
        state.first.takeEarlier(other.first)
        state.last.takeLater(other.last)
    }

    public func value(of state: State) -> AggregateValue {
        .object(self.fields.map { .init($0.rawValue, self.value($0, of: state)) }, primary: self.primary)
    }

    private func value(_ field: Field, of state: State) -> AggregateValue {
        switch field {
        case .count: .count(state.moments.count)
        case .sum: .number(state.moments.total)
        case .min: state.bounds.map { .number($0.lowest) } ?? .none
        case .max: state.bounds.map { .number($0.highest) } ?? .none
        case .avg: state.moments.mean.map { .number($0) } ?? .none
        case .stddev: state.moments.variance(self.kind).map { .double($0.squareRoot()) } ?? .none
        case .first: state.first.value
        case .last: state.last.value
        }
    }

    public func encode(_ state: State, into bytes: inout [UInt8]) {
        guard let bounds = state.bounds else { return }
        var writer = StateWriter()
        state.moments.write(to: &writer)
        bounds.write(to: &writer)
        state.first.write(to: &writer)
        state.last.write(to: &writer)
        bytes += writer.bytes
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        guard !bytes.isEmpty else { return self.identity() }
        var reader = StateReader(bytes)
        let state = State(
            moments: try Moments(from: &reader, self.number),
            bounds: try Bounds(from: &reader, self.number),
            first: try OffsetState(from: &reader, self.number),
            last: try OffsetState(from: &reader, self.number)
        )
        try reader.finish()
        guard state.moments.count > 0 else { throw .stateCorrupt("numbers of no sample") }
        guard state.first.offset <= state.last.offset else { throw .stateCorrupt("a first sample after the last") }
        return state
    }
}
