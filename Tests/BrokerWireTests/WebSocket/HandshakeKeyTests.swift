import BrokerWire
import Testing

@Suite("Handshake key")
struct HandshakeKeyTests {
    /// The first pair is the example of RFC 6455, section 1.3; the others were computed with another program.
    @Test(arguments: [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
        ("/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="),
    ])
    func theProofIsThatOfTheStandard(key: String, accept: String) {
        #expect(HandshakeKey(text: key).accept == accept)
    }

    /// Lengths around the ends of a block of the hash.
    @Test(arguments: [
        (0, "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="), (19, "qQsxh2Nb/vsnD9od6HBiP6Igif0="), (20, "7jD6MP55bPPoLSNhT1mD/AE8sjc="),
        (27, "WWp/NRXr3+N4xy7O/17rN1JrRGc="), (28, "atUL8kQGe4qplhq19Y5TKRw/Uj4="),
        (92, "N6jQH9SY1VrfN6p4qvkUdTUUhwQ="),
        (1000, "4HJC4L551QMnEp8N9epJkCtSKYs="),
    ])
    func aTextOfAnyLengthIsHashed(length: Int, accept: String) {
        #expect(HandshakeKey(text: String(repeating: "x", count: length)).accept == accept)
    }

    @Test func aKeyOfOnesOwnIsWellFormed() {
        var generator = SeededGenerator(seed: 30)
        let keys = (0..<500).map { _ in HandshakeKey(using: &generator) }
        #expect(keys.allSatisfy { $0.isWellFormed })
        #expect(Set(keys).count == 500)
    }

    @Test(arguments: ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+A=="])
    func sixteenBytesInBase64AreWellFormed(key: String) {
        #expect(HandshakeKey(text: key).isWellFormed)
    }

    @Test(arguments: [
        "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===",
        " dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZA=A", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub25j_Q==",
        "dGhlIHNhbXBsZSBub25j=Q==", "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jé==", "========================",
    ])
    func anythingElseIsNot(key: String) {
        #expect(!HandshakeKey(text: key).isWellFormed)
    }
}
