import Synchronization

/// Ends a run when nothing has come for some time.
final class IdleTimer: Sendable {
    private let limit: Duration
    private let interruptions: AsyncStream<Interruption>.Continuation
    private let last = Mutex(ContinuousClock.now)

    init(_ limit: Duration, interruptions: AsyncStream<Interruption>.Continuation) {
        self.limit = limit
        self.interruptions = interruptions
    }

    /// Something has come.
    func touch() {
        self.last.withLock { $0 = .now }
    }

    /// Begins to count. It ends with the process.
    func start() {
        self.touch()
        Task {
            while true {
                let due = self.last.withLock { $0 } + self.limit
                guard due > .now else { break }
                try await Task.sleep(until: due, clock: .continuous)
            }
            self.interruptions.yield(.idle)
        }
    }
}
