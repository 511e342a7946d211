package import BrokerCore
package import BrokerWire
package import NIOCore

/// What a session in this process receives, for somebody who takes it in his own time.
///
/// While more than ``bytesMax`` wait to be taken, the session is a socket that takes nothing: totals are conflated and
/// messages are bounded, as for every slow reader.
package struct LocalStream: Sendable {
    package enum Event: Sendable {
        /// The JSON of some frames, in order.
        case frames([ByteBuffer])
        /// About a second has passed.
        case second
        /// The broker says goodbye, and nothing follows.
        case closed(CloseCode, reason: String)
    }

    package let events: AsyncStream<Event>
    private let receiver: NIOLoopBound<StreamReceiver>
    private let eventLoop: any EventLoop

    /// So much may wait for whoever takes it, beside what one write of the hub brings.
    static let bytesMax = 64 * 1024

    fileprivate init(_ events: AsyncStream<Event>, _ receiver: StreamReceiver, _ eventLoop: any EventLoop) {
        self.events = events
        self.receiver = NIOLoopBound(receiver, eventLoop: eventLoop)
        self.eventLoop = eventLoop
    }

    /// Frames with so many bytes were taken.
    package func took(_ bytes: Int) { self.eventLoop.execute { self.receiver.value.took(bytes) } }

    /// A second was noticed; those that pass until then are not told.
    package func tookSecond() { self.eventLoop.execute { self.receiver.value.tookSecond() } }

    /// Ends the session. Whoever has opened a stream has to.
    package func end() { self.eventLoop.execute { self.receiver.value.end() } }
}

extension EventLoops {
    /// Asks for a subscription and gives back everything that comes: first the answer, or what comes before it.
    package func stream(
        _ question: LocalQuestion,
        as identity: Identity,
        peer: PeerDescription
    ) async throws -> LocalStream {
        try await self.loops[0].submit { [driver = self.drivers[0], loop = self.loops[0]] in
            let (events, continuation) = AsyncStream.makeStream(of: LocalStream.Event.self)
            let receiver = StreamReceiver(continuation)
            let session = driver.value.openLocal(identity, peer, waitsForAnswer: false) { receiver.receive($0) }
            guard let session else { throw Stopping() }
            receiver.begin(session)
            session.ask(question)
            return LocalStream(events, receiver, loop)
        }.get()
    }
}

/// Gathers what a session receives; lives on the core's loop.
private final class StreamReceiver {
    private let continuation: AsyncStream<LocalStream.Event>.Continuation
    private var session: LocalSession?
    private var waitingBytes = 0
    /// Seconds that nobody has taken are not counted.
    private var hasSecond = false

    init(_ continuation: AsyncStream<LocalStream.Event>.Continuation) { self.continuation = continuation }

    func begin(_ session: LocalSession) { self.session = session }

    func receive(_ event: LocalSession.Event) {
        switch event {
        case .frames(let frames):
            self.waitingBytes += frames.reduce(0) { $0 + $1.readableBytes }
            self.continuation.yield(.frames(frames))
            if self.waitingBytes > LocalStream.bytesMax { self.session?.stopWriting() }
        case .second:
            guard !self.hasSecond else { return }
            self.hasSecond = true
            self.continuation.yield(.second)
        case .closed(let code, let reason):
            self.continuation.yield(.closed(code, reason: reason))
            self.continuation.finish()
        }
    }

    func took(_ bytes: Int) {
        self.waitingBytes -= bytes
        if self.waitingBytes <= LocalStream.bytesMax { self.session?.resumeWriting() }
    }

    func tookSecond() { self.hasSecond = false }

    func end() {
        self.continuation.finish()
        self.session?.end()
        self.session = nil
    }
}
