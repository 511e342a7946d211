/// How many publishes a second a connection may make (a token bucket).
///
/// A pure value; times are nanoseconds on a clock that only goes forward.
struct TokenBucket: Hashable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var lastFill: UInt64

    init(perSecond: Int, burst: Int, now: UInt64) {
        self.perSecond = Double(perSecond)
        self.burst = Double(max(burst, 1))
        self.tokens = self.burst
        self.lastFill = now
    }

    /// Takes one token; `nil` if there was one, else how many milliseconds to wait for it.
    mutating func take(at now: UInt64) -> Int? {
        self.tokens = min(self.burst, self.tokens + Double(now - self.lastFill) / 1e9 * self.perSecond)
        self.lastFill = now
        guard self.tokens < 1 else {
            self.tokens -= 1
            return nil
        }
        return max(1, Int(((1 - self.tokens) / self.perSecond * 1000).rounded(.up)))
    }
}
