/// When one publisher is to publish.
///
/// It has no clock: it is told the time and says what is due. A publish is counted, and its latency taken, from the
/// time at which it was to be sent. At a rate that time is fixed beforehand, so that a broker, or a tool, that stands
/// still for a second is seen by all the publishes of that second and not by one.
struct SendSchedule: Hashable {
    /// What decides when the next one is sent.
    enum Pace: Hashable {
        /// An answer: so many may be without one.
        case window(Int)
        /// The clock: publishes per second of all publishers, of which this is the one in that place.
        case rate(Double, place: Int, of: Int)
    }

    /// When it ends.
    enum Goal: Hashable {
        /// Nanoseconds after the warm-up.
        case duration(UInt64)
        /// Publishes of this publisher after the warm-up.
        case messages(Int)
    }

    let pace: Pace
    let goal: Goal
    /// When the first one is due; nanoseconds of a monotonic clock, as all times here.
    let start: UInt64
    /// From when on publishes count.
    let measuringStart: UInt64

    private(set) var sent = 0
    /// Those that count.
    private(set) var measured = 0
    private(set) var unanswered = 0
    private var isStopped = false

    init(pace: Pace, goal: Goal, start: UInt64, warmUp: UInt64) {
        self.pace = pace
        self.goal = goal
        self.start = start
        self.measuringStart = start + warmUp
    }

    /// When the next one was to be sent, if that is not later than `now`, and there is to be one.
    func due(at now: UInt64) -> UInt64? {
        guard now >= self.start else { return nil }
        let intended: UInt64
        switch self.pace {
        case .window(let size):
            guard self.unanswered < size else { return nil }
            intended = now
        case .rate:
            intended = self.intended
            guard intended <= now else { return nil }
        }
        return self.isOver(at: intended) ? nil : intended
    }

    /// When to ask again if nothing else happens; `nil` if only an answer can make something due, or it is over.
    func nextDue(after now: UInt64) -> UInt64? {
        if now < self.start { return self.start }
        guard case .rate = self.pace else { return nil }
        return self.isOver(at: self.intended) ? nil : self.intended
    }

    /// The one that was due at `intended` is sent.
    mutating func send(intended: UInt64) {
        self.sent += 1
        self.unanswered += 1
        if self.isMeasured(intended) { self.measured += 1 }
    }

    /// One of those sent has its outcome.
    mutating func answer() { self.unanswered -= 1 }

    /// No more is sent.
    mutating func stop() { self.isStopped = true }

    func isMeasured(_ intended: UInt64) -> Bool { intended >= self.measuringStart }

    /// Whether everything was sent; at a rate what is overdue is still owed after the end.
    func isFinished(at now: UInt64) -> Bool {
        switch self.pace {
        case .window: self.isOver(at: now)
        case .rate: self.isOver(at: self.intended)
        }
    }

    /// How many were due at `now` and not sent.
    func overdue(at now: UInt64) -> Int {
        guard case .rate(let rate, let place, let publishers) = self.pace, now >= self.start else { return 0 }
        let last =
            switch self.goal {
            case .duration(let length): min(now, self.measuringStart + length - 1)
            case .messages: now
            }
        let dueOfAll = (Double(last - self.start) * rate / 1e9).rounded(.down) + 1
        let due = Swift.max(0, Int(((dueOfAll - Double(place)) / Double(publishers)).rounded(.up)))
        guard case .messages(let count) = self.goal else { return Swift.max(0, due - self.sent) }
        return Swift.max(0, min(due - self.sent, count - self.measured))
    }

    /// When the next one is to be sent at a rate.
    private var intended: UInt64 {
        guard case .rate(let rate, let place, let publishers) = self.pace else { return self.start }
        return self.start + UInt64(Double(self.sent * publishers + place) * 1e9 / rate)
    }

    private func isOver(at time: UInt64) -> Bool {
        if self.isStopped { return true }
        switch self.goal {
        case .duration(let length): return time >= self.measuringStart + length
        case .messages(let count): return self.measured >= count
        }
    }
}
