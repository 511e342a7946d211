import Synchronization

/// Whether the broker can do its work.
final class Readiness: Sendable {
    enum State: Hashable, Sendable {
        case ready
        /// One word for programs: `starting`, `stopping` or `storage`.
        case notReady(String)
    }

    private let current = Mutex(State.notReady("starting"))
    private let shortage = Mutex(false)

    var state: State { self.current.withLock { $0 } }

    /// Whether the disk has so little room that nothing is stored. Reading and `memory` topics go on, so the broker is
    /// ready all the same: another one on the same disk could do no more.
    var isShort: Bool { self.shortage.withLock { $0 } }

    func setShortage(_ isShort: Bool) { self.shortage.withLock { $0 = isShort } }

    func set(_ state: State) { self.current.withLock { $0 = state } }
}
