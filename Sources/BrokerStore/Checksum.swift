/// CRC-32C (Castagnoli) over a row: SQLite checks its log but not its pages, so a flipped bit would count silently.
struct Checksum {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    private var state: UInt32 = .max

    var value: Int64 { Int64(~self.state) }

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            self.state = self.state >> 8 ^ Self.table[Int(UInt8(truncatingIfNeeded: self.state) ^ byte)]
        }
    }

    mutating func add(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { self.add($0) }
    }
}
