/// How often totals go out to very many.
///
/// To tell a thousand subscribers of a total takes a system call each, some milliseconds in which nothing else is done;
/// a total that changes all the time would take all the time there is. So after a round to many there is a pause. What
/// changes in it is noted, and told once at its end. A change after a quiet while is told at once, however many listen.
package struct ConflationPace {
    /// The longest pause, in nanoseconds; 0 for none.
    let pauseMax: UInt64
    /// When the pause ends, on the monotonic clock.
    private(set) var end: UInt64 = 0

    /// A round to no more than these is done before anybody notices, and has no pause.
    package static let freeDeliveries = 64
    /// Some four times what a delivery takes (docs/performance.md), so that rounds take about a fifth of the time.
    static let pausePerDelivery: UInt64 = 25_000

    init(pauseMax: UInt64) { self.pauseMax = pauseMax }

    func isPausing(at now: UInt64) -> Bool { now < self.end }

    /// Notes that the newest totals went to so many.
    mutating func noteRound(of deliveries: Int, at now: UInt64) {
        guard deliveries > Self.freeDeliveries else { return }
        self.end = now + min(UInt64(deliveries) * Self.pausePerDelivery, self.pauseMax)
    }
}
