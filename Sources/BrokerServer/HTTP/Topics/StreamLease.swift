import BrokerTransport
import BrokerWire
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// A stream that ends when nobody holds it any more: also when its client goes before anything could be written.
final class StreamLease: Sendable {
    let stream: LocalStream
    private let count: StreamCount
    private let client: ForwardedClient?
    /// What came before the answer to the request was begun.
    private let early = Mutex<[ByteBuffer]>([])

    init(_ stream: LocalStream, _ count: StreamCount, _ client: ForwardedClient?) {
        self.stream = stream
        self.count = count
        self.client = client
    }

    deinit {
        self.stream.end()
        self.count.leave()
    }

    /// The first thing that comes, which is kept for later; `nil` if nothing does.
    func first() async -> LocalAnswer? {
        for await event in self.stream.events {
            switch event {
            case .frames(let frames):
                guard let first = frames.first else { continue }
                self.early.withLock { $0 = frames }
                return LocalAnswer(frame: first)
            case .second: self.stream.tookSecond()
            case .closed: return nil
            }
        }
        return nil
    }

    private func takeEarly() -> [ByteBuffer] {
        self.early.withLock { early in
            defer { early = [] }
            return early
        }
    }

    // MARK: Server-sent events

    /// Writes events until the stream ends, the client goes, or the broker stops.
    // Concurrent, as the writer's own functions are, which a writer is not sent to then.
    @concurrent
    func write(_ text: EventText, to writer: inout any ResponseBodyWriter, while body: RequestBody) async throws {
        try await withGracefulShutdownHandler {
            try await body.consumeWithInboundCloseHandler { _ in
                try await self.write(text, to: &writer)
            } onInboundClosed: { [stream] in
                stream.end()
            }
        } onGracefulShutdown: { [stream] in
            stream.end()
        }
        try await writer.finish(nil)
    }

    @concurrent
    private func write(_ text: EventText, to writer: inout any ResponseBodyWriter) async throws {
        var text = text
        try await writer.write(EventText.start)
        try await Self.write(self.takeEarly(), &text, to: &writer, of: self.stream)
        if text.isOver { return }
        var silence = 0
        for await event in self.stream.events {
            switch event {
            case .frames(let frames):
                silence = 0
                try await Self.write(frames, &text, to: &writer, of: self.stream)
                if text.isOver { return }
            case .second:
                self.stream.tookSecond()
                silence += 1
                guard silence >= StreamRoutes.keepAliveSeconds else { continue }
                silence = 0
                try await writer.write(EventText.keepAlive)
            case .closed(let code, let reason):
                try await writer.write(EventText.farewell(code, reason: reason))
            }
        }
    }

    @concurrent
    private static func write(
        _ frames: [ByteBuffer],
        _ text: inout EventText,
        to writer: inout any ResponseBodyWriter,
        of stream: LocalStream
    ) async throws {
        var buffer = ByteBuffer()
        for frame in frames { text.append(frame, to: &buffer) }
        if buffer.readableBytes > 0 { try await writer.write(buffer) }
        // Only now is there room for more.
        stream.took(frames.reduce(0) { $0 + $1.readableBytes })
    }

    // MARK: Long poll

    func isPast(_ after: FramePosition, before deadline: ContinuousClock.Instant) async -> Result<Bool, HTTPRefusal> {
        for frame in self.takeEarly() where Self.isNews(frame, after) { return .success(true) }
        if deadline <= .now { return .success(false) }
        for await event in self.stream.events {
            switch event {
            case .frames(let frames):
                if frames.contains(where: { Self.isNews($0, after) }) { return .success(true) }
            case .second:
                self.stream.tookSecond()
                if deadline <= .now { return .success(false) }
            case .closed:
                return .failure(HTTPRefusal(Refusal(.restarting, "the broker has closed the connection")))
            }
        }
        return .failure(HTTPRefusal(Refusal(.restarting, "the broker stops")))
    }

    /// Whether a frame says that the topic is elsewhere: every message does, and the answer if its position is another.
    private static func isNews(_ frame: ByteBuffer, _ after: FramePosition) -> Bool {
        guard frame.readableBytesView.starts(with: LocalQuestion.ackPrefix.utf8), let position = FramePosition(frame)
        else { return true }
        return position.epoch != after.epoch || position.offset > after.offset
    }
}
