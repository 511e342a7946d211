import Dispatch
import Synchronization

/// One backup at a time, which gives way when the store is closed.
final class BackupSlot: Sendable {
    private enum State {
        case free
        case taken
        case closed
    }

    private let state = Mutex(State.free)
    private let copying = DispatchGroup()

    /// Whether the caller may begin; then it has to call ``leave()`` when it no longer touches the store.
    func enter() -> Bool {
        self.state.withLock { state in
            guard case .free = state else { return false }
            state = .taken
            self.copying.enter()
            return true
        }
    }

    func leave() {
        self.state.withLock { state in
            if case .taken = state { state = .free }
        }
        self.copying.leave()
    }

    var isClosed: Bool {
        self.state.withLock { state in
            if case .closed = state { return true }
            return false
        }
    }

    /// Makes a running backup end with its next step, waits for that, and lets no other begin.
    func cancel() {
        self.state.withLock { $0 = .closed }
        self.copying.wait()
    }
}
