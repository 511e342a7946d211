import BrokerWire
import Testing

@Suite struct RawBytesComparisonTests {
    @Test(arguments: 0...40)
    func bytesAreTheSameOnlyIfEachOneIs(count: Int) {
        let bytes = (0..<count).map { UInt8($0) }
        #expect(Self.areSame(bytes, bytes))
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0x80
            #expect(!Self.areSame(bytes, other), "byte \(index) differs")
        }
    }

    @Test func aBeginningIsNotTheSame() {
        #expect(!Self.areSame([1, 2, 3], [1, 2]))
        #expect(!Self.areSame([], [0]))
    }

    private static func areSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.withUnsafeBytes { one in other.withUnsafeBytes { one.hasSameBytes(as: $0) } }
    }
}
