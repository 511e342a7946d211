import BrokerCore
import BrokerWire
import Logging
import NIOCore

/// A client of the broker at the other end of a WebSocket: reads its messages as requests and hands them to the core.
///
/// It decides when the client has to wait for its answers. It lives on one event loop and is not `Sendable`.
final class ClientSession: MessageConsumer {
    static let acceptsBinary = false

    private let loop: LoopDriver
    private var session: HubSession?
    private var reader: MessageReader
    private let rates: RequestRates?
    private var login: ClientLogin
    /// What may be without an answer; asked about for every frame, so they stand here.
    private let messagesMax: Int
    private let bytesMax: Int

    init(loop: LoopDriver, access: ConnectionAccess, admission: Admission) {
        let configuration = loop.configuration
        self.loop = loop
        self.login = ClientLogin(access: access, admission)
        self.reader = MessageReader(limits: configuration.limits)
        self.messagesMax = configuration.limits.unacknowledgedMessages
        self.bytesMax = configuration.limits.unacknowledgedBytes
        self.rates = RequestRates(configuration, now: loop.eventLoop.now.uptimeNanoseconds)
    }

    var configuration: TransportConfiguration { self.loop.configuration }

    var now: UInt64 { self.loop.now().monotonic }

    var scratch: UnsafeMutableRawBufferPointer { self.loop.scratch.bytes }

    var mustWait: Bool {
        guard let session = self.session else { return false }
        return session.isHeld || self.login.isPending || self.loop.isFull
            || session.unacknowledgedMessages >= self.messagesMax || session.unacknowledgedBytes >= self.bytesMax
    }

    var clientAddress: String? { self.login.address }

    var isIdle: Bool { self.session?.unacknowledgedMessages == 0 }

    // MARK: Life cycle

    func opened(_ connection: WebSocketHandler<ClientSession>) {
        let session = self.loop.hub.open(connection)
        session.since = self.loop.now().wall
        self.session = session
        // Its handshake may have been before a reload that is over now.
        self.login.reconsider()
        switch self.login.identity {
        case nil: self.expectLogin()
        case .anonymous?: break
        case let identity?: self.loop.identified(session, as: identity, isRenewal: false)
        }
        let address = connection.peer?.address ?? ""
        self.loop.logger.debug("a client came", metadata: ["session": "\(session.id)", "address": "\(address)"])
        if self.loop.isDraining { connection.drain() }
    }

    func becameWritable() {
        guard let session = self.session else { return }
        self.loop.hub.connectionBecameWritable(session, at: self.now)
    }

    func accessChanged() {
        if self.login.reconsider() { self.expectLogin() }
    }

    func writeFarewell(into buffer: inout ByteBuffer) {
        buffer.writeBye(.restarting, afterMilliseconds: self.loop.configuration.restartMilliseconds)
    }

    func ended() {
        guard let session = self.session else { return }
        self.session = nil
        self.login.deadline?.cancel()
        let metadata: Logger.Metadata = ["session": "\(session.id)", "published": "\(session.published)"]
        self.loop.logger.debug("a client went", metadata: metadata)
        self.loop.closed(session)
    }

    // MARK: Messages

    func heard(bytes: Int) { self.loop.hub.counts.receivedBytes += UInt64(bytes) }

    func received(text message: UnsafeMutableRawBufferPointer) {
        guard let session = self.session else { return }
        do throws(MessageReader.Refusal) {
            let request = try self.reader.read(message, now: self.now)
            if let error = self.rates?.refusal(of: request, at: self.now) {
                return self.loop.refuse(error, UnsafeRawBufferPointer(message), from: session, isLast: false)
            }
            if request.operation == .hello {
                self.note(request.client, of: message)
                if !request.token.isEmpty { return self.logIn(request, message, session) }
            }
            self.login.hasSpoken = true
            guard !self.login.isOwed else { return self.endUnauthenticated() }
            if request.operation == .subscribe, Self.hasWildcards(request, message) { session.isHeld = true }
            self.loop.submit(request, UnsafeRawBufferPointer(message), from: session)
        } catch {
            self.loop.refuse(error.error, UnsafeRawBufferPointer(message), from: session, isLast: error.isLast)
        }
    }

    // MARK: Who it is

    /// Ends the connection unless it says in time who it is.
    private func expectLogin() {
        let time = self.loop.configuration.handshakeTimeout
        self.login.deadline = self.loop.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.endUnauthenticated()
        }
    }

    private func endUnauthenticated() {
        guard let session = self.session else { return }
        self.login.access.refusals.add(.credentials)
        self.loop.end(session, ConnectionAccess.unauthenticated)
    }

    /// Finds out who sends a `hello` with a token, and takes the request only then; the client waits for it.
    private func logIn(_ request: Request, _ message: UnsafeMutableRawBufferPointer, _ session: HubSession) {
        self.login.isPending = true
        let token = String(decoding: request.token.bytes(in: UnsafeRawBufferPointer(message)), as: UTF8.self)
        let bytes = Array(message)
        let (address, isKnown) = (self.login.address, self.login.isKnown)
        self.loop.eventLoop
            .makeFutureWithTask { [access = self.login.access] in
                await access.identity(of: Credentials(token: token), from: address, isKnown: isKnown)
            }
            .assumeIsolated()
            .whenSuccess { self.finishLogIn($0, request, bytes) }
    }

    private func finishLogIn(_ result: Result<Identity, AuthenticationFailure>, _ request: Request, _ message: [UInt8])
    {
        self.login.isPending = false
        guard let session = self.session else { return }
        switch result.flatMap({ self.login.accept($0) }) {
        case .failure(let failure) where failure.code == .forbidden:
            var error = RequestError(failure.code, failure.reason)
            error.id = request.id
            message.withUnsafeBytes { self.loop.refuse(error, $0, from: session, isLast: false) }
            session.connection?.answered()
        case .failure(let failure):
            self.loop.end(session, failure)
        case .success(let step):
            self.loop.identified(session, as: step.identity, isRenewal: step.isRenewal)
            message.withUnsafeBytes { self.loop.submit(request, $0, from: session) }
            session.connection?.answered()
        }
    }

    /// Keeps what the client says that it is, for whoever looks at the connections.
    private func note(_ client: ByteRange, of message: UnsafeMutableRawBufferPointer) {
        guard !client.isEmpty else { return }
        let bytes = client.bytes(in: UnsafeRawBufferPointer(message)).prefix(HubSession.clientBytesMax)
        self.session?.client = String(decoding: bytes, as: UTF8.self)
    }

    /// Never called: the protocol is text.
    func received(binary message: UnsafeMutableRawBufferPointer) {}

    /// A subscription with wildcards is answered in pages, and nothing may overtake it.
    private static func hasWildcards(_ request: Request, _ message: UnsafeMutableRawBufferPointer) -> Bool {
        request.topic.bytes(in: UnsafeRawBufferPointer(message)).contains {
            $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#")
        }
    }
}

@available(*, unavailable)
extension ClientSession: Sendable {}
