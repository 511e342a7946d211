import Synchronization

/// Whether the broker can do its work.
final class Readiness: Sendable {
    enum State: Hashable, Sendable {
        case ready
        /// One word for programs: `starting`, `stopping` or `storage`.
        case notReady(String)
    }

    private let current = Mutex(State.notReady("starting"))

    var state: State { self.current.withLock { $0 } }

    func set(_ state: State) { self.current.withLock { $0 = state } }
}
