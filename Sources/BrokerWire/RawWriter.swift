/// Writes text into memory whose size the caller has seen to.
///
/// The frames of the hot path are a dozen short pieces each; checking room once per frame instead of once per piece
/// is what makes them cheap.
package struct RawWriter {
    let base: UnsafeMutableRawPointer
    package var count = 0

    package init(_ base: UnsafeMutableRawPointer) {
        self.base = base
    }

    @inline(__always)
    package mutating func put(_ literal: StaticString) {
        (self.base + self.count).copyMemory(from: literal.utf8Start, byteCount: literal.utf8CodeUnitCount)
        self.count &+= literal.utf8CodeUnitCount
    }

    @inline(__always)
    package mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        (self.base + self.count).copyMemory(from: start, byteCount: bytes.count)
        self.count &+= bytes.count
    }

    @inline(__always)
    package mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.put($0) }
    }

    package mutating func put(_ value: UInt64) {
        self.count &+= DecimalText.write(value, to: self.base + self.count)
    }

    package mutating func put(_ value: ExactDecimal) {
        self.count &+= value.write(to: self.base + self.count)
    }
}
