import BrokerCore
import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// Requests that stay: server-sent events and long polls.
struct StreamRoutes: Sendable {
    let loops: EventLoops
    /// Whom a request speaks for.
    var identity = Identity.anonymous
    /// What counts it where it asks through a proxy; held as long as a stream is.
    var client: ForwardedClient?
    let count: StreamCount
    /// The longest that a long poll waits, in seconds.
    let waitMax: Int

    /// How long a stream says nothing before it says that it is there: proxies give up after 30 s and more.
    static let keepAliveSeconds = 15
    /// How long a long poll waits where nobody says.
    static let waitDefault = 30

    static func isWanted(by request: Request) -> Bool {
        request.headers[.accept]?.lowercased().contains("text/event-stream") == true
    }

    /// What is wrong with how a stream is asked for, if anything is.
    static func refusal(of query: QueryString) -> HTTPRefusal? {
        if let name = query.repeated { return HTTPRefusal(Refusal(.badEnvelope, "'\(name)' stands twice")) }
        guard [nil, "latest", "all"].contains(query.text("mode")) else {
            return HTTPRefusal(Refusal(.badEnvelope, "'mode' is latest or all"))
        }
        if let wait = query["wait"], wait.isEmpty || !wait.allSatisfy({ 0x30...0x39 ~= $0 }) {
            return HTTPRefusal(Refusal(.badEnvelope, "'wait' is a whole number of seconds"))
        }
        return nil
    }

    // MARK: Server-sent events

    func listen(to topic: [UInt8], _ request: Request, _ peer: PeerDescription) async -> Response {
        await self.listen(topic, hasIDs: true, request, peer)
    }

    func listen(to filter: TopicFilter, _ request: Request, _ peer: PeerDescription) async -> Response {
        await self.listen(filter.bytes, hasIDs: false, request, peer)
    }

    private func listen(
        _ filter: [UInt8],
        hasIDs: Bool,
        _ request: Request,
        _ peer: PeerDescription
    ) async -> Response {
        let mode: BrokerWire.Request.Mode = QueryString(request.uri.query).text("mode") == "all" ? .all : .latest
        var peer = peer
        peer.client = request.headers[.userAgent] ?? ""
        let lease: StreamLease
        switch await self.open(.request(.subscribe, topic: filter) { $0.mode = mode }, peer) {
        case .failure(let refusal): return refusal.response
        case .success(let opened): lease = opened
        }
        let lastID = HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
        let last = lastID.flatMap { FramePosition(text: $0) }
        var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
        // A proxy that gathers answers would keep them.
        if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
        let text = EventText(hasIDs: hasIDs, last: last)
        return Response(
            status: .ok,
            headers: headers,
            body: .init { writer in
                try await lease.write(text, to: &writer, while: request.body)
            }
        )
    }

    private func open(_ question: LocalQuestion, _ peer: PeerDescription) async -> Result<StreamLease, HTTPRefusal> {
        guard self.count.enter() else {
            let reason = "there are \(self.count.most) streams already (limits.streams)"
            return .failure(HTTPRefusal(Refusal(.limitReached, reason)))
        }
        let stream: LocalStream
        do {
            stream = try await self.loops.stream(question, as: self.identity, peer: peer)
        } catch {
            self.count.leave()
            return .failure(HTTPRefusal(Refusal(.restarting, "the broker stops")))
        }
        let lease = StreamLease(stream, self.count, self.client)
        // Something always comes: the answer, or messages before it.
        guard let first = await lease.first() else {
            return .failure(HTTPRefusal(Refusal(.restarting, "the broker stops")))
        }
        return first.isRefusal ? .failure(HTTPRefusal(json: first.json)) : .success(lease)
    }

    // MARK: Long poll

    /// Waits until a topic is past the position in `after`; returns whether it is.
    func wait(
        for topic: [UInt8],
        _ query: QueryString,
        _ peer: PeerDescription
    ) async -> Result<Bool, HTTPRefusal> {
        guard let after = query.text("after").flatMap({ FramePosition(text: $0) }) else {
            return .failure(HTTPRefusal(Refusal(.badEnvelope, "'after' is EPOCH:OFFSET, as in the ETag")))
        }
        // More digits than a number here has are a long time, too.
        let seconds = query.text("wait").map { Int($0) ?? self.waitMax } ?? Self.waitDefault
        let lease: StreamLease
        switch await self.open(.request(.subscribe, topic: topic) { $0.mode = .latest }, peer) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let opened): lease = opened
        }
        let deadline = ContinuousClock.now + .seconds(min(seconds, self.waitMax))
        return await withGracefulShutdownHandler {
            await lease.isPast(after, before: deadline)
        } onGracefulShutdown: {
            lease.stream.end()
        }
    }
}

/// How many streams and long polls there are; each holds a connection and a session.
final class StreamCount: Sendable {
    let most: Int
    private let current = Mutex(0)

    init(most: Int) { self.most = most }

    func enter() -> Bool {
        self.current.withLock { current in
            guard current < self.most else { return false }
            current += 1
            return true
        }
    }

    func leave() { self.current.withLock { $0 -= 1 } }
}
