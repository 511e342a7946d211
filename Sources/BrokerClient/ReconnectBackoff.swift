/// How long to wait before the next attempt to connect: full jitter under a limit that doubles.
///
/// Each wait is drawn evenly from zero to the limit, so that the clients of a broker that restarts do not come back
/// in step. A pure value: it neither sleeps nor draws its own randomness.
public struct ReconnectBackoff: Hashable, Sendable {
    /// The limit of the first wait.
    public var base: Duration
    /// What the limit never exceeds.
    public var max: Duration
    private var attempt = 0

    /// Waits whose limit begins at `base` and doubles up to `max`.
    public init(base: Duration = .milliseconds(100), max: Duration = .seconds(30)) {
        precondition(base > .zero && base <= max, "the first limit is positive and at most the last")
        self.base = base
        self.max = max
    }

    /// The wait before the next attempt.
    ///
    /// - `floor`: How long the broker asked to stay away; the jitter comes on top of it.
    /// - `generator`: The source of randomness.
    public mutating func next(
        notBefore floor: Duration = .zero,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        // 2^20 times any sensible base is beyond any sensible maximum; shifting further would overflow.
        let limit = min(self.max, self.base * (1 << min(self.attempt, 20)))
        self.attempt += 1
        // 53 random bits as a fraction: one draw, whatever it is, where `Double.random` may draw any number of times.
        let fraction = Double(generator.next() >> 11) / Double(1 << 53)
        return floor + limit * fraction
    }

    /// Starts over, because a connection has proven good.
    public mutating func reset() {
        self.attempt = 0
    }
}
