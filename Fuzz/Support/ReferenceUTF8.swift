/// UTF-8 by trying, slow and obvious: the validator is compared with it.
enum ReferenceUTF8 {
    static func isComplete(_ bytes: some Collection<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    /// Whether something can follow that makes `bytes` UTF-8.
    static func canBeCompleted(_ bytes: [UInt8]) -> Bool {
        // The first byte behind an E0 or F0 has a lower bound, that behind an ED or F4 an upper one; the ends of the
        // range that is common to all others are within one of them.
        let starts: [[UInt8]] = [[0x80], [0xBF]]
        let isCompletedByOne = starts.contains { start in
            (0...2).contains { Self.isComplete(bytes + start + Array(repeating: 0x80, count: $0)) }
        }
        return Self.isComplete(bytes) || isCompletedByOne
    }
}
