import BrokerCore
import NIOCore
import Testing

@testable import BrokerTransport

/// Publishes over HTTP, by name or address.
@Suite("Publisher rates")
struct PublisherRatesTests {
    private static func rates(_ perSecond: Int, burst: Int) -> PublisherRates {
        var configuration = TransportConfiguration()
        configuration.publishesPerSecond = perSecond
        configuration.publishBurst = burst
        return PublisherRates(configuration)
    }

    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test func thePublishPastTheBurstWaitsAndOthersDoNot() {
        let rates = Self.rates(2, burst: 3)
        for _ in 1...3 { #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start) == nil) }
        #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start) == 500)
        #expect(rates.take(.anonymous, from: "192.0.2.2", at: self.start) == nil)
        #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start + .milliseconds(250)) == 250)
        #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start + .milliseconds(500)) == nil)
    }

    @Test func whoHasANameIsCountedByItWhereverItIs() {
        let rates = Self.rates(1, burst: 1)
        let (ann, bob) = (
            Identity(name: "ann", proof: .token(sha256: [1])), Identity(name: "192.0.2.1", proof: .nothing)
        )
        #expect(rates.take(ann, from: "192.0.2.1", at: self.start) == nil)
        #expect(rates.take(ann, from: "192.0.2.2", at: self.start) == 1000)
        // Neither others at its address wait for it, nor does a name that reads like an address.
        #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start) == nil)
        #expect(rates.take(bob, from: "192.0.2.3", at: self.start) == nil)
    }

    @Test func anIPv6AddressCountsAsItsNetwork() {
        let rates = Self.rates(1, burst: 1)
        #expect(rates.take(.anonymous, from: "2001:db8:1:2::1", at: self.start) == nil)
        #expect(rates.take(.anonymous, from: "2001:db8:1:2:ffff::9", at: self.start) == 1000)
        #expect(rates.take(.anonymous, from: "2001:db8:1:3::1", at: self.start) == nil)
    }

    @Test func withoutALimitNobodyIsRemembered() {
        let rates = Self.rates(0, burst: 0)
        #expect(rates.take(.anonymous, from: "192.0.2.1", at: self.start) == nil)
        #expect(rates.count == 0)
    }

    @Test func asManyAddressesAreRememberedAndNoMore() {
        let rates = Self.rates(1, burst: 1)
        for index in 0..<3 * FailedLogins.addressesMax {
            let address = "10.\(index >> 16).\(index >> 8 & 255).\(index & 255)"
            _ = rates.take(.anonymous, from: address, at: self.start + .nanoseconds(Int64(index)))
        }
        #expect(rates.count <= FailedLogins.addressesMax)
        // Who was heard of last is known.
        let last = 3 * FailedLogins.addressesMax - 1
        #expect(
            rates.take(.anonymous, from: "10.\(last >> 16).\(last >> 8 & 255).\(last & 255)", at: self.start) != nil,
            "also by a clock that was looked at before"
        )
    }
}
