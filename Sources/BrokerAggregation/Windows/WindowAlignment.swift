/// A time zone, as far as windows need one: days begin at its midnight, and on the days when its clocks change a day
/// has
/// 23 or 25 hours.
///
/// A window is a run of instants whose local time is in one slot, so that windows tile the time line whatever the
/// clocks
/// do. A slot that is there twice as a whole is two windows, as the hour that comes again when clocks go back; one of
/// which only a part comes again is one longer window.
public struct WindowAlignment: Sendable {
    /// What the zone is called, such as `Europe/Berlin`; it is part of what a stored state is known by.
    public let identifier: String
    private let offset: @Sendable (UInt64) -> Int64

    private static let dayMilliseconds: Int64 = 86_400_000

    /// - `offset`: How far local time is ahead of UTC at an instant, both in milliseconds; less than a day, and changed
    ///   at most once in a day.
    public init(identifier: String, offset: @escaping @Sendable (UInt64) -> Int64) {
        self.identifier = identifier
        self.offset = offset
    }

    /// The window of `size` milliseconds, on the clock, that `time` is in.
    func window(containing time: UInt64, size: UInt64) -> Range<UInt64> {
        let (time, size) = (Int64(clamping: time), Int64(clamping: size))
        let start = UInt64(clamping: self.start(of: time, size))
        return start..<max(start + 1, UInt64(clamping: self.end(of: time, size)))
    }

    private func start(of time: Int64, _ size: Int64) -> Int64 {
        let slot = self.slot(of: time, size)
        // When the slot begins by the clock of `time`.
        let begin = max(0, slot - self.offset(at: time))
        guard let change = self.change(after: begin - 1, upTo: time) else { return begin }
        return self.goesOn(slot, over: change, size) ? self.start(of: change - 1, size) : change
    }

    private func end(of time: Int64, _ size: Int64) -> Int64 {
        let slot = self.slot(of: time, size)
        let end = slot + size - self.offset(at: time)
        guard let change = self.change(after: time, upTo: end) else { return end }
        return self.goesOn(slot, over: change, size) ? self.end(of: change, size) : change
    }

    /// Whether the clocks show `slot` before and after a change, but do not begin all of it anew.
    private func goesOn(_ slot: Int64, over change: Int64, _ size: Int64) -> Bool {
        guard self.slot(of: change - 1, size) == slot, self.slot(of: change, size) == slot else { return false }
        let wasWhole = change + self.offset(at: change - 1) == slot + size
        return !wasWhole || change + self.offset(at: change) != slot
    }

    /// The beginning, in local time, of the slot that the local time at `time` is in.
    private func slot(of time: Int64, _ size: Int64) -> Int64 {
        let local = time + self.offset(at: time)
        let rest = local % size
        return local - (rest < 0 ? rest + size : rest)
    }

    /// The first instant with the offset of `last` if `first` has another one.
    private func change(after first: Int64, upTo last: Int64) -> Int64? {
        let offset = self.offset(at: last)
        guard first < last, self.offset(at: first) != offset else { return nil }
        var (before, behind) = (first, last)
        while behind - before > 1 {
            let middle = before + (behind - before) / 2
            if self.offset(at: middle) == offset { behind = middle } else { before = middle }
        }
        return behind
    }

    private func offset(at time: Int64) -> Int64 {
        // Nothing that is injected makes the sums above leave their range.
        min(max(self.offset(UInt64(clamping: time)), -Self.dayMilliseconds), Self.dayMilliseconds)
    }
}
