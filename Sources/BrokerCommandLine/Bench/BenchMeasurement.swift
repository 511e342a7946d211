import Synchronization

/// From when to when a run measures, and what it costs this process.
final class BenchMeasurement: Sendable {
    private struct State {
        var start: UInt64?
        var cpuStart: (time: UInt64, cpu: UInt64)?
        var cpuEnd: (time: UInt64, cpu: UInt64)?
    }

    private let state = Mutex(State())

    /// From when on publishes count; `nil` as long as nothing was begun.
    var start: UInt64? { self.state.withLock { $0.start } }

    func begin(at start: UInt64) { self.state.withLock { $0.start = start } }

    /// The clock says `now`.
    func passed(_ now: UInt64) {
        self.state.withLock { state in
            guard state.cpuStart == nil, let start = state.start, now >= start else { return }
            state.cpuStart = (now, SystemCall.processorTime())
        }
    }

    func end(at now: UInt64) {
        self.state.withLock { $0.cpuEnd = (now, SystemCall.processorTime()) }
    }

    /// How many cores this process kept busy.
    var cores: Double {
        self.state.withLock { state in
            guard let start = state.cpuStart, let end = state.cpuEnd, end.time > start.time else { return 0 }
            return Double(end.cpu - start.cpu) / Double(end.time - start.time)
        }
    }
}

/// How long a count has not changed.
struct Silence {
    private var count: Int?
    private var since: UInt64

    init(at now: UInt64) {
        self.since = now
    }

    /// - `count`: What ought to change; `nil` when it need not.
    mutating func length(at now: UInt64, count: Int?) -> UInt64 {
        if count == nil || count != self.count {
            self.count = count
            self.since = now
        }
        return now - self.since
    }
}
