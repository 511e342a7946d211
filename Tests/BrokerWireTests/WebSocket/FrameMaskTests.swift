import BrokerWire
import Testing

@Suite("Frame mask")
struct FrameMaskTests {
    private static let keys: [[UInt8]] = [
        [0, 0, 0, 0], [1, 2, 3, 4], [0x80, 0xFF, 0, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF],
    ]

    private static func word(_ key: [UInt8]) -> UInt32 {
        key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    }

    private static func masked(_ bytes: some Sequence<UInt8>, _ key: [UInt8], turned: Int = 0) -> [UInt8] {
        bytes.enumerated().map { $1 ^ key[($0 + turned) % 4] }
    }

    /// Every length over the widths that are taken at once, from and to every alignment.
    @Test(arguments: Self.keys)
    func everyLengthAtEveryAlignmentIsMaskedByteByByte(key: [UInt8]) {
        var generator = SeededGenerator(seed: 20)
        let source = generator.bytes(64)
        var wrong: [String] = []
        for length in 0...40 {
            for alignment in 0..<16 {
                var target = [UInt8](repeating: 0xAA, count: 64)
                let targetAlignment = (alignment * 7 + length) % 16
                source.withUnsafeBytes { from in
                    target.withUnsafeMutableBytes { to in
                        guard let base = to.baseAddress else { return }
                        let piece = UnsafeRawBufferPointer(rebasing: from[alignment..<alignment + length])
                        _ = FrameMask.copy(piece, to: base + targetAlignment, mask: Self.word(key))
                    }
                }
                let expected =
                    Array(repeating: 0xAA, count: targetAlignment)
                    + Self.masked(source[alignment..<alignment + length], key)
                    + Array(repeating: 0xAA, count: 64 - targetAlignment - length)
                if target != expected { wrong.append("\(length) bytes at \(alignment)") }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test(arguments: Self.keys)
    func bytesAreMaskedInPlaceToo(key: [UInt8]) {
        var generator = SeededGenerator(seed: 21)
        var wrong: [Int] = []
        for length in 0...40 {
            let source = generator.bytes(length)
            var bytes = source
            bytes.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return }
                _ = FrameMask.copy(UnsafeRawBufferPointer(buffer), to: base, mask: Self.word(key))
            }
            if bytes != Self.masked(source, key) { wrong.append(length) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    /// One byte beyond ASCII is noticed wherever it stands, and after unmasking, not before.
    @Test func itTellsWhetherAllIsASCII() {
        let key = Self.keys[2]
        var wrong: [Int] = []
        for length in 1...40 {
            for place in 0..<length {
                var text = [UInt8](repeating: 0x7F, count: length)
                let isASCII = Self.copy(Self.masked(text, key), key)
                text[place] = 0x80
                if !isASCII || Self.copy(Self.masked(text, key), key) { wrong.append(length) }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func copy(_ bytes: [UInt8], _ key: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { source in
            withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { target in
                target.baseAddress.map { FrameMask.copy(source, to: $0, mask: Self.word(key)) } ?? false
            }
        }
    }

    @Test func nothingIsASCII() {
        #expect(Self.copy([], Self.keys[1]))
    }

    @Test(arguments: Self.keys)
    func aTurnedKeyGoesOnWhereThePieceBeforeEnded(key: [UInt8]) {
        var wrong: [Int] = []
        for count in 0...70_000 where count < 20 || count > 69_990 {
            let turned = FrameMask.turned(Self.word(key), by: count)
            if turned != Self.word(Self.masked([0, 0, 0, 0], key, turned: count)) { wrong.append(count) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }
}
