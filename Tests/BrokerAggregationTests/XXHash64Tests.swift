import Testing

@testable import BrokerAggregation

/// Stored states are made of these hashes: if one of these tests fails, the function is wrong and not the test.
@Suite struct XXHash64Tests {
    /// As published with the xxHash library, or printed by it.
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("The quick brown fox jumps over the lazy dog", 0x0B24_2D36_1FDA_71BC),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)]
    )
    func theHashesAreThoseOfTheLibrary(text: String, hash: UInt64) {
        #expect(XXHash64.hash(Array(text.utf8)) == hash)
    }
}
