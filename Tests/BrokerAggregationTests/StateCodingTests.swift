import Testing

@testable import BrokerAggregation

@Suite struct StateCodingTests {
    @Test(arguments: [UInt64(0), 1, 127, 128, 16_383, 16_384, 1 << 63, .max])
    func aVarintComesBack(value: UInt64) throws {
        var writer = StateWriter()
        writer.writeVarint(value)
        #expect(writer.bytes.count == max(1, (64 - value.leadingZeroBitCount + 6) / 7))
        var reader = StateReader(writer.bytes)
        #expect(try reader.readVarint(UInt64.self) == value)
        try reader.finish()
    }

    @Test func theLargestVarintOf128BitsComesBack() throws {
        var writer = StateWriter()
        writer.writeVarint(UInt128.max)
        var reader = StateReader(writer.bytes)
        #expect(try reader.readVarint(UInt128.self) == .max)
    }

    /// One with a digit too many, one with a bit too many, one with idle digits, and one that does not end.
    @Test(arguments: [
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
        [0x81, 0x00],
        [0x80],
        [],
    ])
    func aVarintThatNobodyWritesIsRefused(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        #expect(throws: AggregatorError.self) { try reader.readVarint(UInt64.self) }
    }

    @Test func bytesBeyondTheEndAreRefused() throws {
        var reader = StateReader([1, 2, 3])
        #expect(try reader.readBytes(2) == [1, 2])
        #expect(throws: AggregatorError.self) { try reader.readBytes(2) }
        #expect(throws: AggregatorError.self) { try reader.readBytes(-1) }
        #expect(try reader.readBytes(1) == [3])
    }
}
