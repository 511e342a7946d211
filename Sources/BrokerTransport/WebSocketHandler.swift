import BrokerCore
import BrokerWire
import NIOCore

/// One WebSocket connection after its handshake: bytes in, frames out.
///
/// It carries out and decides little: what bytes mean is ``FrameParser``'s, ``MessageAssembler``'s and
/// ``MessageReader``'s business, what is sent to whom the hub's, when it is over ``CloseState``'s. It lives on one
/// event loop and is not `Sendable`.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let loop: LoopDriver
    private var session: HubSession?
    private var context: ChannelHandlerContext?
    private var writer: SocketWriter?
    private var parser: FrameParser
    private var assembler = MessageAssembler()
    private var reader: MessageReader
    private var liveness: Liveness
    private var rate: TokenBucket?
    private(set) var closing = CloseState()
    /// Bytes that were received and not parsed: the start of a header, or everything while requests have to wait.
    private var unparsed = ByteBuffer()
    /// NIO has asked to read while requests had to wait.
    private var hasSwallowedRead = false

    init(loop: LoopDriver) {
        let configuration = loop.configuration
        let wire = configuration.limits.wire
        self.loop = loop
        self.parser = FrameParser(
            from: .client,
            messageBytesMax: wire.messageBytesMax,
            fragmentsMax: wire.fragmentsMax
        )
        self.reader = MessageReader(limits: configuration.limits)
        self.liveness = Liveness(
            pingInterval: UInt64(configuration.pingInterval.nanoseconds),
            pongTimeout: UInt64(configuration.pongTimeout.nanoseconds),
            frameTimeout: UInt64(configuration.frameTimeout.nanoseconds),
            now: loop.eventLoop.now.uptimeNanoseconds
        )
        if configuration.publishesPerSecond > 0 {
            self.rate = TokenBucket(
                perSecond: configuration.publishesPerSecond,
                burst: configuration.publishBurst > 0
                    ? configuration.publishBurst : configuration.publishesPerSecond,
                now: loop.eventLoop.now.uptimeNanoseconds
            )
        }
    }

    // MARK: Life cycle

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.writer = SocketWriter(channel: context.channel)
        self.session = self.loop.hub.open(self)
        if self.loop.isDraining { self.drain() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func end() {
        _ = self.closing.receivedEnd()
        guard let session = self.session else { return }
        self.session = nil
        self.loop.closed(session)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset or a broken pipe: there is nobody left to tell.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            self.carryOut(self.closing.receivedEnd())
        case is ChannelShouldQuiesceEvent:
            self.drain()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        if self.unparsed.readableBytes > 0 {
            self.unparsed.writeBuffer(&buffer)
            buffer = self.unparsed
            self.unparsed = ByteBuffer()
        }
        self.parse(buffer)
    }

    /// Requests wait while this is so: bytes are kept, and none are read.
    private var mustWait: Bool {
        guard self.closing.takesRequests, let session = self.session else { return false }
        let limits = self.loop.configuration.limits
        return session.isHeld || self.writer?.isWaiting == true || self.loop.isFull
            || session.unacknowledgedMessages >= limits.unacknowledgedMessages
            || session.unacknowledgedBytes >= limits.unacknowledgedBytes
    }

    func read(context: ChannelHandlerContext) {
        if self.mustWait {
            self.hasSwallowedRead = true
        } else {
            context.read()
        }
    }

    private func parse(_ buffer: ByteBuffer) {
        var index = 0
        buffer.withUnsafeReadableBytes { bytes in
            while index < bytes.count, self.closing.maySend || self.isWaitingForClose, !self.mustWait {
                do throws(FrameViolation) {
                    let event = try self.parser.next(in: bytes, at: &index)
                    guard case .chunk(let chunk) = event else { return }
                    if chunk.endsFrame { self.liveness.frameEnded() }
                    let assembled = try self.assembler.accept(chunk, in: bytes, scratch: self.loop.scratch.bytes)
                    self.handle(assembled)
                } catch {
                    self.close(error.code, reason: error.reason)
                    // What follows a broken frame can not be told apart; it is thrown away.
                    index = bytes.count
                }
            }
        }
        if index < buffer.readableBytes, !self.closing.isOver {
            let rest = buffer.getSlice(at: buffer.readerIndex + index, length: buffer.readableBytes - index)
            // Few bytes are copied, so that they do not keep a whole receive buffer alive.
            let isShort = buffer.readableBytes - index <= FrameParser.headerBytesMax
            self.unparsed = rest.map { isShort ? ByteBuffer(bytes: $0.readableBytesView) : $0 } ?? ByteBuffer()
        }
        let isInside = self.parser.isInsideFrame || (self.unparsed.readableBytes > 0 && !self.mustWait)
        self.liveness.heard(at: self.loop.now().monotonic, isInsideFrame: isInside)
    }

    /// Whether the client's Close is still of interest.
    private var isWaitingForClose: Bool {
        if case .closing = self.closing.phase { return true }
        return false
    }

    private func handle(_ assembled: Assembled) {
        switch assembled {
        case .text(let message):
            self.handle(message)
        case .ping(let payload):
            guard self.closing.maySend else { return }
            var pong = ByteBuffer()
            payload.withUnsafeBytes { pong.writeFrame(.pong, $0) }
            self.send(pong)
        case .close(let code):
            let deadline = self.deadline(self.loop.configuration.closeTimeout)
            self.carryOut(self.closing.receivedClose(code, deadline: deadline))
        case .nothing, .pong, .binary:
            break
        }
    }

    private func handle(_ message: UnsafeMutableRawBufferPointer) {
        guard self.closing.takesRequests, let session = self.session else { return }
        switch self.reader.read(message, now: self.loop.now().monotonic) {
        case .request(let request):
            if let error = self.rateRefusal(request) {
                return self.loop.refuse(error, UnsafeRawBufferPointer(message), from: session, isLast: false)
            }
            if request.operation == .subscribe, Self.hasWildcards(request, message) { session.isHeld = true }
            self.loop.submit(request, UnsafeRawBufferPointer(message), from: session)
        case .refusal(let error, let isLast):
            self.loop.refuse(error, UnsafeRawBufferPointer(message), from: session, isLast: isLast)
        }
    }

    private func rateRefusal(_ request: Request) -> RequestError? {
        guard request.operation == .publish || request.operation == .plain,
            let milliseconds = self.rate?.take(at: self.loop.now().monotonic)
        else { return nil }
        let most = self.loop.configuration.publishesPerSecond
        var error = RequestError(.rateLimited, "at most \(most) publishes a second (limits.publishesPerSecond)")
        error.id = request.id
        if request.id.isEmpty { error.topic = request.topic }
        error.afterMilliseconds = milliseconds
        return error
    }

    /// A subscription with wildcards is answered in pages, and nothing may overtake it.
    private static func hasWildcards(_ request: Request, _ message: UnsafeMutableRawBufferPointer) -> Bool {
        request.topic.bytes(in: UnsafeRawBufferPointer(message)).contains {
            $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#")
        }
    }

    // MARK: Ending

    private func deadline(_ timeout: TimeAmount) -> UInt64 {
        self.loop.now().monotonic + UInt64(timeout.nanoseconds)
    }

    private func carryOut(_ action: CloseState.Action, reason: String = "") {
        switch action {
        case .none:
            break
        case .sendClose(let code):
            var frame = ByteBuffer()
            frame.writeClose(code, reason: reason)
            self.send(frame)
            self.unparsed = ByteBuffer()
            // NIO shuts the write side after what waits there is sent.
            self.context?.close(mode: .output, promise: nil)
            self.resumeReading()
        case .cut:
            self.context?.close(promise: nil)
        }
    }

    private func finishDraining() {
        guard self.closing.phase == .draining, let session = self.session, session.unacknowledgedMessages == 0 else {
            return
        }
        var bye = ByteBuffer()
        bye.writeBye(.restarting, afterMilliseconds: self.loop.configuration.restartMilliseconds)
        self.send(bye)
        let deadline = self.deadline(self.loop.configuration.stopTimeout)
        self.carryOut(self.closing.close(.serviceRestart, deadline: deadline), reason: "restarting")
    }

    private func resumeReading() {
        if self.unparsed.readableBytes > 0, !self.mustWait {
            let buffer = self.unparsed
            self.unparsed = ByteBuffer()
            self.parse(buffer)
        }
        guard self.hasSwallowedRead, !self.mustWait else { return }
        self.hasSwallowedRead = false
        self.context?.read()
    }

    private func send(_ frame: ByteBuffer) {
        frame.withUnsafeReadableBytes { self.write($0) }
    }
}

// MARK: - What the hub asks for

extension WebSocketHandler: SessionConnection {
    var isWritable: Bool { self.writer?.isWaiting == false && self.closing.maySend }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard let context = self.context, let rest = self.writer?.send(bytes, on: context.channel) else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { self.wroteEverything() }
        context.writeAndFlush(self.wrapOutboundOut(rest), promise: written)
    }

    private func wroteEverything() {
        self.writer?.finished()
        guard let session = self.session else { return }
        self.loop.hub.connectionBecameWritable(session, at: self.loop.now().monotonic)
        self.resumeReading()
    }

    func answered() {
        self.finishDraining()
        if self.hasSwallowedRead || self.unparsed.readableBytes > 0 { self.resumeReading() }
    }

    func secondPassed(_ now: UInt64) {
        self.carryOut(self.closing.timePassed(to: now))
        guard self.closing.maySend else { return }
        switch self.liveness.timePassed(to: now, isReading: !self.mustWait) {
        case .none:
            break
        case .ping:
            var ping = ByteBuffer()
            ping.writeFrame(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
            self.send(ping)
        case .giveUp:
            self.close(CloseCode(.idle), reason: "no answer to a ping")
        case .frameTimedOut:
            self.close(.policy, reason: "a frame took too long (limits.frameTimeout)")
        }
    }

    func drain() {
        self.closing.drain()
        self.finishDraining()
    }

    func close(_ code: CloseCode, reason: String) {
        let deadline = self.deadline(self.loop.configuration.closeTimeout)
        self.carryOut(self.closing.close(code, deadline: deadline), reason: reason)
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
