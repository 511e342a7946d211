/// What time it is, told by whoever drives the broker: nothing below reads a clock.
package struct BrokerTime: Hashable, Sendable {
    /// Nanoseconds on a clock that only goes forward; for time-outs, rates and ages.
    package var monotonic: UInt64
    /// Milliseconds since 1970; for what people read.
    package var wall: UInt64

    package static let nanosecondsPerSecond: UInt64 = 1_000_000_000
    package static let nanosecondsPerMillisecond: UInt64 = 1_000_000

    package init(monotonic: UInt64, wall: UInt64) {
        self.monotonic = monotonic
        self.wall = wall
    }
}
