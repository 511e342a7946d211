/// The name under which a publisher numbers its publishes.
package enum ProducerName {
    /// Long enough for a hostname and a purpose.
    package static let bytesMax = 64

    /// Whether `name` is 1 to 64 bytes of `[A-Za-z0-9_.:-]`.
    package static func isValid(_ name: UnsafeRawBufferPointer) -> Bool {
        (1...Self.bytesMax).contains(name.count)
            && name.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
