/// Writes the compact form of a state: fixed-width integers, lowest byte first.
public struct StateWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { self.bytes.append(contentsOf: $0) }
    }
}

/// Reads what a ``StateWriter`` wrote, and trusts none of it.
public struct StateReader {
    private let bytes: [UInt8]
    private var index = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public mutating func read<Value: FixedWidthInteger>(_ type: Value.Type) throws(AggregatorError) -> Value {
        let size = MemoryLayout<Value>.size
        guard self.bytes.count - self.index >= size else { throw .stateCorrupt("it is too short") }
        let value = self.bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: self.index, as: Value.self) }
        self.index += size
        return Value(littleEndian: value)
    }

    /// Makes sure that nothing is left over.
    public func finish() throws(AggregatorError) {
        guard self.index == self.bytes.count else { throw .stateCorrupt("it is too long") }
    }
}
