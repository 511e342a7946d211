import Testing

@testable import BrokerClient

@Suite("Reconnect backoff")
struct ReconnectBackoffTests {
    /// Draws the largest numbers there are, so that every wait is at its limit.
    @Test func theLimitDoublesUpToTheMaximum() {
        var backoff = ReconnectBackoff(base: .milliseconds(100), max: .seconds(1))
        var random = FixedGenerator.highest
        let waits = (0..<6).map { _ in backoff.next(using: &random) }
        #expect(waits.map { Self.milliseconds($0) } == [100, 200, 400, 800, 1000, 1000])
    }

    @Test func theWaitIsDrawnFromZeroOn() {
        var backoff = ReconnectBackoff()
        var random = FixedGenerator.lowest
        #expect(backoff.next(using: &random) == .zero)
    }

    @Test func whatTheBrokerAskedForComesBeforeTheJitter() {
        var backoff = ReconnectBackoff(base: .milliseconds(100), max: .seconds(30))
        var lowest = FixedGenerator.lowest
        var highest = FixedGenerator.highest
        #expect(backoff.next(notBefore: .milliseconds(250), using: &lowest) == .milliseconds(250))
        #expect(Self.milliseconds(backoff.next(notBefore: .milliseconds(250), using: &highest)) == 450)
    }

    @Test func aGoodConnectionStartsItOver() {
        var backoff = ReconnectBackoff()
        var random = FixedGenerator.highest
        for _ in 0..<5 { _ = backoff.next(using: &random) }
        backoff.reset()
        #expect(Self.milliseconds(backoff.next(using: &random)) == 100)
    }

    @Test func aThousandFailuresDoNotOverflow() {
        var backoff = ReconnectBackoff()
        var random = FixedGenerator.highest
        let waits = (0..<1000).map { _ in backoff.next(using: &random) }
        #expect(waits.last.map { Self.milliseconds($0) } == 30_000)
    }

    /// Rounded, because the highest random number is one step below one.
    private static func milliseconds(_ duration: Duration) -> Int {
        Int((duration / .milliseconds(1)).rounded())
    }
}
