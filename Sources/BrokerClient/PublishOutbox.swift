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
    /// What it is known by on the wire.
    let number: UInt64
    /// How long its text is.
    let bytes: Int
    /// Where its frame begins in the buffer that it was written to.
    var frameStart = 0
    /// Whether it was refused before, and is judged again.
    var isAgain = false
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
        /// The publishes that have a number, in order.
        var pending: [PendingPublish]
        /// The publishes that nobody answers; they are under way until the socket has taken them.
        var unanswered = Load()
    }

    /// How much is under way.
    struct Load: Equatable {
        var count = 0
        var bytes = 0
        /// How many of them are judged again.
        var again = 0

        static func += (sum: inout Self, publish: PendingPublish) {
            sum.count += 1
            sum.bytes += publish.bytes
            if publish.isAgain { sum.again += 1 }
        }
    }

    private struct State {
        var encoder = RequestEncoder()
        var frames = ByteBuffer()
        var pending: [PendingPublish] = []
        var numbering: PublishNumbering
        var unanswered = Load()
        /// Everything between its publish and its outcome.
        var underWay = Load()
        var isFetchScheduled = false
        var messageBytesMax = Int.max
        var end: ClientError?
        var waiters: [Waiter] = []
        var nextWaiter: UInt64 = 0

        init(numbering: PublishNumbering) {
            self.numbering = numbering
        }

        /// Forgets what was never written; those with a number stay in the account until they have their outcome.
        mutating func discardUnsent() {
            self.underWay.count -= self.unanswered.count
            self.underWay.bytes -= self.unanswered.bytes
            self.frames = ByteBuffer()
            self.pending = []
            self.unanswered = Load()
        }
    }

    private struct Waiter {
        var id: UInt64
        var purpose: Purpose
        var continuation: CheckedContinuation<Void, Never>
    }

    /// Until when somebody waits.
    enum Purpose {
        /// Nothing is under way.
        case idle
        /// There is room for one more.
        case room
        /// There is, and a number too.
        case roomAndNumber
    }

    private let limits: Load
    private let state: Mutex<State>
    private let scheduleFetch: @Sendable () -> Void

    /// - `limits`: How much may be under way before callers wait.
    /// - `isOfProducer`: Whether a producer's numbers are given out, which begin where the broker says.
    /// - `scheduleFetch`: Called from any thread when there is something to fetch, and not again before it was.
    init(limits: Load, isOfProducer: Bool = false, scheduleFetch: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.state = Mutex(State(numbering: PublishNumbering(isOfProducer: isOfProducer)))
        self.scheduleFetch = scheduleFetch
    }

    /// What became of an attempt to add a publish.
    enum Addition: Equatable {
        case added
        /// There is too much under way, or no number yet; wait for room and try again.
        case full
        /// The number that was asked for has its verdict already.
        case settled
    }

    /// Adds a publish if there is room for it.
    ///
    /// - `sink`: Who is told its outcome; `nil` sends it without a number, and nobody is told.
    /// - `choice`: The number under which it goes.
    func add(
        topicField: [UInt8],
        data: UnsafeRawBufferPointer,
        retain: Bool,
        sink: (any PublishSink)?,
        tag: UInt64,
        as choice: PublishNumbering.Choice = .next
    ) throws(ClientError) -> Addition {
        let (result, schedules) = self.state.withLock { state -> (Result<Addition, ClientError>, Bool) in
            if let end = state.end { return (.failure(end), false) }
            var number: PublishNumber?
            var isAgain = false
            if sink != nil {
                do throws(ClientError) {
                    switch try state.numbering.number(for: choice) {
                    case .number(let given, let isSecond): (number, isAgain) = (given, isSecond)
                    case .notYet: return (.success(.full), false)
                    case .settled: return (.success(.settled), false)
                    }
                } catch {
                    return (.failure(error), false)
                }
            }
            let overhead = RequestEncoder.publishOverheadBytes(number: number, retain: retain)
            let size = topicField.count + data.count + overhead
            guard size <= state.messageBytesMax else {
                return (.failure(.tooLarge(data.count, max: state.messageBytesMax)), false)
            }
            guard self.hasRoom(state) else { return (.success(.full), false) }
            state.underWay.count += 1
            state.underWay.bytes += size
            if let sink, let number {
                let publish = PendingPublish(
                    sink: sink,
                    tag: tag,
                    number: number.value,
                    bytes: size,
                    frameStart: state.frames.writerIndex,
                    isAgain: isAgain
                )
                state.pending.append(publish)
                state.numbering.take(number, isAgain: isAgain, for: choice)
            } else {
                state.unanswered.count += 1
                state.unanswered.bytes += size
            }
            state.encoder.writePublish(
                number: number,
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

    /// Waits until there is room; returns at once if there is, or if there never will be.
    ///
    /// - `isNumbered`: Whether a number is needed too.
    func waitForRoom(isNumbered: Bool = true) async throws {
        try await self.wait(for: isNumbered ? .roomAndNumber : .room)
    }

    /// Waits until every publish has its outcome, and every unanswered one was taken by the socket.
    func waitForIdle() async throws {
        try await self.wait(for: .idle)
    }

    private func wait(for purpose: Purpose) async throws {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = self.state.withLock { state in
                    let isDone =
                        switch purpose {
                        case .idle: state.underWay.count == 0
                        case .room: state.end != nil || self.hasRoom(state)
                        case .roomAndNumber: state.end != nil || self.hasRoom(state) && state.numbering.hasNext
                        }
                    if isDone || Task.isCancelled { return true }
                    state.waiters.append(Waiter(id: id, purpose: purpose, continuation: continuation))
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
            state.numbering.judgedAgain(load.again)
            return self.takeWaiters(&state)
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// Where the producer stood when the broker last said so.
    var position: ProducerPosition? { self.state.withLock { $0.numbering.position } }

    /// Why nothing can be added any more.
    var failure: ClientError? { self.state.withLock { $0.end } }

    /// Whether all numbers so far were the program's own choice.
    var isNumberedBySource: Bool { self.state.withLock { $0.numbering.isBySource } }

    /// The broker said where the producer stands: numbers are given out from there.
    func begin(at position: ProducerPosition) {
        let woken = self.state.withLock { state -> [Waiter] in
            state.numbering.begin(at: position)
            return self.takeWaiters(&state)
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// The producer is none any more; returns what was never written under its numbers.
    func startOver() -> [PendingPublish] {
        self.state.withLock { state in
            let unsent = state.pending
            state.discardUnsent()
            state.numbering.startOver()
            return unsent
        }
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
            state.discardUnsent()
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
        let hasNumber = state.numbering.hasNext
        let hasEnded = state.end != nil
        func isDue(_ waiter: Waiter) -> Bool {
            switch waiter.purpose {
            case .idle: isIdle
            case .room: isHalfEmpty || hasEnded
            case .roomAndNumber: isHalfEmpty && hasNumber || hasEnded
            }
        }
        let woken = state.waiters.filter(isDue)
        if !woken.isEmpty { state.waiters.removeAll(where: isDue) }
        return woken
    }
}
