/// The hash function XXH64 of the xxHash library with the seed 0.
///
/// States are stored, and those of `distinct` are made of these hashes: neither function nor seed may ever change.
package enum XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    package static func hash(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { Self.hash($0) } }

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var index = 0
        var hash = bytes.count >= 32 ? Self.stripes(bytes, &index) : Self.prime5
        hash &+= UInt64(bytes.count)
        while index + 8 <= bytes.count {
            hash ^= Self.round(0, Self.word(bytes, index))
            hash = Self.rotated(hash, 27) &* Self.prime1 &+ Self.prime4
            index += 8
        }
        if index + 4 <= bytes.count {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            hash ^= UInt64(half) &* Self.prime1
            hash = Self.rotated(hash, 23) &* Self.prime2 &+ Self.prime3
            index += 4
        }
        while index < bytes.count {
            hash ^= UInt64(bytes[index]) &* Self.prime5
            hash = Self.rotated(hash, 11) &* Self.prime1
            index += 1
        }
        hash = (hash ^ (hash >> 33)) &* Self.prime2
        hash = (hash ^ (hash >> 29)) &* Self.prime3
        return hash ^ (hash >> 32)
    }

    private static func stripes(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> UInt64 {
        var lanes = (Self.prime1 &+ Self.prime2, Self.prime2, UInt64(0), 0 &- Self.prime1)
        while index + 32 <= bytes.count {
            lanes.0 = Self.round(lanes.0, Self.word(bytes, index))
            lanes.1 = Self.round(lanes.1, Self.word(bytes, index + 8))
            lanes.2 = Self.round(lanes.2, Self.word(bytes, index + 16))
            lanes.3 = Self.round(lanes.3, Self.word(bytes, index + 24))
            index += 32
        }
        var hash = Self.rotated(lanes.0, 1) &+ Self.rotated(lanes.1, 7)
        hash = hash &+ Self.rotated(lanes.2, 12) &+ Self.rotated(lanes.3, 18)
        hash = Self.merged(hash, lanes.0)
        hash = Self.merged(hash, lanes.1)
        hash = Self.merged(hash, lanes.2)
        return Self.merged(hash, lanes.3)
    }

    private static func merged(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
        (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        Self.rotated(lane &+ word &* Self.prime2, 31) &* Self.prime1
    }

    private static func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 - bits) }
}
