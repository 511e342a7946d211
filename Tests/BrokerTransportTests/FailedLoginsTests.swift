import NIOCore
import Testing

@testable import BrokerTransport

/// Who guesses credentials has to wait.
@Suite("Failed logins")
struct FailedLoginsTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    /// Each with other credentials.
    private func fail(_ logins: FailedLogins, _ count: Int, _ address: String = "192.0.2.1", after: TimeAmount = .zero)
    {
        for _ in 0..<count {
            _ = logins.failed(address, with: Int.random(in: .min ... .max), at: Self.start + after)
        }
    }

    private func fail(_ logins: FailedLogins, with hash: Int) -> FailedLogins.Verdict {
        logins.failed("192.0.2.1", with: hash, at: Self.start)
    }

    @Test func theTenthFailureBlocksTheAddressUntilItsMinuteIsOver() {
        let logins = FailedLogins(limit: 10)
        self.fail(logins, 9)
        #expect(logins.isBlocked("192.0.2.1", at: Self.start) == nil)
        self.fail(logins, 1, after: .seconds(20))
        #expect(logins.isBlocked("192.0.2.1", at: Self.start + .seconds(20)) == 40)
        #expect(logins.isBlocked("192.0.2.1", at: Self.start + .milliseconds(59_999)) == 1)
        #expect(logins.isBlocked("192.0.2.1", at: Self.start + .seconds(60)) == nil)
        #expect(logins.isBlocked("192.0.2.2", at: Self.start + .seconds(20)) == nil)
    }

    /// A program whose token was taken away tries again and again, and guesses nothing.
    @Test func theSameOnesAgainAreNoGuessButTheirNumberIsBoundedToo() {
        let logins = FailedLogins(limit: 2)
        #expect(self.fail(logins, with: 7) == .init(isNew: true))
        for _ in 1..<20 { #expect(self.fail(logins, with: 7) == .init(isNew: false)) }
        #expect(logins.isBlocked("192.0.2.1", at: Self.start) == nil)
        #expect(self.fail(logins, with: 7) == .init(isNew: false, blockedSeconds: 60))
        #expect(logins.isBlocked("192.0.2.1", at: Self.start) == 60)
    }

    /// Or whoever has one right token and many connections would guess the others'.
    @Test func whoIsKnownWaitsAtTenTimesTheLimitAndForNoRepetitions() {
        let logins = FailedLogins(limit: 2)
        func isBlocked() -> Bool { logins.isBlocked("192.0.2.1", isKnown: true, at: Self.start) != nil }
        for _ in 1...50 { _ = self.fail(logins, with: 7) }
        self.fail(logins, 18)
        #expect(!isBlocked() && logins.isBlocked("192.0.2.1", at: Self.start) != nil)
        self.fail(logins, 1)
        #expect(isBlocked())
    }

    @Test func itIsSaidOnceThatAnAddressHasToWait() {
        let logins = FailedLogins(limit: 2)
        #expect(self.fail(logins, with: 1).blockedSeconds == nil)
        #expect(self.fail(logins, with: 2) == .init(isNew: true, blockedSeconds: 60))
        #expect(self.fail(logins, with: 3) == .init(isNew: true))
    }

    @Test func soManyAreToldApartAndOneMoreIsNot() {
        let logins = FailedLogins(limit: 1000)
        for hash in 1...FailedLogins.recentMax { #expect(self.fail(logins, with: hash).isNew) }
        #expect(!self.fail(logins, with: 1).isNew)
        #expect(self.fail(logins, with: 0).isNew)
        #expect(self.fail(logins, with: 1).isNew)
    }

    @Test func aNewMinuteBeginsWithTheNextFailure() {
        let logins = FailedLogins(limit: 2)
        self.fail(logins, 2)
        self.fail(logins, 1, after: .seconds(60))
        #expect(logins.isBlocked("192.0.2.1", at: Self.start + .seconds(60)) == nil)
        self.fail(logins, 1, after: .seconds(100))
        #expect(logins.isBlocked("192.0.2.1", at: Self.start + .seconds(100)) == 20)
    }

    @Test func withoutALimitNobodyIsBlockedAndNothingIsRemembered() {
        let logins = FailedLogins(limit: 0)
        self.fail(logins, 1000)
        #expect(logins.isBlocked("192.0.2.1", at: Self.start) == nil)
        #expect(logins.count == 0)
    }

    @Test(arguments: [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
        ("192.0.2.1", "192.0.2.2", false),
        ("", "192.0.2.1", false),
    ])
    func anIPv6AddressCountsAsItsNetwork(first: String, second: String, isOne: Bool) {
        let logins = FailedLogins(limit: 1)
        self.fail(logins, 1, first)
        #expect(logins.isBlocked(first, at: Self.start) != nil)
        #expect((logins.isBlocked(second, at: Self.start) != nil) == isOne)
    }

    @Test func memoryIsBoundedAndTheOldestIsForgottenFirst() {
        let logins = FailedLogins(limit: 1)
        let count = FailedLogins.addressesMax
        for index in 0..<count { self.fail(logins, 1, "a\(index)", after: .milliseconds(Int64(index))) }
        #expect(logins.count == count)
        #expect(logins.isBlocked("a0", at: Self.start + .seconds(5)) != nil)
        self.fail(logins, 1, "one more", after: .seconds(5))
        #expect(logins.count == count)
        #expect(logins.isBlocked("a0", at: Self.start + .seconds(5)) == nil)
        #expect(logins.isBlocked("a1", at: Self.start + .seconds(5)) != nil)
        #expect(logins.isBlocked("one more", at: Self.start + .seconds(5)) != nil)
        // When minutes are over, they are what goes.
        self.fail(logins, 1, "later", after: .seconds(62))
        #expect(logins.count < count)
        #expect(logins.isBlocked("later", at: Self.start + .seconds(62)) != nil)
    }
}
