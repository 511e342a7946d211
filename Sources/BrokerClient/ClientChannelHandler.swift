import BrokerWire
import Logging
import NIOCore
import NIOSSL

/// What a connection tells its client, all on the event loop.
protocol ConnectionDelegate: AnyObject {
    /// The handshake succeeded, and requests can be written.
    func connectionOpened(_ connection: ClientChannelHandler)
    /// A text message arrived; it may be changed and is valid until the call returns.
    func connection(
        _ connection: ClientChannelHandler,
        received message: UnsafeMutableRawBufferPointer
    )
        throws(FrameViolation)
    /// Nothing more has arrived for now.
    func connectionReadCompleted(_ connection: ClientChannelHandler)
    /// The connection is gone; this is the last call.
    func connectionEnded(_ connection: ClientChannelHandler, _ error: ClientError)
}

/// One WebSocket connection to the broker: the handshake, frames, pings, silence and the way to close.
///
/// The handler lives on one event loop and is deliberately not `Sendable`. It knows nothing of requests and answers:
/// those are its delegate's.
final class ClientChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case handshake(Handshake)
        case open
        /// A Close frame was sent, and the broker's answer is awaited.
        case closing
        case ended
    }

    struct Timeouts {
        /// When the handshake, and the welcome that follows it, has to be over.
        var connectDeadline: NIODeadline
        var idle: TimeAmount
        /// Absent: the broker is never asked whether it is there.
        var keepAlive: TimeAmount?
        var close: TimeAmount
    }

    private let configuration: ClientConfiguration
    private let fields: [HeaderField]
    private let timeouts: Timeouts
    private var phase: Phase
    private var reader: MessageReader
    private var encoder = RequestEncoder()
    private var context: ChannelHandlerContext?
    /// Broken when the connection ends, because the delegate holds its connection.
    private var delegate: (any ConnectionDelegate)?
    /// Why the connection is about to end, where that is known before it does.
    private var failure: ClientError?
    /// What silence comes to, once the broker said welcome.
    private var silence: SilenceWatch?
    private var hasBegun = false
    private var isReadHeld = false
    private var deadline: NIODeadline
    private var timer: Scheduled<Void>?

    /// Whether the socket is left alone, so that the broker notices that this program is behind.
    private(set) var isReadingPaused = false

    /// - `fields`: What the request of the handshake has besides its own fields.
    init(
        configuration: ClientConfiguration,
        fields: [HeaderField] = [],
        key: HandshakeKey,
        timeouts: Timeouts,
        delegate: any ConnectionDelegate
    ) {
        self.configuration = configuration
        self.fields = fields
        self.timeouts = timeouts
        self.deadline = timeouts.connectDeadline
        self.phase = .handshake(Handshake(key: key, isSecure: configuration.address.isSecure))
        self.reader = MessageReader(from: .server, messageBytesMax: configuration.receivedBytesMax)
        self.delegate = delegate
    }

    // MARK: The delegate's side

    /// Writes finished frames and flushes them.
    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context = self.context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(self.wrapOutboundOut(frames), promise: promise)
    }

    /// The broker said welcome: from now on only silence ends the connection.
    func welcomed() {
        guard let context = self.context else { return }
        let now = context.eventLoop.now
        self.silence = SilenceWatch(idle: self.timeouts.idle, keepAlive: self.timeouts.keepAlive, at: now)
        self.scheduleTimer(context.eventLoop)
    }

    /// Stops reading the socket, or goes on.
    func setReadingPaused(_ isPaused: Bool) {
        guard isPaused != self.isReadingPaused else { return }
        // The broker's answer to a Close frame has to be read in any case.
        if isPaused, case .closing = self.phase { return }
        self.isReadingPaused = isPaused
        guard !isPaused, let context = self.context else { return }
        // While nothing was read, silence was this side's.
        self.silence?.received(at: context.eventLoop.now)
        if self.isReadHeld {
            self.isReadHeld = false
            context.read()
        }
    }

    /// Says goodbye; the connection ends when the broker answers, or does not for too long.
    func close() {
        guard let context = self.context else { return }
        guard case .open = self.phase else { return self.endNow() }
        self.setReadingPaused(false)
        self.phase = .closing
        self.writeClose(.normal)
        self.deadline = context.eventLoop.now + self.timeouts.close
        self.scheduleTimer(context.eventLoop)
    }

    /// Ends the connection for `error`.
    func abort(_ error: ClientError, code: CloseCode? = nil) {
        if self.failure == nil { self.failure = error }
        if let code, case .open = self.phase { self.writeClose(code) }
        self.endNow()
    }

    /// Closes the channel, and takes it for gone: TLS may wait a second for the other side, and what is written then
    /// does not arrive.
    private func endNow() {
        self.context?.close(promise: nil)
        self.ended()
    }

    private func writeClose(_ code: CloseCode) {
        var buffer = ByteBuffer()
        self.encoder.writeClose(code, to: &buffer)
        self.write(buffer)
    }

    // MARK: The channel's side

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.failure == nil { self.failure = self.failure(for: error, context) }
        context.close(promise: nil)
    }

    func read(context: ChannelHandlerContext) {
        if self.isReadingPaused {
            self.isReadHeld = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.silence?.received(at: context.eventLoop.now)
        switch self.phase {
        case .handshake(let handshake): self.readHandshake(handshake, buffer)
        case .open, .closing: self.readFrames(buffer)
        case .ended: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.delegate?.connectionReadCompleted(self)
        context.fireChannelReadComplete()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !self.hasBegun, case .handshake(let handshake) = self.phase else { return }
        self.hasBegun = true
        self.write(ByteBuffer(bytes: handshake.request(to: self.configuration.address, fields: self.fields)))
        self.scheduleTimer(context.eventLoop)
    }

    private func readHandshake(_ handshake: Handshake, _ buffer: ByteBuffer) {
        var handshake = handshake
        do throws(ClientError) {
            let progress = try handshake.accept(Array(buffer.readableBytesView))
            guard case .accepted(let consumed) = progress else {
                self.phase = .handshake(handshake)
                return
            }
            self.phase = .open
            self.delegate?.connectionOpened(self)
            var rest = buffer
            rest.moveReaderIndex(forwardBy: consumed)
            if rest.readableBytes > 0 { self.readFrames(rest) }
        } catch {
            self.abort(error)
        }
    }

    private func readFrames(_ buffer: ByteBuffer) {
        do throws(FrameViolation) {
            try self.reader.read(buffer) { assembled throws(FrameViolation) in try self.accept(assembled) }
        } catch {
            self.abort(
                ClientError(.protocolViolation, "the broker broke the protocol: \(error.reason)"),
                code: error.code
            )
        }
    }

    /// Takes one message; returns whether the next one is still wanted.
    private func accept(_ assembled: Assembled) throws(FrameViolation) -> Bool {
        switch assembled {
        case .text(let message):
            try self.delegate?.connection(self, received: message)
        case .ping(let payload):
            var buffer = ByteBuffer()
            self.encoder.writePong(payload, to: &buffer)
            self.write(buffer)
        case .close(let code):
            self.receivedClose(code)
            return false
        case .binary, .pong, .nothing:
            break
        }
        if case .ended = self.phase { return false }
        return true
    }

    private func receivedClose(_ code: CloseCode?) {
        if self.failure == nil { self.failure = Self.error(closedWith: code) }
        if case .open = self.phase { self.writeClose(code ?? .normal) }
        self.endNow()
    }

    private static func error(closedWith code: CloseCode?) -> ClientError {
        guard let code else { return ClientError(.connectionLost, "the broker closed the connection") }
        let name = ErrorCode(rawValue: code.rawValue).map { " (\($0.name))" } ?? ""
        return ClientError(
            .closedByBroker,
            "the broker closed the connection with \(code.rawValue)\(name)",
            brokerCode: code.rawValue
        )
    }

    private func ended() {
        guard let delegate = self.delegate else { return }
        self.delegate = nil
        self.timer?.cancel()
        self.timer = nil
        var error = ClientError(.connectionLost, "the connection was lost")
        if case .handshake(let handshake) = self.phase { error = handshake.ended() }
        self.phase = .ended
        delegate.connectionEnded(self, self.failure ?? error)
    }
}

extension ClientChannelHandler {
    /// Only the deadlines move when something arrives; the timer stays where it is and finds out.
    private func timerFired(_ eventLoop: any EventLoop) {
        self.timer = nil
        guard self.delegate != nil else { return }
        let now = eventLoop.now
        if case .open = self.phase, self.silence != nil { return self.checkSilence(at: now, eventLoop) }
        guard now >= self.deadline else { return self.scheduleTimer(eventLoop) }
        switch self.phase {
        case .handshake, .open:
            self.abort(ClientError(.cannotConnect, "the broker did not answer in time"))
        case .closing, .ended:
            self.endNow()
        }
    }

    private func checkSilence(at now: NIODeadline, _ eventLoop: any EventLoop) {
        // Who does not read can not know whether somebody speaks.
        if self.isReadingPaused { self.silence?.received(at: now) }
        switch self.silence?.timePassed(to: now) {
        case .giveUp:
            return self.abort(ClientError(.connectionLost, "the broker was silent for too long"))
        case .ping:
            self.configuration.logger.debug("asking whether the broker is there")
            var buffer = ByteBuffer()
            self.encoder.writeKeepAlive(to: &buffer)
            self.write(buffer)
        case .wait, nil:
            break
        }
        self.scheduleTimer(eventLoop)
    }

    private func scheduleTimer(_ eventLoop: any EventLoop) {
        var deadline = self.deadline
        if case .open = self.phase, let silence = self.silence { deadline = silence.deadline }
        self.timer?.cancel()
        self.timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timerFired(eventLoop)
        }
    }

    // MARK: TLS

    /// The version of TLS that is spoken; absent without TLS.
    var tlsVersion: TLSVersion? {
        guard let pipeline = self.context?.pipeline.syncOperations else { return nil }
        return try? pipeline.nioSSL_tlsVersion()
    }

    /// What `error` means for the client; `nil` where it says no more than that the connection is gone.
    private func failure(for error: any Error, _ context: ChannelHandlerContext) -> ClientError? {
        // Every end without TLS's own goodbye, of which a WebSocket needs none: it has one itself.
        if case NIOSSLError.uncleanShutdown = error { return nil }
        let (address, tls) = (self.configuration.address, self.configuration.tls)
        let failure = TLSFailure(
            name: tls.serverName ?? address.host,
            showsCertificate: tls.certificateFile != nil,
            certificate: address.isSecure ? try? context.pipeline.syncOperations.nioSSL_peerCertificate() : nil
        )
        let reason = failure.reason(error) ?? ConnectFailure.reason(error)
        guard case .handshake = self.phase else {
            return ClientError(.connectionLost, "the connection broke: \(reason)")
        }
        let hint = address.isSecure ? failure.hint(error) : ""
        return ClientError(.cannotConnect, "cannot connect to \(address): \(reason)\(hint)")
    }
}

@available(*, unavailable)
extension ClientChannelHandler: Sendable {}
