/// The clock that windows are laid along: the wall clock, but one that never goes back.
///
/// A closed window never opens again. When somebody sets the wall clock back, this one goes on by the monotonic clock,
/// ahead of it, so that windows keep their length; it meets the wall clock again when that has caught up or the broker
/// is started anew.
struct WindowClock {
    /// When it began: what happened before, this broker was not there for.
    let start: UInt64
    private var last: BrokerTime

    /// A wall clock that is this much behind is only adjusted, not set back: the windows' clock waits for it.
    private static let adjustmentMax: UInt64 = 1000

    init(at now: BrokerTime) {
        self.start = now.wall
        self.last = now
    }

    /// Milliseconds since 1970.
    mutating func time(at now: BrokerTime) -> UInt64 {
        let elapsed = (now.monotonic - min(self.last.monotonic, now.monotonic)) / BrokerTime.nanosecondsPerMillisecond
        let expected = self.last.wall + elapsed
        let isSetBack = now.wall + Self.adjustmentMax < expected
        let time = max(isSetBack ? expected : now.wall, self.last.wall)
        // What is less than a millisecond counts the next time.
        let counted = isSetBack ? self.last.monotonic + elapsed * BrokerTime.nanosecondsPerMillisecond : now.monotonic
        self.last = BrokerTime(monotonic: max(counted, self.last.monotonic), wall: time)
        return time
    }
}
