public import BrokerWire

/// A number that is there after the first sample, and that sample's offset: the state of `first` and `last`.
public struct OffsetState: Codable, Hashable, Sendable {
    public private(set) var number: ExactDecimal?
    public private(set) var offset: UInt64 = 0

    init() {}

    init(_ sample: Sample) {
        self.number = sample.number
        self.offset = sample.offset
    }

    /// Takes over `other` if it is not older. Equal offsets are the same sample.
    mutating func takeLater(_ other: Self) {
        guard other.number != nil, self.number == nil || other.offset >= self.offset else { return }
        self = other
    }

    /// Takes over `other` if it is older.
    mutating func takeEarlier(_ other: Self) {
        guard other.number != nil, self.number == nil || other.offset < self.offset else { return }
        self = other
    }

    var value: AggregateValue { self.number.map(AggregateValue.number) ?? .none }

    func encode(into bytes: inout [UInt8]) {
        var writer = StateWriter()
        self.write(to: &writer)
        bytes += writer.bytes
    }

    init(decoding bytes: [UInt8], _ format: NumberFormat) throws(AggregatorError) {
        self.init()
        guard !bytes.isEmpty else { return }
        var reader = StateReader(bytes)
        self = try Self(from: &reader, format)
        try reader.finish()
    }

    /// Reads one that is there.
    init(from reader: inout StateReader, _ format: NumberFormat) throws(AggregatorError) {
        self.number = try reader.read(format)
        self.offset = try reader.read(UInt64.self)
    }

    /// Writes one that is there.
    func write(to writer: inout StateWriter) {
        guard let number = self.number else { return }
        writer.write(number)
        writer.write(self.offset)
    }
}
