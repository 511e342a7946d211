public import BrokerWire
import Synchronization

extension BrokerClient {
    /// Publishes `data` and returns the broker's acknowledgement, which carries the topic's running value.
    ///
    /// A lost connection only makes it take longer: it is sent again, and counts once. Throws a ``ClientError`` with
    /// the code `refused` when the broker refused it, and with `outcomeUnknown` when nobody can tell any more whether
    /// it was applied: because the client ended first, or has no producer and lost its connection. When the calling
    /// task is cancelled nobody waits for the outcome any more, and the publish goes on.
    ///
    /// - `data`: One JSON value as text.
    /// - `topic`: Where to.
    /// - `retain`: Whether the broker keeps it for later subscribers; only on topics without an aggregator.
    @discardableResult
    public func publish(_ data: [UInt8], to topic: Topic, retain: Bool = false) async throws -> PublishAcknowledgement {
        try Self.check(data)
        return try await self.publish(data, topicField: RequestEncoder.publishField(topic: topic), retain: retain)
    }

    /// Publishes `data` under a name of its own, which the broker counts once however often it comes.
    ///
    /// It is sent until it has a verdict, also where the connection is lost or the broker asks for it later. For
    /// programs that keep no numbers, such as one that handles an order; only for clients without a producer.
    ///
    /// - `data`: One JSON value as text.
    /// - `topic`: Where to.
    /// - `once`: 1 to 64 bytes, such as the number of the order. The broker remembers them per topic for two minutes,
    ///     or what its configuration says.
    @discardableResult
    public func publish(_ data: [UInt8], to topic: Topic, once: String) async throws -> PublishAcknowledgement {
        try Self.check(data)
        guard self.configuration.producer == .none else {
            throw ClientError(.invalidArgument, "a producer's publishes are numbered, and need no name")
        }
        guard (1...WireLimits.idBytesMax).contains(once.utf8.count) else {
            throw ClientError(.invalidArgument, "a name to count once has 1 to \(WireLimits.idBytesMax) bytes")
        }
        let topicField = RequestEncoder.publishField(topic: topic, once: once)
        while true {
            do {
                return try await self.publish(data, topicField: topicField, retain: false)
            } catch let error as ClientError where error.code == .outcomeUnknown && self.failure == nil {
                // It is in the outbox again before there is a connection again.
            } catch let error as ClientError where (error.refusal?.retry ?? .no) != .no {
                let wait = error.refusal?.afterMilliseconds ?? Refusal.retryMilliseconds
                try await Task.sleep(for: .milliseconds(max(wait, 100)))
            }
        }
    }

    private func publish(
        _ data: [UInt8],
        topicField: [UInt8],
        retain: Bool
    ) async throws -> PublishAcknowledgement {
        while true {
            let single = SinglePublish()
            let added = try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    single.wait(continuation) {
                        try data.withUnsafeBytes { bytes in
                            try self.outbox.add(
                                topicField: topicField,
                                data: bytes,
                                retain: retain,
                                sink: single,
                                tag: 0
                            )
                        }
                    }
                }
            } onCancel: {
                single.cancel()
            }
            if let acknowledgement = added { return acknowledgement }
            try await self.outbox.waitForRoom()
        }
    }

    /// Publishes the JSON text `data`; see ``publish(_:to:retain:)-([UInt8],_,_)``.
    @discardableResult
    public func publish(_ data: String, to topic: Topic, retain: Bool = false) async throws -> PublishAcknowledgement {
        try await self.publish(Array(data.utf8), to: topic, retain: retain)
    }

    /// Makes a pipeline for many publishes to `topic`, which waits for each outcome only where the program says so.
    ///
    /// - `topic`: Where to.
    /// - `retain`: Whether the broker keeps each as the retained message; only on topics without an aggregator.
    /// - `isAcknowledged`: Whether the broker answers. Without, outcomes are never reported, and refusals only as
    ///     ``ClientEvent/refused(_:topic:)``.
    /// - `onOutcome`: Told the outcome of each publish with the tag that it was enqueued with, in order, on the
    ///     client's event loop: it must return at once.
    public func pipeline(
        to topic: Topic,
        retain: Bool = false,
        isAcknowledged: Bool = true,
        onOutcome: @escaping @Sendable (_ tag: UInt64, _ outcome: PublishOutcome) -> Void = { _, _ in }
    ) -> PublishPipeline {
        PublishPipeline(
            outbox: self.outbox,
            topicField: RequestEncoder.publishField(topic: topic),
            retain: retain,
            sink: isAcknowledged ? PublishPipeline.Sink(onOutcome) : nil
        )
    }

    fileprivate static func check(_ data: [UInt8]) throws(ClientError) {
        if let problem = data.withUnsafeBytes({ JSONCheck.problem(in: $0) }) {
            throw ClientError(.invalidArgument, "the value can not be published: \(problem)")
        }
    }
}

/// Many publishes to one topic, sent without waiting for each other's answers.
///
/// A publish costs a lock and a few copies; there is no task and no promise for it. All that are enqueued while the
/// event loop is busy are written together.
public struct PublishPipeline: Sendable {
    private let outbox: PublishOutbox
    private let topicField: [UInt8]
    private let retain: Bool
    private let sink: Sink?

    final class Sink: PublishSink {
        private let onOutcome: @Sendable (UInt64, PublishOutcome) -> Void

        init(_ onOutcome: @escaping @Sendable (UInt64, PublishOutcome) -> Void) {
            self.onOutcome = onOutcome
        }

        func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {
            self.onOutcome(tag, outcome)
        }
    }

    init(outbox: PublishOutbox, topicField: [UInt8], retain: Bool, sink: Sink?) {
        self.outbox = outbox
        self.topicField = topicField
        self.retain = retain
        self.sink = sink
    }

    /// Sends `data` as soon as it can, and waits only while too many publishes are under way.
    ///
    /// Throws when it is not going to be sent, and then there is no outcome.
    ///
    /// - `data`: One JSON value as text.
    /// - `tag`: What the outcome is reported with, such as a line number.
    public func enqueue(_ data: ArraySlice<UInt8>, tag: UInt64 = 0) async throws {
        while try !self.enqueueIfRoom(data, tag: tag) {
            try await self.outbox.waitForRoom(isNumbered: self.sink != nil)
        }
    }

    /// Sends `data` as soon as it can; see ``enqueue(_:tag:)-(ArraySlice<UInt8>,_)``.
    public func enqueue(_ data: [UInt8], tag: UInt64 = 0) async throws {
        try await self.enqueue(data[...], tag: tag)
    }

    /// Sends `data` unless too many publishes are under way, or no connection was made yet; returns whether it did.
    public func enqueueIfRoom(_ data: ArraySlice<UInt8>, tag: UInt64 = 0) throws(ClientError) -> Bool {
        try self.add(data, to: self.topicField, tag: tag, as: .next) == .added
    }

    /// Sends `data` under the number `seq`, which is its place in what the publishes are read from.
    ///
    /// Returns false, and nothing is sent, when the number has its verdict already; of those that were refused
    /// (``ProducerPosition/refused``) any may be sent again in order, before what is new. What is new has to come
    /// without gaps: a place that nothing can be sent for is passed over with ``skip(seq:)``.
    ///
    /// - `data`: One JSON value as text.
    /// - `seq`: The number, which is also what the outcome is reported with.
    public func enqueue(_ data: ArraySlice<UInt8>, seq: UInt64) async throws -> Bool {
        try await self.enqueue(data, to: self.topicField, seq: seq)
    }

    /// Uses up the number `seq` and publishes nothing; returns false when it has its verdict already.
    ///
    /// The broker notes it as refused, and that is the outcome which is reported for it.
    public func skip(seq: UInt64) async throws -> Bool {
        try await self.enqueue(RequestEncoder.skipData[...], to: RequestEncoder.skipField, seq: seq)
    }

    private func enqueue(_ data: ArraySlice<UInt8>, to topicField: [UInt8], seq: UInt64) async throws -> Bool {
        guard self.sink != nil else {
            throw ClientError(.invalidArgument, "a publish that is not acknowledged has no number")
        }
        while true {
            switch try self.add(data, to: topicField, tag: seq, as: .number(seq)) {
            case .added: return true
            case .settled: return false
            case .full: try await self.outbox.waitForRoom()
            }
        }
    }

    private func add(
        _ data: ArraySlice<UInt8>,
        to topicField: [UInt8],
        tag: UInt64,
        as choice: PublishNumbering.Choice
    ) throws(ClientError) -> PublishOutbox.Addition {
        let result = data.withUnsafeBytes { bytes -> Result<PublishOutbox.Addition, ClientError> in
            if let problem = JSONCheck.problem(in: bytes) {
                return .failure(ClientError(.invalidArgument, "the value can not be published: \(problem)"))
            }
            do throws(ClientError) {
                return .success(
                    try self.outbox.add(
                        topicField: topicField,
                        data: bytes,
                        retain: self.retain,
                        sink: self.sink,
                        tag: tag,
                        as: choice
                    )
                )
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Waits until every publish of the client has its outcome, and every unacknowledged one was taken by the socket.
    public func waitForOutcomes() async throws {
        try await self.outbox.waitForIdle()
    }
}

/// One publish whose caller waits for the answer.
private final class SinglePublish: PublishSink {
    typealias Continuation = CheckedContinuation<PublishAcknowledgement?, any Error>

    private let continuation = Mutex<Continuation?>(nil)

    /// Waits for the answer to what `add` adds; `nil` is the answer when there was no room.
    func wait(_ continuation: Continuation, _ add: () throws -> PublishOutbox.Addition) {
        self.continuation.withLock { $0 = continuation }
        // The task may have been cancelled before there was a continuation to resume.
        if Task.isCancelled { return self.cancel() }
        do {
            if try add() == .full { self.take()?.resume(returning: nil) }
        } catch {
            self.take()?.resume(throwing: error)
        }
    }

    func cancel() {
        self.take()?.resume(throwing: CancellationError())
    }

    func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {
        guard let continuation = self.take() else { return }
        switch outcome {
        case .acknowledged(let acknowledgement): continuation.resume(returning: acknowledgement)
        case .refused(let refusal): continuation.resume(throwing: ClientError(refusal))
        case .notSent(let error): continuation.resume(throwing: error)
        case .unknown:
            continuation.resume(
                throwing: ClientError(
                    .outcomeUnknown,
                    "the connection was lost before the acknowledgement: the outcome is unknown"
                )
            )
        }
    }

    private func take() -> Continuation? {
        self.continuation.withLock { $0.take() }
    }
}
