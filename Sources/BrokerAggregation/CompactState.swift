/// A state that says in its compact form all that is needed to read it back, so that its `Codable` form is the same
/// bytes and is trusted as little.
public protocol CompactState: Codable, Sendable {
    init(reading reader: inout StateReader) throws(AggregatorError)
    func write(to writer: inout StateWriter)
}

extension CompactState {
    public init(from decoder: any Decoder) throws {
        var reader = StateReader(try decoder.singleValueContainer().decode([UInt8].self))
        self = try Self(reading: &reader)
        try reader.finish()
    }

    public func encode(to encoder: any Encoder) throws {
        var writer = StateWriter()
        self.write(to: &writer)
        var container = encoder.singleValueContainer()
        try container.encode(writer.bytes)
    }
}

extension Aggregator where State: CompactState {
    public func encode(_ state: State, into bytes: inout [UInt8]) {
        var writer = StateWriter()
        state.write(to: &writer)
        bytes += writer.bytes
    }

    /// Reads a state of this version of the aggregator; whether it fits the rule's parameters is not checked.
    func readCompact(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        let supported = Self.descriptor.stateVersion
        guard version == supported else { throw .stateVersion(found: version, supported: supported) }
        var reader = StateReader(bytes)
        let state = try State(reading: &reader)
        try reader.finish()
        return state
    }
}

extension StateReader {
    /// Reads a count, which is never below zero.
    mutating func readCount() throws(AggregatorError) -> Int64 {
        guard let count = Int64(exactly: try self.readVarint(UInt64.self)) else {
            throw .stateCorrupt("a count out of range")
        }
        return count
    }

    /// Reads a total or a number, without the scale.
    mutating func readUnits() throws(AggregatorError) -> Int128 {
        let units = try self.read(Int128.self)
        // No number and no total is this one, which has no opposite.
        guard units != .min else { throw .stateCorrupt("a number out of range") }
        return units
    }
}
