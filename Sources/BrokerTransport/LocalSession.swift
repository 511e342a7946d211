package import BrokerCore
package import BrokerWire
package import NIOCore

/// A client inside the broker's own process: HTTP requests and the commands of an administrator are carried out as one.
///
/// It is a session as those of sockets are, so what it asks is judged, ordered, committed and refused as everything
/// else is, and nothing reaches it that is not committed. It lives on the core's event loop and is not `Sendable`.
package final class LocalSession {
    /// What comes back.
    package enum Event: Sendable {
        /// The JSON of some frames, in order.
        case frames([ByteBuffer])
        /// About a second has passed.
        case second
        /// The broker says goodbye, and nothing follows.
        case closed(CloseCode, reason: String)
    }

    private let loop: LoopDriver
    private let core: CoreDriver
    private let receiver: (Event) -> Void
    private var session: HubSession?
    /// Who is at the other end, for the list of connections; `nil` for the broker's own questions.
    package let peer: PeerDescription?
    package private(set) var isWritable = true
    /// Whether a stopping broker gives it a while for its answer, and until when.
    private let waitsForAnswer: Bool
    private var drainDeadline: UInt64?

    /// - `receiver`: Called on the loop, in the middle of its work: it must not call back.
    init(
        loop: LoopDriver,
        core: CoreDriver,
        identity: Identity,
        peer: PeerDescription?,
        waitsForAnswer: Bool,
        receiver: @escaping (Event) -> Void
    ) {
        self.loop = loop
        self.core = core
        self.peer = peer
        self.waitsForAnswer = waitsForAnswer
        self.receiver = receiver
        let session = loop.hub.open(self)
        self.session = session
        session.since = loop.now().wall
        session.client = String(decoding: (peer?.client ?? "").utf8.prefix(HubSession.clientBytesMax), as: UTF8.self)
        core.identified(session.id, as: identity, isRenewal: false)
    }

    /// Asks for something; what comes back repeats its `id`.
    package func ask(_ question: LocalQuestion) {
        guard let session = self.session else { return }
        switch question {
        case .request(let request, let message):
            message.withUnsafeBytes { self.loop.submit(request, $0, from: session) }
        case .command(let command):
            self.core.receive(command, id: LocalQuestion.id, session.id, at: self.loop.now())
        }
        self.loop.scheduleTick()
    }

    /// Whoever receives can take no more for now: the broker keeps what comes, as for a slow socket.
    func stopWriting() { self.isWritable = false }

    /// Whoever receives can take more.
    func resumeWriting() {
        guard !self.isWritable else { return }
        self.isWritable = true
        guard let session = self.session else { return }
        self.loop.hub.connectionBecameWritable(session, at: self.loop.now().monotonic)
        self.loop.scheduleTick()
    }

    /// Ends it. Nothing is received any more.
    package func end() {
        guard let session = self.session else { return }
        self.session = nil
        self.loop.closed(session)
    }
}

extension LocalSession: SessionConnection {
    /// Takes finished frames apart: one after the other, each whole, as the broker writes them.
    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard self.session != nil else { return }
        var frames: [ByteBuffer] = []
        var index = 0
        while let range = ServerFrames.next(in: bytes, from: index) {
            index = range.upperBound
            // Nobody here can renew credentials that end soon, and what comes first is taken for the answer.
            if bytes[range].starts(with: Self.noticePrefix.utf8) { continue }
            frames.append(ByteBuffer(bytes: bytes[range]))
        }
        if !frames.isEmpty { self.receiver(.frames(frames)) }
    }

    private static let noticePrefix = #"{"op":"notice","#

    package func answered() {}

    package func secondPassed(_ now: UInt64) {
        self.receiver(.second)
        guard let deadline = self.drainDeadline, deadline <= now else { return }
        self.close(.serviceRestart, reason: "restarting")
    }

    package func accessChanged() {}

    package func drain() {
        guard self.waitsForAnswer else { return self.close(.serviceRestart, reason: "restarting") }
        self.drainDeadline = self.loop.now().monotonic + UInt64(self.loop.configuration.stopTimeout.nanoseconds)
    }

    package func close(_ code: CloseCode, reason: String) {
        guard self.session != nil else { return }
        self.receiver(.closed(code, reason: reason))
    }
}

@available(*, unavailable)
extension LocalSession: Sendable {}

/// What a ``LocalSession`` asks.
package enum LocalQuestion: Sendable {
    /// The same as over a socket; the message has the bytes that the request's ranges speak of.
    case request(Request, message: [UInt8])
    case command(TopicCommand)

    /// The `id` of all of them: one at a time is asked.
    package static let id = Array("0".utf8)

    /// What an answer begins with that is no refusal; what follows are its other members.
    package static let ackPrefix = #"{"op":"ack","id":0,"#
    package static let refusalPrefix = #"{"op":"err","id":0,"#
    /// The same of what is not about the question, but about who asks.
    package static let endPrefix = #"{"op":"err","#

    /// Makes a request of its parts.
    package static func request(
        _ operation: Request.Operation,
        topic: [UInt8],
        data: [UInt8] = [],
        once: [UInt8] = [],
        _ change: (inout Request) -> Void = { _ in }
    ) -> LocalQuestion {
        var message = Self.id
        func add(_ bytes: [UInt8]) -> ByteRange {
            defer { message += bytes }
            return ByteRange(message.count..<message.count + bytes.count)
        }
        var request = Request()
        request.operation = operation
        request.id = ByteRange(0..<Self.id.count)
        request.topic = add(topic)
        request.data = add(data)
        request.once = add(once)
        request.dataKind = data.isEmpty ? .absent : data.elementsEqual("null".utf8) ? .null : .container
        change(&request)
        request.messageBytes = UInt32(message.count)
        return .request(request, message: message)
    }
}

/// Frames as the broker writes them: unmasked, whole, one behind the other.
enum ServerFrames {
    /// The payload of the frame at `start`, if there is one.
    static func next(in bytes: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
        guard start + 2 <= bytes.count else { return nil }
        var header = 2
        var length = Int(bytes[start + 1])
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            guard start + 2 + size <= bytes.count else { return nil }
            length = bytes[start + 2..<start + 2 + size].reduce(0) { $0 << 8 | Int($1) }
            header += size
        }
        guard start + header + length <= bytes.count else { return nil }
        return start + header..<start + header + length
    }
}
