extension UnsafeRawBufferPointer {
    /// Whether `other` holds the same bytes, compared eight at a time: names are compared for every publish.
    package func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard self.count == other.count else { return false }
        guard let own = self.baseAddress, let their = other.baseAddress else { return true }
        var index = 0
        while index &+ 8 <= self.count {
            let isSame =
                own.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                == their.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard isSame else { return false }
            index &+= 8
        }
        while index < self.count {
            guard own.load(fromByteOffset: index, as: UInt8.self) == their.load(fromByteOffset: index, as: UInt8.self)
            else { return false }
            index &+= 1
        }
        return true
    }
}
