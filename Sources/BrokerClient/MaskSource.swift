#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The keys that a client masks its frames with (RFC 6455, section 5.3).
///
/// They have to be unpredictable, so they come from the kernel; asking it for each one would cost more than all the
/// rest of a small publish, so it is asked for many at a time.
struct MaskSource {
    private static let batch = 64
    private var masks: [UInt32] = []

    mutating func next() -> UInt32 {
        if let mask = self.masks.popLast() { return mask }
        self.refill()
        return self.masks.popLast() ?? UInt32.random(in: .min ... .max)
    }

    private mutating func refill() {
        #if canImport(Glibc) || canImport(Musl)
        self.masks = Array(repeating: 0, count: Self.batch)
        // So many are 256 bytes, the most that it gives in one call.
        let status = self.masks.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { getentropy($0, bytes.count) } ?? -1
        }
        if status == 0 { return }
        #endif
        self.masks = (0..<Self.batch).map { _ in UInt32.random(in: .min ... .max) }
    }
}
