import NIOPosix
import Synchronization

/// Writes lines to a file descriptor on a thread of its own, many with one system call.
///
/// Who appends never waits for the descriptor, so an event loop may. While one write is under way the next lines
/// gather, and are written together; when nothing is under way a line is written at once, so that a person at a
/// terminal sees it.
final class OutputWriter: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var isWriting = false
        var isBroken = false
        /// A line that is written anew under all others; see ``OutputWriter/setStatus(_:)``.
        var status: [UInt8] = []
        var waiters: [(bytesMax: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    /// How many bytes may gather before ``waitForRoom()`` waits.
    static let pendingBytesMax = 1024 * 1024

    private let pool: NIOThreadPool
    private let onBroken: @Sendable () -> Void
    private let writeBytes: @Sendable ([UInt8]) -> Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - descriptor: Where to write.
    ///   - pool: Where the thread comes from; it has to have one to spare.
    ///   - onBroken: Called once when there is nobody to write to any more; what is appended from then on is lost.
    convenience init(descriptor: Int32, pool: NIOThreadPool, onBroken: @escaping @Sendable () -> Void = {}) {
        self.init(pool: pool, onBroken: onBroken) { SystemCall.writeAll($0, to: descriptor) }
    }

    init(
        pool: NIOThreadPool,
        onBroken: @escaping @Sendable () -> Void = {},
        write: @escaping @Sendable ([UInt8]) -> Bool
    ) {
        self.pool = pool
        self.onBroken = onBroken
        self.writeBytes = write
    }

    /// Appends what `body` writes, and sees to it that it is written.
    func append(_ body: (inout [UInt8]) -> Void) {
        let begins = self.state.withLock { state in
            guard !state.isBroken else { return false }
            body(&state.pending)
            guard !state.isWriting, !state.pending.isEmpty else { return false }
            state.isWriting = true
            return true
        }
        if begins { self.pool.submit { _ in self.writePending() } }
    }

    /// Appends `text` and a newline.
    func appendLine(_ text: String) {
        let status = self.state.withLock { $0.status }
        self.append { pending in
            if !status.isEmpty { pending += Self.clearedLine.utf8 }
            pending += text.utf8
            pending.append(UInt8(ascii: "\n"))
            pending += status
        }
    }

    /// Shows a line that stays under all that are appended, and is replaced by the next one; `nil` takes it away.
    ///
    /// Only for terminals.
    func setStatus(_ text: String?) {
        let new = Array((text ?? "").utf8)
        let old = self.state.withLock { state in
            defer { state.status = new }
            return state.status
        }
        guard new != old else { return }
        self.append { $0 += Self.clearedLine.utf8 + new }
    }

    /// Back to the first column, and nothing in the line.
    private static let clearedLine = "\r\u{1B}[K"

    /// Waits while more has gathered than a slow reader may owe.
    func waitForRoom() async {
        await self.wait(bytesMax: Self.pendingBytesMax)
    }

    /// Waits until everything is written, or nobody is there to read it.
    func flush() async {
        await self.wait(bytesMax: 0)
    }

    private func wait(bytesMax: Int) async {
        // Asked without suspending first: there is nearly always room.
        guard !self.hasRoom(bytesMax) else { return }
        await withCheckedContinuation { continuation in
            let isDone = self.state.withLock { state in
                if Self.hasRoom(state, bytesMax) { return true }
                state.waiters.append((bytesMax, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    private func hasRoom(_ bytesMax: Int) -> Bool { self.state.withLock { Self.hasRoom($0, bytesMax) } }

    private static func hasRoom(_ state: borrowing State, _ bytesMax: Int) -> Bool {
        state.isBroken || state.pending.count < max(bytesMax, 1) && !(bytesMax == 0 && state.isWriting)
    }

    private func writePending() {
        var batch: [UInt8] = []
        while true {
            batch.removeAll(keepingCapacity: true)
            let woken = self.state.withLock { state in
                swap(&batch, &state.pending)
                if batch.isEmpty { state.isWriting = false }
                return Self.takeWaiters(&state)
            }
            for waiter in woken { waiter.resume() }
            guard !batch.isEmpty else { return }
            guard self.writeBytes(batch) else { return self.broke() }
        }
    }

    private func broke() {
        let woken = self.state.withLock { state in
            state.isBroken = true
            state.isWriting = false
            state.pending = []
            return Self.takeWaiters(&state)
        }
        for waiter in woken { waiter.resume() }
        self.onBroken()
    }

    private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard !state.waiters.isEmpty else { return [] }
        var woken: [CheckedContinuation<Void, Never>] = []
        var left: [(bytesMax: Int, continuation: CheckedContinuation<Void, Never>)] = []
        for waiter in state.waiters {
            if Self.hasRoom(state, waiter.bytesMax) { woken.append(waiter.continuation) } else { left.append(waiter) }
        }
        state.waiters = left
        return woken
    }
}
