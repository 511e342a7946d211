/// How many lines of the log clients may cause: each is written by the core's thread, and a loop of resets must not
/// fill a disk nor hold up everybody else.
struct LineBudget {
    /// More than people reset or delete by hand.
    static let linesPerSecond = 10

    private var second: UInt64 = 0
    private var lines = 0
    private var leftOut = 0

    /// Takes one line.
    ///
    /// - `now`: Nanoseconds on a clock that only goes forward.
    /// - Returns: How many were left out since the last one, or `nil` if this one is.
    mutating func take(at now: UInt64) -> Int? {
        if now / 1_000_000_000 != self.second {
            self.second = now / 1_000_000_000
            self.lines = 0
        }
        guard self.lines < Self.linesPerSecond else {
            self.leftOut += 1
            return nil
        }
        self.lines += 1
        defer { self.leftOut = 0 }
        return self.leftOut
    }
}
