/// Writes the compact form of a state: fixed-width integers, lowest byte first.
public struct StateWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { self.bytes.append(contentsOf: $0) }
    }

    /// Writes a number that is mostly small: seven bits a byte, the lowest first; all bytes but the last have the
    /// highest bit set.
    public mutating func writeVarint(_ value: some FixedWidthInteger & UnsignedInteger) {
        var rest = value
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes bytes as they are; the reader has to know how many.
    public mutating func write(bytes: some Collection<UInt8>) { self.bytes.append(contentsOf: bytes) }

    /// Writes a finite double.
    public mutating func write(_ value: Double) { self.write(value.bitPattern) }

    /// Writes at most 65,535 bytes behind their number.
    public mutating func write(_ text: [UInt8]) {
        precondition(text.count <= Int(UInt16.max), "a text in a state has at most 65,535 bytes")
        self.write(UInt16(text.count))
        self.bytes += text
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

    /// Reads a finite double.
    public mutating func read(_ type: Double.Type) throws(AggregatorError) -> Double {
        let value = Double(bitPattern: try self.read(UInt64.self))
        guard value.isFinite else { throw .stateCorrupt("a number that is not finite") }
        return value
    }

    /// Reads bytes that were written behind their number, which must not be above `limit`.
    public mutating func readText(bytesMax limit: Int) throws(AggregatorError) -> [UInt8] {
        let count = Int(try self.read(UInt16.self))
        guard count <= limit else { throw .stateCorrupt("a text of \(count) bytes; at most \(limit) are possible") }
        guard self.bytes.count - self.index >= count else { throw .stateCorrupt("it is too short") }
        defer { self.index += count }
        return Array(self.bytes[self.index..<self.index + count])
    }

    /// Whether everything was read.
    public var isAtEnd: Bool { self.index == self.bytes.count }

    /// How many bytes are left: a length that is read is to be checked against it before anything is allocated.
    public var remaining: Int { self.bytes.count - self.index }

    /// Reads what ``StateWriter/writeVarint(_:)`` wrote, in its shortest form only.
    public mutating func readVarint<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type
    )
        throws(AggregatorError) -> Value
    {
        var value: Value = 0
        var shift = 0
        while true {
            let byte = try self.read(UInt8.self)
            let bits = Value(byte & 0x7F)
            guard shift < Value.bitWidth, (bits << shift) >> shift == bits else {
                throw .stateCorrupt("a number out of range")
            }
            value |= bits << shift
            guard byte >= 0x80 else {
                guard byte > 0 || shift == 0 else { throw .stateCorrupt("a number with idle digits") }
                return value
            }
            shift += 7
        }
    }

    /// Reads the next `count` bytes.
    public mutating func readBytes(_ count: Int) throws(AggregatorError) -> [UInt8] {
        guard count >= 0, count <= self.remaining else { throw .stateCorrupt("it is too short") }
        let start = self.index
        self.index += count
        return Array(self.bytes[start..<self.index])
    }

    /// Makes sure that nothing is left over.
    public func finish() throws(AggregatorError) {
        guard self.index == self.bytes.count else { throw .stateCorrupt("it is too long") }
    }
}
