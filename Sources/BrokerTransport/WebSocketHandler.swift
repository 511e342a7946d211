package import BrokerCore
package import BrokerWire
package import NIOCore

/// One WebSocket connection after its handshake: bytes in, frames out.
///
/// It carries out and decides little: what bytes mean is ``FrameParser``'s and ``MessageAssembler``'s business, what
/// messages mean its consumer's, when it is over ``CloseState``'s. It lives on one event loop and is not `Sendable`.
package final class WebSocketHandler<Consumer: MessageConsumer>: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let consumer: Consumer
    private var context: ChannelHandlerContext?
    /// `nil` with TLS, behind which a ``CiphertextHandler`` sends, and says when the socket is full.
    private var writer: SocketWriter?
    private var isSocketFull = false
    private var parser: FrameParser
    private var assembler: MessageAssembler
    private var liveness: Liveness
    private(set) var closing = CloseState()
    /// Bytes that were received and not parsed: the start of a header, or everything while messages have to wait.
    private var unparsed = ByteBuffer()
    /// NIO has asked to read while messages had to wait.
    private var hasSwallowedRead = false
    /// Bytes are being handed to NIO.
    private var isWriting = false

    package init(consumer: Consumer) {
        let configuration = consumer.configuration
        let wire = configuration.limits.wire
        self.consumer = consumer
        self.parser = FrameParser(
            from: .client,
            messageBytesMax: wire.messageBytesMax,
            fragmentsMax: wire.fragmentsMax
        )
        self.assembler = MessageAssembler(acceptsBinary: Consumer.acceptsBinary)
        self.liveness = Liveness(
            pingInterval: UInt64(configuration.pingInterval.nanoseconds),
            pongTimeout: UInt64(configuration.pongTimeout.nanoseconds),
            frameTimeout: UInt64(configuration.frameTimeout.nanoseconds),
            now: consumer.now
        )
    }

    // MARK: Life cycle

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        do {
            // The channel would give its descriptor with TLS too, and everything would go over the network as it is.
            let isSecure = try CiphertextHandler.add(to: context.pipeline.syncOperations)
            if !isSecure { self.writer = SocketWriter(channel: context.channel) }
        } catch {
            context.close(promise: nil)
        }
        self.consumer.opened(self)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func end() {
        _ = self.closing.receivedEnd()
        self.consumer.ended()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset or a broken pipe: there is nobody left to tell.
        context.close(promise: nil)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            self.carryOut(self.closing.receivedEnd())
        case is ChannelShouldQuiesceEvent:
            self.drain()
        case let event as SocketEvent:
            self.isSocketFull = event == .full
            if event == .free { self.wroteEverything() }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Reading

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.consumer.heard(bytes: buffer.readableBytes)
        if self.unparsed.readableBytes > 0 {
            self.unparsed.writeBuffer(&buffer)
            buffer = self.unparsed
            self.unparsed = ByteBuffer()
        }
        self.parse(buffer)
    }

    /// Messages wait while this is so: bytes are kept, and none are read.
    private var mustWait: Bool {
        self.closing.takesRequests && (self.isWaiting || self.consumer.mustWait)
    }

    /// Whether something that was written waits for the socket.
    private var isWaiting: Bool { self.isSocketFull || self.writer?.isWaiting == true }

    package func read(context: ChannelHandlerContext) {
        if self.mustWait {
            self.hasSwallowedRead = true
        } else {
            context.read()
        }
    }

    private func parse(_ buffer: ByteBuffer) {
        var index = 0
        // Answered together, so that a flood of pings costs one system call for each read.
        var pongs = ByteBuffer()
        buffer.withUnsafeReadableBytes { bytes in
            while index < bytes.count, self.closing.maySend || self.isWaitingForClose, !self.mustWait {
                do throws(FrameViolation) {
                    let event = try self.parser.next(in: bytes, at: &index)
                    guard case .chunk(let chunk) = event else { return }
                    if chunk.endsFrame { self.liveness.frameEnded() }
                    let assembled = try self.assembler.accept(chunk, in: bytes, scratch: self.consumer.scratch)
                    self.handle(assembled, pongs: &pongs)
                } catch {
                    self.send(&pongs)
                    self.close(error.code, reason: error.reason)
                    // What follows a broken frame can not be told apart; it is thrown away.
                    index = bytes.count
                }
            }
        }
        self.send(&pongs)
        if index < buffer.readableBytes, !self.closing.isOver {
            let rest = buffer.getSlice(at: buffer.readerIndex + index, length: buffer.readableBytes - index)
            // Few bytes are copied, so that they do not keep a whole receive buffer alive.
            let isShort = buffer.readableBytes - index <= FrameParser.headerBytesMax
            self.unparsed = rest.map { isShort ? ByteBuffer(bytes: $0.readableBytesView) : $0 } ?? ByteBuffer()
        }
        let isInside = self.parser.isInsideFrame || (self.unparsed.readableBytes > 0 && !self.mustWait)
        self.liveness.heard(at: self.consumer.now, isInsideFrame: isInside)
    }

    /// Whether the client's Close is still of interest.
    private var isWaitingForClose: Bool {
        if case .closing = self.closing.phase { return true }
        return false
    }

    private func handle(_ assembled: Assembled, pongs: inout ByteBuffer) {
        switch assembled {
        case .text(let message):
            // A pong comes before the answer to what came behind its ping.
            self.send(&pongs)
            if self.closing.takesRequests { self.consumer.received(text: message) }
        case .binary(let message):
            self.send(&pongs)
            if self.closing.takesRequests { self.consumer.received(binary: message) }
        case .ping(let payload):
            guard self.closing.maySend else { return }
            payload.withUnsafeBytes { pongs.writeFrame(.pong, $0) }
        case .close(let code):
            self.send(&pongs)
            let deadline = self.deadline(self.consumer.configuration.closeTimeout)
            self.carryOut(self.closing.receivedClose(code, deadline: deadline))
        case .nothing, .pong:
            break
        }
    }

    // MARK: Ending

    private func deadline(_ timeout: TimeAmount) -> UInt64 {
        self.consumer.now + UInt64(timeout.nanoseconds)
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
        guard self.closing.phase == .draining, self.consumer.isIdle else { return }
        var bye = ByteBuffer()
        self.consumer.writeFarewell(into: &bye)
        self.send(bye)
        let deadline = self.deadline(self.consumer.configuration.stopTimeout)
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

    /// Sends what has gathered, if anything has.
    private func send(_ frames: inout ByteBuffer) {
        guard frames.readableBytes > 0 else { return }
        self.send(frames)
        frames.clear()
    }

    private func send(_ frame: ByteBuffer) {
        frame.withUnsafeReadableBytes { self.write($0) }
    }
}

// MARK: - What the hub asks for

extension WebSocketHandler: SessionConnection {
    package var peer: PeerDescription? {
        self.context.map { PeerDescription($0.channel, from: self.consumer.clientAddress) }
            ?? PeerDescription(address: "")
    }

    package var isWritable: Bool { !self.isWaiting && self.closing.maySend }

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard let context = self.context else { return }
        guard self.writer != nil else { return self.passOn(bytes, context, promise: nil) }
        guard let left = self.writer?.send(bytes, on: context.channel) else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess {
            self.writer?.finished()
            self.wroteEverything()
        }
        self.passOn(UnsafeRawBufferPointer(rebasing: bytes.suffix(left)), context, promise: written)
    }

    private func passOn(
        _ bytes: UnsafeRawBufferPointer,
        _ context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>?
    ) {
        self.isWriting = true
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: promise)
        self.isWriting = false
    }

    private func wroteEverything() {
        // What the socket takes at once after all is no news: nobody has waited for it.
        guard !self.isWriting else { return }
        self.consumer.becameWritable()
        self.resumeReading()
    }

    package func answered() {
        self.finishDraining()
        if self.hasSwallowedRead || self.unparsed.readableBytes > 0 { self.resumeReading() }
    }

    package func secondPassed(_ now: UInt64) {
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

    package func accessChanged() { self.consumer.accessChanged() }

    package func drain() {
        self.closing.drain()
        self.finishDraining()
    }

    package func close(_ code: CloseCode, reason: String) {
        let deadline = self.deadline(self.consumer.configuration.closeTimeout)
        self.carryOut(self.closing.close(code, deadline: deadline), reason: reason)
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
