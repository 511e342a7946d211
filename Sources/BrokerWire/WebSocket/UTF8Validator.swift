/// Checks UTF-8 as it arrives, in pieces of any size, and fails at the first byte that can not be part of it.
///
/// Overlong forms, surrogates and what lies beyond U+10FFFF are refused by narrowing the range of the byte that
/// follows the first one (Unicode, table 3-7).
package struct UTF8Validator: Hashable, Sendable {
    /// How many bytes of the current character are still to come.
    private var pending: UInt8 = 0
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    package init() {}

    /// Whether what was seen so far ends between two characters.
    package var isComplete: Bool { self.pending == 0 }

    /// Takes the next piece; returns whether everything so far can be UTF-8.
    package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if self.pending == 0 {
                index = Self.endOfASCII(bytes, from: index)
                guard index < bytes.count else { return true }
                guard self.begin(bytes[index]) else { return false }
            } else {
                guard bytes[index] >= self.lowest, bytes[index] <= self.highest else { return false }
                (self.lowest, self.highest) = (0x80, 0xBF)
                self.pending -= 1
            }
            index += 1
        }
        return true
    }

    /// Takes the first byte of a character of more than one byte.
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: self.pending = 1
        case 0xE0: (self.pending, self.lowest) = (2, 0xA0)
        case 0xED: (self.pending, self.highest) = (2, 0x9F)
        case 0xE1...0xEF: self.pending = 2
        case 0xF0: (self.pending, self.lowest) = (3, 0x90)
        case 0xF1...0xF3: self.pending = 3
        case 0xF4: (self.pending, self.highest) = (3, 0x8F)
        default: return false
        }
        return true
    }

    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.count {
            guard bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else {
                break
            }
            index &+= 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index &+= 1 }
        return index
    }
}
