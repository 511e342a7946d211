import NIOCore
import Synchronization

/// The messages of one subscription between the event loop that receives them and the task that reads them.
///
/// It is bounded by what it tells: a push returns whether there is still room, and its caller stops reading the
/// socket until ``onRoom`` says that there is again. One task reads at a time.
final class MessageQueue: MessageSink {
    /// How much there may be.
    struct Limits: Sendable {
        var messages: Int
        var bytes: Int
    }

    private struct State {
        var messages = CircularBuffer<Message>()
        var bytes = 0
        /// Whether ``onRoom`` is owed to whoever pushes.
        var isFull = false
        var end: End?
        /// How many messages were pushed and taken, ever.
        var pushed: UInt64 = 0
        var taken: UInt64 = 0
        /// How many were pushed when the last of the snapshot was; absent before that.
        var snapshotEnd: UInt64?
        var reader: CheckedContinuation<Void, Never>?
    }

    private enum End {
        case finished
        case failed(ClientError)
    }

    private let limits: Limits
    private let state = Mutex(State())
    private let onRoom: @Sendable () -> Void

    /// - `onRoom`: Called once after each time that a push returned ``Room/full``, from any thread.
    init(limits: Limits, onRoom: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.onRoom = onRoom
    }

    enum Room: Equatable {
        case some
        case full
        /// Far beyond the limits, which only happens to one that is pushed to although it is full.
        case overflowing
    }

    /// How often the limits an unread queue may hold before it counts as overflowing.
    private static let overflowFactor = 16

    /// Appends `messages`, and leaves the array empty.
    func push(_ messages: inout [Message]) -> Room {
        let (room, reader) = self.state.withLock { state -> (Room, CheckedContinuation<Void, Never>?) in
            guard state.end == nil else { return (.some, nil) }
            state.pushed += UInt64(messages.count)
            for message in messages {
                state.bytes += message.bufferedBytes
                state.messages.append(message)
            }
            return (self.room(&state), state.reader.take())
        }
        messages.removeAll(keepingCapacity: true)
        reader?.resume()
        return room
    }

    private func room(_ state: inout State) -> Room {
        guard state.messages.count >= self.limits.messages || state.bytes >= self.limits.bytes else { return .some }
        // One push may bring any number of messages, so only one that comes on top of a full queue tells something.
        let wasFull = state.isFull
        state.isFull = true
        let factor = Self.overflowFactor
        let isFarBeyond =
            state.messages.count > factor * self.limits.messages || state.bytes > factor * self.limits.bytes
        return wasFull && isFarBeyond ? .overflowing : .full
    }

    /// Ends the queue; what is in it can still be read, and then `error` is thrown, if there is one.
    func finish(_ error: ClientError? = nil) {
        let reader = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.end == nil { state.end = error.map { .failed($0) } ?? .finished }
            return state.reader.take()
        }
        reader?.resume()
    }

    /// The next message, or `nil` after the last.
    func next() async throws -> Message? {
        while true {
            let taken = try self.take { state -> Message? in
                guard let message = state.messages.popFirst() else { return nil }
                state.bytes -= message.bufferedBytes
                state.taken += 1
                return message
            }
            switch taken {
            case .taken(let message): return message
            case .ended, .failed: return nil
            case .empty: try await self.wait()
            }
        }
    }

    /// All messages that have arrived, at least one, or `nil` after the last.
    func nextBatch() async throws -> CircularBuffer<Message>? {
        while let part = try await self.nextPart() {
            if !part.messages.isEmpty { return part.messages }
        }
        return nil
    }

    /// Messages that have arrived, and whether the snapshot is read with them.
    struct Part {
        var messages: CircularBuffer<Message>
        /// Whether these are the last messages of what was there before the subscription; once in its life.
        var endsSnapshot = false
    }

    /// All messages that have arrived, of the snapshot or behind it; none only where the snapshot ends without more.
    func nextPart() async throws -> Part? {
        while true {
            let taken = try self.take { state -> Part? in
                var part = Part(messages: CircularBuffer())
                if let end = state.snapshotEnd, state.taken <= end {
                    part.endsSnapshot = true
                    state.snapshotEnd = nil
                    let count = Int(end - state.taken)
                    part.messages.append(contentsOf: state.messages.prefix(count))
                    state.messages.removeFirst(count)
                    state.bytes -= part.messages.reduce(0) { $0 + $1.bufferedBytes }
                } else {
                    guard !state.messages.isEmpty else { return nil }
                    swap(&part.messages, &state.messages)
                    state.bytes = 0
                }
                state.taken += UInt64(part.messages.count)
                return part
            }
            switch taken {
            case .taken(let part): return part
            case .ended, .failed: return nil
            case .empty: try await self.wait()
            }
        }
    }

    /// All that was there before the subscription has been pushed.
    func snapshotEnded() {
        let reader = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.snapshotEnd = state.pushed
            return state.reader.take()
        }
        reader?.resume()
    }

    private enum Taken<Value: Sendable> {
        case taken(Value)
        case empty
        case ended
        case failed(ClientError)
    }

    private func take<Value: Sendable>(_ body: (inout State) -> Value?) throws(ClientError) -> Taken<Value> {
        let (taken, hasRoom) = self.state.withLock { state -> (Taken<Value>, Bool) in
            guard let value = body(&state) else { return (Self.end(&state), false) }
            guard state.isFull, self.isHalfEmpty(state) else { return (.taken(value), false) }
            state.isFull = false
            return (.taken(value), true)
        }
        if hasRoom { self.onRoom() }
        if case .failed(let error) = taken { throw error }
        return taken
    }

    private static func end<Value>(_ state: inout State) -> Taken<Value> {
        switch state.end {
        case .none: return .empty
        case .finished: return .ended
        case .failed(let error):
            // Said once; afterwards the sequence is at its end, as sequences that threw are.
            state.end = .finished
            return .failed(error)
        }
    }

    /// Reading goes on at half of the limit, so that it is not switched on and off with each message.
    private func isHalfEmpty(_ state: State) -> Bool {
        state.messages.count <= self.limits.messages / 2 && state.bytes <= self.limits.bytes / 2
    }

    private func wait() async throws {
        try Task.checkCancellation()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumesAtOnce = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                    let isEmpty = state.messages.isEmpty && state.snapshotEnd == nil
                    guard isEmpty, state.end == nil, !Task.isCancelled else { return continuation }
                    precondition(state.reader == nil, "one task reads a subscription at a time")
                    state.reader = continuation
                    return nil
                }
                resumesAtOnce?.resume()
            }
        } onCancel: {
            self.state.withLock { $0.reader.take() }?.resume()
        }
        try Task.checkCancellation()
    }
}
