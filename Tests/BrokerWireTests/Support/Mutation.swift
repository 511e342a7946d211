/// Damage as networks, bugs and attackers do it.
enum Mutation {
    private static let meaningful =
        Array(#"{}[]:,"\ue0-1+.9 tn"#.utf8) + [0x00, 0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xFF]

    /// `bytes` with one to three changes.
    static func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.below(3) { Self.mutate(&bytes, &generator) }
        return bytes
    }

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else {
            bytes.append(generator.pick(Self.meaningful))
            return
        }
        let place = generator.below(bytes.count)
        let end = min(place + 1 + generator.below(8), bytes.count)
        switch generator.below(8) {
        case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
        case 1: bytes[place] = generator.pick(Self.meaningful)
        case 2: bytes.insert(generator.pick(Self.meaningful), at: place)
        case 3: bytes.remove(at: place)
        case 4: bytes.removeSubrange(place..<end)
        case 5: bytes.insert(contentsOf: bytes[place..<end], at: generator.below(bytes.count))
        case 6: bytes.removeSubrange(place...)
        default: bytes.swapAt(place, generator.below(bytes.count))
        }
    }
}
