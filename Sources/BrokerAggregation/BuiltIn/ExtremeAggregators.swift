public import BrokerWire

/// The parameters of `min` and `max`.
public struct ExtremeConfiguration: Decodable, Hashable, Sendable {
    /// Whether the value says which sample it comes from.
    public var who: Bool

    public init(who: Bool = false) { self.who = who }

    public init(from decoder: any Decoder) throws {
        let parameters = try decoder.parameters(Names.self)
        self.who = try parameters.decodeIfPresent(Bool.self, forKey: .who) ?? false
    }

    private enum Names: String, CodingKey, CaseIterable {
        case who
    }

    static let parameters = [
        AggregatorDescriptor.Parameter(
            "who",
            "true or false",
            standard: "false",
            "whether the value also says which sample it comes from; that needs the rule's `key`"
        )
    ]
    static let output = #"512.4, or with `who` {"value":512.4,"key":"press-4","ts":1795460000123,"offset":9}"#
}

/// A number that is there after the first sample, and where it comes from: the state of `min` and `max`.
public struct ExtremeState: Codable, Hashable, Sendable {
    /// The sample that the number comes from.
    public struct Source: Codable, Hashable, Sendable {
        public var timestamp: UInt64
        public var offset: UInt64
        public var label: [UInt8]

        /// The longest label that is remembered, in bytes.
        public static let labelBytesMax = 256

        init(_ sample: Sample) throws(AggregatorError) {
            guard sample.label.count <= Self.labelBytesMax else {
                throw .input(why: "key_too_long", reason: "the key has more than \(Self.labelBytesMax) bytes")
            }
            self.timestamp = sample.timestamp
            self.offset = sample.offset
            self.label = sample.label
        }

        init(from reader: inout StateReader) throws(AggregatorError) {
            self.timestamp = try reader.read(UInt64.self)
            self.offset = try reader.read(UInt64.self)
            self.label = try reader.readText(bytesMax: Self.labelBytesMax)
        }

        /// By time; what follows only makes the order total.
        func isEarlier(than other: Self) -> Bool {
            guard self.timestamp == other.timestamp else { return self.timestamp < other.timestamp }
            guard self.offset == other.offset else { return self.offset < other.offset }
            return self.label.lexicographicallyPrecedes(other.label)
        }
    }

    public var number: ExactDecimal?
    /// `nil` if it is not asked for, or if the number was stored when it was not yet.
    public var source: Source?

    public init(number: ExactDecimal? = nil, source: Source? = nil) {
        self.number = number
        self.source = source
    }

    /// Takes over a `number` without a source if it `wins`.
    mutating func merge(_ number: ExactDecimal, wins: (ExactDecimal, ExactDecimal) -> Bool) {
        if self.number.map({ wins(number, $0) }) ?? true { self = Self(number: number) }
    }

    /// Takes over `other` if it `wins`, or if it is as good and earlier.
    mutating func merge(_ other: Self, wins: (ExactDecimal, ExactDecimal) -> Bool) {
        guard let theirs = other.number else { return }
        guard let ours = self.number else {
            self = other
            return
        }
        if wins(theirs, ours) || (theirs == ours && other.isEarlier(than: self)) { self = other }
    }

    /// A number without a source is from before there were any.
    private func isEarlier(than other: Self) -> Bool {
        guard let theirs = other.source else { return false }
        return self.source?.isEarlier(than: theirs) ?? true
    }

    func value(who: Bool) -> AggregateValue {
        guard let number = self.number else { return .none }
        guard who else { return .number(number) }
        return .object(
            [
                .init("value", .number(number)),
                .init("key", self.source.map { .text(String(decoding: $0.label, as: UTF8.self)) } ?? .none),
                .init("ts", self.source.map { Self.whole($0.timestamp) } ?? .none),
                .init("offset", self.source.map { Self.whole($0.offset) } ?? .none),
            ],
            primary: "value"
        )
    }

    private static func whole(_ value: UInt64) -> AggregateValue {
        .number(ExactDecimal(units: Int128(value), scale: 0))
    }

    var memory: Int { MemoryLayout<Self>.size + (self.source.map { HeapSize.array($0.label) } ?? 0) }

    /// Version 1 was empty or a number; version 2 may have the source behind it.
    static let version = 2

    func encode(into bytes: inout [UInt8]) {
        guard let number = self.number else { return }
        var writer = StateWriter()
        writer.write(number)
        if let source = self.source {
            writer.write(source.timestamp)
            writer.write(source.offset)
            writer.write(source.label)
        }
        bytes += writer.bytes
    }

    /// A source that is no longer asked for is left out.
    init(decoding bytes: [UInt8], version: Int, who: Bool, _ format: NumberFormat) throws(AggregatorError) {
        guard !bytes.isEmpty else { return }
        var reader = StateReader(bytes)
        self.number = try reader.read(format)
        if version >= 2, !reader.isAtEnd {
            let source = try Source(from: &reader)
            if who { self.source = source }
        }
        try reader.finish()
    }
}

/// The smallest number.
public struct MinimumAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "min",
        summary: "The smallest number; of equal ones the earliest.",
        stateVersion: ExtremeState.version,
        traits: [.exact, .idempotent],
        parameters: ExtremeConfiguration.parameters,
        output: ExtremeConfiguration.output
    )

    private let who: Bool
    private let number: NumberFormat

    public init(configuration: ExtremeConfiguration, context: AggregationContext) {
        self.who = configuration.who
        self.number = context.number
    }

    public var input: AggregatorDescriptor.Input { self.who ? .labelledNumber : .number }

    public func identity() -> ExtremeState { ExtremeState() }

    public func add(_ sample: Sample, to state: inout ExtremeState) throws(AggregatorError) {
        guard self.who else { return state.merge(sample.number, wins: <) }
        state.merge(ExtremeState(number: sample.number, source: try ExtremeState.Source(sample)), wins: <)
    }

    public func merge(_ other: ExtremeState, into state: inout ExtremeState) { state.merge(other, wins: <) }

    public func value(of state: ExtremeState) -> AggregateValue { state.value(who: self.who) }

    public func memory(of state: ExtremeState) -> Int { state.memory }

    public func encode(_ state: ExtremeState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> ExtremeState {
        try ExtremeState(decoding: bytes, version: version, who: self.who, self.number)
    }
}

/// The largest number.
public struct MaximumAggregator: Aggregator {
    public static let descriptor = AggregatorDescriptor(
        name: "max",
        summary: "The largest number; of equal ones the earliest.",
        stateVersion: ExtremeState.version,
        traits: [.exact, .idempotent],
        parameters: ExtremeConfiguration.parameters,
        output: ExtremeConfiguration.output
    )

    private let who: Bool
    private let number: NumberFormat

    public init(configuration: ExtremeConfiguration, context: AggregationContext) {
        self.who = configuration.who
        self.number = context.number
    }

    public var input: AggregatorDescriptor.Input { self.who ? .labelledNumber : .number }

    public func identity() -> ExtremeState { ExtremeState() }

    public func add(_ sample: Sample, to state: inout ExtremeState) throws(AggregatorError) {
        guard self.who else { return state.merge(sample.number, wins: >) }
        state.merge(ExtremeState(number: sample.number, source: try ExtremeState.Source(sample)), wins: >)
    }

    public func merge(_ other: ExtremeState, into state: inout ExtremeState) { state.merge(other, wins: >) }

    public func value(of state: ExtremeState) -> AggregateValue { state.value(who: self.who) }

    public func memory(of state: ExtremeState) -> Int { state.memory }

    public func encode(_ state: ExtremeState, into bytes: inout [UInt8]) { state.encode(into: &bytes) }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> ExtremeState {
        try ExtremeState(decoding: bytes, version: version, who: self.who, self.number)
    }
}
