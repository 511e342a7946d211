import NIOCore

/// Watches the time of a connection that is not a WebSocket: of each request until it is complete, and again from the
/// last answer to its end.
///
/// It sits in front of everything and counts from the accept on, so neither silence nor one byte a second keeps a
/// connection, whether the request is answered before its end or not. It is taken out when a WebSocket is open; between
/// the requests of plain HTTP the idle time-out takes over. After the last answer it throws away what still comes and
/// cuts a client that does not go: closing at once would take the answer from it, because a socket that is closed with
/// unread bytes is reset.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let handshakeTimeout: TimeAmount
    private let closeTimeout: TimeAmount
    private var scheduled: Scheduled<Void>?
    private var isClosing = false
    /// Why this client is not served whatever it asks, if it came past a limit.
    var refusal: WebSocketUpgrade.Refusal?
    /// What its handshake has shown of the client.
    var admission: Admission
    /// How many bytes of the current request's first line have come.
    private(set) var requestLineBytes = 0
    private var isInRequestLine = true
    /// Whether a request is on its way, of which the end has not come; the first one is from the accept on.
    private var isInRequest = true
    /// How many answers are owed; less than none while a request is not over that was answered already.
    private var owedAnswers = 0
    /// Whether a request that has come whole has not been answered whole.
    var owesAnswer: Bool { self.owedAnswers > 0 }

    /// - Parameters:
    ///   - handshakeTimeout: From the accept, and later from the first byte of a request, to the request's end.
    ///   - closeTimeout: From the last answer to the client's end.
    ///   - address: Where the client comes from, without the port.
    init(handshakeTimeout: TimeAmount, closeTimeout: TimeAmount, address: String) {
        self.admission = Admission(address: address)
        self.handshakeTimeout = handshakeTimeout
        self.closeTimeout = closeTimeout
    }

    func handlerAdded(context: ChannelHandlerContext) { self.cut(context, in: self.handshakeTimeout) }

    func handlerRemoved(context: ChannelHandlerContext) { self.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    /// While the broker stops, nobody who has asked nothing is waited for.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, self.scheduled != nil { context.close(promise: nil) }
        if self.isClosing, let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosing else { return }
        if !self.isInRequest {
            self.isInRequest = true
            // While an answer is on its way, nobody reads what comes behind it.
            if self.owedAnswers <= 0 { self.cut(context, in: self.handshakeTimeout) }
        }
        if self.isInRequestLine {
            let bytes = self.unwrapInboundIn(data).readableBytesView
            let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
            self.requestLineBytes += (end ?? bytes.endIndex) - bytes.startIndex
            self.isInRequestLine = end == nil
        }
        context.fireChannelRead(data)
    }

    /// The current request has ended, and another one may follow.
    func requestEnded() {
        self.isInRequestLine = true
        self.requestLineBytes = 0
        self.isInRequest = false
        self.owedAnswers += 1
        // It is for the broker now to answer, and some answers take their time.
        if !self.isClosing { self.cancel() }
    }

    /// An answer has been written whole.
    func answerEnded(context: ChannelHandlerContext) {
        self.owedAnswers -= 1
        if self.isInRequest, self.owedAnswers == 0, !self.isClosing { self.cut(context, in: self.handshakeTimeout) }
    }

    /// Nothing more is said: the client has to go, once it has all that was said.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        self.isClosing = true
        self.cancel()
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenComplete { _ in
            if context.channel.isActive { self.cut(context, in: self.closeTimeout) }
        }
        closed.futureResult.cascade(to: promise)
        context.close(mode: .output, promise: closed)
    }

    private func cut(_ context: ChannelHandlerContext, in time: TimeAmount) {
        self.cancel()
        self.scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    private func cancel() {
        self.scheduled?.cancel()
        self.scheduled = nil
    }
}
