/// How many publishes a second a connection may make (a token bucket).
///
/// A pure value; times are nanoseconds on a clock that only goes forward.
struct TokenBucket: Hashable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private(set) var lastFill: UInt64

    init(perSecond: Int, burst: Int, now: UInt64) {
        self.perSecond = Double(perSecond)
        self.burst = Double(max(burst, 1))
        self.tokens = self.burst
        self.lastFill = now
    }

    /// Takes one token; `nil` if there was one, else how many milliseconds to wait for it.
    mutating func take(at now: UInt64) -> Int? {
        // Where several threads take from it, one that has looked at the clock earlier may come later.
        let passed = now - min(now, self.lastFill)
        self.tokens = min(self.burst, self.tokens + Double(passed) / 1e9 * self.perSecond)
        self.lastFill = max(now, self.lastFill)
        guard self.tokens < 1 else {
            self.tokens -= 1
            return nil
        }
        return max(1, Int(((1 - self.tokens) / self.perSecond * 1000).rounded(.up)))
    }
}
