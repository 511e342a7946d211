/// The masking of client frames (RFC 6455, section 5.3): every byte is combined with one of a four-byte key.
package enum FrameMask {
    /// The key as it applies `count` bytes further on.
    package static func turned(_ mask: UInt32, by count: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: count & 3) &* 8
        guard bits != 0 else { return mask }
        // The key is kept as it lies in memory, so its first byte is the lowest one only on little-endian machines.
        let value = UInt32(littleEndian: mask)
        return UInt32(littleEndian: value >> bits | value << (32 &- bits))
    }

    /// Copies `source` to `target` and masks or unmasks it on the way.
    ///
    /// - Returns: Whether every byte written is ASCII, which spares most messages the UTF-8 check.
    package static func copy(
        _ source: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawPointer,
        mask: UInt32
    ) -> Bool {
        guard let start = source.baseAddress else { return true }
        let count = source.count
        let wide = SIMD4<UInt32>(repeating: mask)
        var gathered = SIMD4<UInt32>(repeating: 0)
        var index = 0
        while index &+ 16 <= count {
            let block = start.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt32>.self) ^ wide
            target.storeBytes(of: block, toByteOffset: index, as: SIMD4<UInt32>.self)
            gathered |= block
            index &+= 16
        }
        var rest: UInt32 = gathered[0] | gathered[1] | gathered[2] | gathered[3]
        while index &+ 4 <= count {
            let word = start.loadUnaligned(fromByteOffset: index, as: UInt32.self) ^ mask
            target.storeBytes(of: word, toByteOffset: index, as: UInt32.self)
            rest |= word
            index &+= 4
        }
        var key = UInt32(littleEndian: mask)
        while index < count {
            let byte = start.load(fromByteOffset: index, as: UInt8.self) ^ UInt8(truncatingIfNeeded: key)
            target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            rest |= UInt32(byte)
            key >>= 8
            index &+= 1
        }
        return rest & 0x8080_8080 == 0
    }
}
