import BrokerWire
import Testing

@Suite("Wire limits")
struct WireLimitsTests {
    /// The defaults are promised in the protocol and the documentation.
    @Test func theDefaultsAreThoseOfTheDocumentation() {
        let limits = WireLimits()
        #expect(limits.messageBytesMax == 65_536)
        #expect(limits.fragmentsMax == 1024)
        #expect(limits.jsonDepthMax == 32)
        #expect(limits.topic == TopicLimits(bytesMax: 255, levelsMax: 32))
    }

    @Test func theFixedLimitsAreThoseOfTheProtocol() {
        #expect(WireLimits.idBytesMax == 64)
        #expect(WireLimits.integerMax == 1 << 53 - 1)
        #expect(ExactDecimal.tokenBytesMax == 64)
        #expect(ExactDecimal.digitsMax == 38)
        #expect(ExactDecimal.exponentMax == 400)
    }
}
