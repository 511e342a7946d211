import BrokerWire
import Testing

@Suite("Byte range")
struct ByteRangeTests {
    @Test func itNamesItsBytes() {
        let bytes = Array("abcdef".utf8).withUnsafeBytes { Array(ByteRange(2..<4).bytes(in: $0)) }
        #expect(bytes == Array("cd".utf8))
    }

    @Test func anEmptyOneNamesNothing() {
        let bytes = [UInt8]().withUnsafeBytes { Array(ByteRange.empty.bytes(in: $0)) }
        #expect(bytes.isEmpty && ByteRange.empty.isEmpty)
    }

    @Test func anEmptyOneAtTheEndNamesNothing() {
        let bytes = Array("ab".utf8).withUnsafeBytes { Array(ByteRange(2..<2).bytes(in: $0)) }
        #expect(bytes.isEmpty)
    }
}
