import BrokerWire
import NIOCore
import Synchronization

/// Who is told what became of a publish.
protocol PublishSink: AnyObject, Sendable {
    /// Called on the client's event loop.
    func publishEnded(tag: UInt64, _ outcome: PublishOutcome)
}

/// A publish whose outcome somebody waits for.
struct PendingPublish: Sendable {
    let sink: any PublishSink
    /// The sink's own name for it.
    let tag: UInt64
    let bytes: Int
}

/// The publishes that were asked for and not yet written, and the account of all that are under way.
///
/// Tasks put finished frames here from any thread; the event loop fetches all of them at once and writes them with
/// one system call. So a publish costs its caller a lock and no hop, and the wire few packets. Who finds the limits
/// reached waits here until enough publishes were answered.
final class PublishOutbox: Sendable {
    /// What the event loop fetches.
    struct Batch {
        var frames: ByteBuffer
        /// The publishes that have a number, in order; the first has the number `firstID`.
        var pending: [PendingPublish]
        var firstID: UInt64
        /// The publishes that nobody answers; they are under way until the socket has taken them.
        var unanswered = Load()
    }

    /// How much is under way.
    struct Load: Equatable {
        var count = 0
        var bytes = 0
    }

    private struct State {
        var encoder = RequestEncoder()
        var frames = ByteBuffer()
        var pending: [PendingPublish] = []
        var nextID: UInt64 = 1
        var unanswered = Load()
        /// Everything between its publish and its outcome.
        var underWay = Load()
        var isFetchScheduled = false
        var messageBytesMax = Int.max
        var end: ClientError?
        var waiters: [Waiter] = []
        var nextWaiter: UInt64 = 0
    }

    private struct Waiter {
        var id: UInt64
        /// Until when: room for one more, or nothing under way.
        var isForIdle: Bool
        var continuation: CheckedContinuation<Void, Never>
    }

    private let limits: Load
    private let state = Mutex(State())
    private let scheduleFetch: @Sendable () -> Void

    /// - `limits`: How much may be under way before callers wait.
    /// - `scheduleFetch`: Called from any thread when there is something to fetch, and not again before it was.
    init(limits: Load, scheduleFetch: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.scheduleFetch = scheduleFetch
    }

    /// What became of an attempt to add a publish.
    enum Addition: Equatable {
        case added
        /// There is too much under way; wait for room and try again.
        case full
    }

    /// Adds a publish if there is room for it.
    ///
    /// - `sink`: Who is told its outcome; `nil` sends it without a number, and nobody is told.
    func add(
        topicField: [UInt8],
        data: UnsafeRawBufferPointer,
        retain: Bool,
        sink: (any PublishSink)?,
        tag: UInt64
    ) throws(ClientError) -> Addition {
        let (result, schedules) = self.state.withLock { state -> (Result<Addition, ClientError>, Bool) in
            if let end = state.end { return (.failure(end), false) }
            let id = sink == nil ? nil : state.nextID
            let size =
                topicField.count + data.count + RequestEncoder.publishOverheadBytes(id: id, retain: retain)
            guard size <= state.messageBytesMax else {
                return (.failure(Self.tooLarge(data.count, max: state.messageBytesMax)), false)
            }
            guard self.hasRoom(state) else { return (.success(.full), false) }
            state.underWay.count += 1
            state.underWay.bytes += size
            if let sink {
                state.pending.append(PendingPublish(sink: sink, tag: tag, bytes: size))
            } else {
                state.unanswered.count += 1
                state.unanswered.bytes += size
            }
            if id != nil { state.nextID += 1 }
            state.encoder.writePublish(
                id: id,
                topicField: topicField,
                data: data,
                retain: retain,
                to: &state.frames
            )
            defer { state.isFetchScheduled = true }
            return (.success(.added), !state.isFetchScheduled)
        }
        if schedules { self.scheduleFetch() }
        return try result.get()
    }

    /// One publish may exceed the byte limit alone, so that a limit below a message's size stops nothing for ever.
    private func hasRoom(_ state: borrowing State) -> Bool {
        state.underWay.count < self.limits.count && state.underWay.bytes < self.limits.bytes
    }

    private static func tooLarge(_ bytes: Int, max: Int) -> ClientError {
        ClientError(
            .messageTooLarge,
            "\(bytes) bytes are too many: the broker takes messages of at most \(max) bytes, envelope included"
        )
    }

    /// Waits until there is room; returns at once if there is, or if there never will be.
    func waitForRoom() async throws {
        try await self.wait(isForIdle: false)
    }

    /// Waits until every publish has its outcome, and every unanswered one was taken by the socket.
    func waitForIdle() async throws {
        try await self.wait(isForIdle: true)
    }

    private func wait(isForIdle: Bool) async throws {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = self.state.withLock { state in
                    let isDone = isForIdle ? state.underWay.count == 0 : state.end != nil || self.hasRoom(state)
                    if isDone || Task.isCancelled { return true }
                    state.waiters.append(Waiter(id: id, isForIdle: isForIdle, continuation: continuation))
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume()
        }
        try Task.checkCancellation()
    }

    // MARK: The event loop's side

    /// Takes what has to be written, or `nil` when there is nothing.
    func fetch() -> Batch? {
        self.state.withLock { state in
            state.isFetchScheduled = false
            guard state.frames.readableBytes > 0 else { return nil }
            let batch = Batch(
                frames: state.frames,
                pending: state.pending,
                firstID: state.nextID - UInt64(state.pending.count),
                unanswered: state.unanswered
            )
            state.frames = ByteBuffer()
            state.pending = []
            state.unanswered = Load()
            return batch
        }
    }

    /// Ends the account of publishes that have their outcome.
    func release(_ load: Load) {
        guard load.count > 0 else { return }
        let woken = self.state.withLock { state -> [Waiter] in
            state.underWay.count -= load.count
            state.underWay.bytes -= load.bytes
            return self.takeWaiters(&state)
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// Notes the largest message that the broker takes.
    func limitMessages(toBytes max: Int) {
        self.state.withLock { $0.messageBytesMax = max }
    }

    /// Ends the outbox: everything added from now on fails with `error`; returns what was never written.
    func end(_ error: ClientError) -> [PendingPublish] {
        let (unsent, woken) = self.state.withLock { state -> ([PendingPublish], [Waiter]) in
            if state.end == nil { state.end = error }
            let unsent = state.pending
            state.underWay.count -= state.unanswered.count
            state.underWay.bytes -= state.unanswered.bytes
            state.frames = ByteBuffer()
            state.pending = []
            state.unanswered = Load()
            return (unsent, self.takeWaiters(&state))
        }
        for waiter in woken { waiter.continuation.resume() }
        return unsent
    }

    /// The waiters whose time has come.
    ///
    /// Nobody is woken for the room of a single publish: it would cost a switch of threads for each. Half of the
    /// limit is enough to keep the broker busy meanwhile. All who wait for room are woken, because one that was
    /// cancelled meanwhile would not use its room.
    private func takeWaiters(_ state: inout State) -> [Waiter] {
        guard !state.waiters.isEmpty else { return [] }
        let isIdle = state.underWay.count == 0
        let isHalfEmpty =
            state.underWay.count <= self.limits.count / 2 && state.underWay.bytes <= self.limits.bytes / 2
        guard isIdle || isHalfEmpty || state.end != nil else { return [] }
        let woken = state.waiters.filter { !$0.isForIdle || isIdle }
        state.waiters.removeAll { !$0.isForIdle || isIdle }
        return woken
    }
}
