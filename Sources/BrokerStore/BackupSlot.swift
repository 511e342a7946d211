import Dispatch
import GRDB
import Synchronization

/// One backup at a time, which gives way when the store is closed.
final class BackupSlot: Sendable {
    private enum State {
        case free
        case taken
        case closed
    }

    private let state = Mutex(State.free)
    private let copy = Mutex<DatabaseQueue?>(nil)
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

    /// Runs `body`, which reads `copy` and is interrupted if the slot is closed meanwhile.
    func reading<Result>(_ copy: DatabaseQueue, _ body: () throws -> Result) rethrows -> Result {
        self.copy.withLock { $0 = copy }
        defer { self.copy.withLock { $0 = nil } }
        return try body()
    }

    /// Makes a running backup end soon and lets no other begin.
    func close() {
        self.state.withLock { $0 = .closed }
        self.copy.withLock(\.self)?.interrupt()
    }

    /// The same, and waits until nobody touches the store any more.
    func closeAndWait() {
        self.close()
        self.copying.wait()
    }
}
