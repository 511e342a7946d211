import BrokerCore
import BrokerWire
import HTTPTypes
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL

/// One port for both: requests that open a WebSocket become connections of the broker, all others go to the router.
///
/// Hummingbird's own server accepts, limits and quiesces; this type only says what an accepted channel is made of.
package struct UpgradeChannel: HTTPChannelHandler {
    package typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// What became of a connection.
    package enum Outcome: Sendable {
        case webSocket
        case http(HTTPChannel)
    }

    package struct Value: ServerChildChannelValue {
        let outcome: EventLoopFuture<Outcome>
        package let channel: any Channel
    }

    package let responder: HTTPChannelHandler.Responder
    private let configuration: TransportConfiguration
    private let gate: ConnectionGate
    private let access: ConnectionAccess
    private let tls: ServerTLS?
    private let upgrader: WebSocketUpgrader

    /// The broker's: a WebSocket is a client of the core that `loops` drive.
    ///
    /// - `tls`: What connections speak TLS with; `nil` for none.
    package init(responder: @escaping HTTPChannelHandler.Responder, loops: EventLoops, tls: ServerTLS?) {
        self.init(
            responder: responder,
            configuration: loops.configuration,
            gate: loops.gate,
            access: loops.access,
            tls: tls
        ) { channel, admission in
            let session = ClientSession(
                loop: loops.driver(of: channel.eventLoop),
                access: loops.access,
                admission: admission
            )
            try channel.pipeline.syncOperations.addHandler(WebSocketHandler(consumer: session))
        }
    }

    /// - `serve`: Adds the handlers that serve a WebSocket to its channel; called on its event loop, with what
    ///   its handshake has shown.
    package init(
        responder: @escaping HTTPChannelHandler.Responder,
        configuration: TransportConfiguration,
        gate: ConnectionGate,
        access: ConnectionAccess,
        tls: ServerTLS? = nil,
        serve: @escaping @Sendable (any Channel, Admission) throws -> Void
    ) {
        self.responder = responder
        self.configuration = configuration
        self.gate = gate
        self.access = access
        self.tls = tls
        self.upgrader = WebSocketUpgrader(access: access, gate: gate, isSecure: tls != nil, serve: serve)
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // Before anything is read: a small buffer to begin with, because most connections only ever say little,
            // and no more unsent bytes in the kernel than it needs, so that old totals do not queue up there.
            let options = channel.syncOptions
            try options?.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)
            )
            #if os(Linux)
            try? options?.setOption(Self.tcpNotSentLowWatermark, value: Self.unsentBytesMax)
            try? options?.setOption(Self.tcpUserTimeout, value: self.stallMilliseconds)
            #endif
            let connection = ConnectionGuard(
                handshakeTimeout: self.configuration.handshakeTimeout,
                closeTimeout: self.configuration.closeTimeout,
                address: ConnectionGate.address(of: channel)
            )
            connection.refusal = self.admit(channel)
            let operations = channel.pipeline.syncOperations
            // Of one certificate from here on, whatever is exchanged meanwhile.
            let tls = self.tls?.now
            // In front of the guard, which looks at plain bytes; its time begins now and so covers this handshake too.
            if let tls {
                try operations.addHandler(NIOSSLServerHandler(context: tls.clients))
                let address = connection.admission.address
                try operations.addHandler(HandshakeFailureHandler(access: self.access, address: address))
            }
            try operations.addHandler(connection)
            if let authorities = tls?.clientAuthorities {
                try operations.addHandler(
                    ClientCertificateHandler(
                        connection: connection,
                        authorities: authorities,
                        refusals: self.access.refusals
                    )
                )
            }
            let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Outcome>(
                upgraders: [self.upgrader],
                notUpgradingCompletionHandler: { channel in self.configureHTTP(channel, logger) }
            )
            var pipeline = NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: upgrade)
            pipeline.enablePipelining = false
            pipeline.enableErrorHandling = false
            pipeline.decoderConfiguration.maxHeaderListSize = self.configuration.headerBytes
            pipeline.decoderConfiguration.maxHeaderFieldSize = self.configuration.headerBytes
            pipeline.decoderConfiguration.maxHeaderFieldCount = self.configuration.headerFields
            let outcome = try operations.configureUpgradableHTTPServerPipeline(configuration: pipeline)
            let decoder = try operations.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try operations.addHandler(
                RequestErrorHandler(connection: connection, headerBytesMax: self.configuration.headerBytes),
                position: .after(decoder.handler)
            )
            return Value(outcome: outcome, channel: channel)
        }
    }

    #if os(Linux)
    /// `TCP_NOTSENT_LOWAT`, which Swift's Glibc does not name.
    private static let tcpNotSentLowWatermark = ChannelOptions.Types.SocketOption(
        level: .tcp,
        name: NIOBSDSocket.Option(rawValue: 25)
    )
    /// `TCP_USER_TIMEOUT`: how long the peer may take none of what waits for it before the kernel gives it up.
    private static let tcpUserTimeout = ChannelOptions.Types.SocketOption(
        level: .tcp,
        name: NIOBSDSocket.Option(rawValue: 18)
    )
    /// While bytes wait for a client it is not read, so no ping tells whether it lives: it gets as long as a silent
    /// one.
    private var stallMilliseconds: Int {
        let time = self.configuration.pingInterval + self.configuration.pongTimeout
        return Int(time.nanoseconds / 1_000_000)
    }
    /// Two of the largest messages: enough to keep the wire busy while the next write is prepared.
    private static let unsentBytesMax = 128 * 1024
    #endif

    /// Counts the connection until it is gone, or says why there is no room for it.
    private func admit(_ channel: any Channel) -> WebSocketUpgrade.Refusal? {
        let address = ConnectionGate.address(of: channel)
        // Whom a proxy speaks for, its requests say.
        let isProxy = self.access.policy.proxies.isProxy(address)
        let verdict = self.gate.enter(isProxy ? nil : address, until: channel.closeFuture)
        return WebSocketUpgrade.Refusal(verdict, countedIn: self.access.refusals)
    }

    private func configureHTTP(_ channel: any Channel, _ logger: Logger) -> EventLoopFuture<Outcome> {
        let operations = channel.pipeline.syncOperations
        if let refusal = try? operations.handler(type: ConnectionGuard.self).refusal {
            return refusal.answer(on: channel).flatMapThrowing { throw Refused() }
        }
        return channel.eventLoop.makeCompletedFuture {
            try operations.addHandler(
                ExpectationHandler(
                    connection: try operations.handler(type: ConnectionGuard.self),
                    bodyBytesMax: self.configuration.limits.wire.messageBytesMax
                )
            )
            try operations.addHandler(HTTP1ToHTTPServerCodec(secure: self.tls != nil))
            try operations.addHandler(
                HTTPConnectionStateHandler(idleTimeout: Self.idleTimeout, logger: logger)
            )
            // Without it the end of the answers would not be the end of the connection.
            let configuration = HTTPChannel.Configuration(isOutboundHalfClosureEnabled: true)
            return .http(try HTTPChannel(wrappingChannelSynchronously: channel, configuration: configuration))
        }
    }

    /// How long a connection that is kept for another request may wait for it.
    private static let idleTimeout = Duration.seconds(60)

    package func handle(value: Value, logger: Logger) async {
        do {
            // A WebSocket is served by its handler alone; there is nothing to wait for here.
            guard case .http(let channel) = try await value.outcome.get() else { return }
            await self.handleHTTP(asyncChannel: channel, logger: logger)
        } catch {
            logger.debug("a connection ended in its handshake", metadata: ["error": "\(error)"])
        }
    }
}

/// The client has been told why it is not served.
private struct Refused: Error {}

extension WebSocketUpgrade.Refusal {
    /// Of a client for which there is no room, if there is none.
    fileprivate init?(_ verdict: ConnectionGate.Verdict, countedIn counts: RefusalCounts) {
        guard let reason = verdict.reason else { return nil }
        let isFull = if case .full = verdict { true } else { false }
        counts.add(isFull ? .connections : .address)
        let retry = WebSocketUpgrade.Header(name: "Retry-After", value: "\(ConnectionGate.retrySeconds)")
        self.init(status: isFull ? 503 : 429, reason: reason, headers: [retry])
    }

    /// Of credentials that are not taken.
    package init(_ failure: AuthenticationFailure) {
        let reason = "\(failure.code.name): \(failure.reason)"
        guard failure.code != .restarting else {
            self.init(status: 503, reason: reason)
            return
        }
        guard let seconds = failure.retryAfterSeconds else {
            let challenge = WebSocketUpgrade.Header(name: "WWW-Authenticate", value: "Bearer")
            self.init(status: 401, reason: reason, headers: [challenge])
            return
        }
        let retry = WebSocketUpgrade.Header(name: "Retry-After", value: "\(seconds)")
        self.init(status: 429, reason: reason, headers: [retry])
    }

    /// Answers and shuts the write side; the returned future ends when that is done, and ``ConnectionGuard`` sees to
    /// the end.
    fileprivate func answer(on channel: any Channel) -> EventLoopFuture<Void> {
        let body = channel.allocator.buffer(string: self.reason + "\n")
        var headers = HTTPHeaders(self.headers.map { ($0.name, $0.value) })
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        headers.add(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: self.status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        return channel.writeAndFlush(HTTPServerResponsePart.end(nil)).flatMap { channel.close(mode: .output) }
    }
}

/// Makes WebSockets of those requests that are one.
private struct WebSocketUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    let access: ConnectionAccess
    let gate: ConnectionGate
    let isSecure: Bool
    let serve: @Sendable (any Channel, Admission) throws -> Void
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest head: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        guard let connection = try? channel.pipeline.syncOperations.handler(type: ConnectionGuard.self) else {
            return channel.eventLoop.makeFailedFuture(Refused())
        }
        if let refusal = connection.refusal ?? self.originRefusal(of: head) {
            return refusal.answer(on: channel).flatMapThrowing { throw Refused() }
        }
        let path = head.uri.prefix { $0 != "?" }
        let judgement = WebSocketUpgrade.judge(
            method: head.method.rawValue,
            path: String(path),
            isHTTP11: head.version == .http1_1
        ) { head.headers[$0] }
        switch judgement {
        case .refuse(let refusal):
            return refusal.answer(on: channel).flatMapThrowing { throw Refused() }
        case .accept(let key, let subprotocol):
            var headers = initialResponseHeaders
            headers.add(name: "Sec-WebSocket-Accept", value: key)
            if let subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
            let accepted = headers
            if let refusal = self.noteClient(of: head, connection, channel) {
                return refusal.answer(on: channel).flatMapThrowing { throw Refused() }
            }
            return self.logIn(head, connection, channel).map {
                // Before the decoder goes, which then passes on frames that came behind the request.
                if let errors = try? channel.pipeline.syncOperations.handler(type: RequestErrorHandler.self) {
                    channel.pipeline.syncOperations.removeHandler(errors, promise: nil)
                }
                return accepted
            }
        }
    }

    /// Why a page in a browser is not served, if one has sent the request that may not.
    private func originRefusal(of head: HTTPRequestHead) -> WebSocketUpgrade.Refusal? {
        let origins = head.headers["Origin"]
        guard let origin = origins.first else { return nil }
        let host = head.headers["Host"].first ?? ""
        guard origins.count == 1,
            self.access.policy.origins.allows(origin, host: host, isSecure: self.isSecure)
        else {
            self.access.refusals.add(.origin)
            let reason = "pages of this origin are not allowed here; the operator can list it (origins)"
            return WebSocketUpgrade.Refusal(status: 403, reason: reason)
        }
        return nil
    }

    /// Counts a client behind a proxy by its own address, or says why there is no room for it.
    private func noteClient(
        of head: HTTPRequestHead,
        _ connection: ConnectionGuard,
        _ channel: any Channel
    ) -> WebSocketUpgrade.Refusal? {
        let peer = connection.admission.address
        let address = self.access.policy.proxies.address(of: peer, forwarded: head.headers["Forwarded"])
        guard address != peer else { return nil }
        connection.admission.address = address
        let verdict = self.gate.enterForwarded(address, until: channel.closeFuture)
        return WebSocketUpgrade.Refusal(verdict, countedIn: self.access.refusals)
    }

    /// Finds out who the client is from what its handshake shows, or answers that it is nobody.
    private func logIn(
        _ head: HTTPRequestHead,
        _ connection: ConnectionGuard,
        _ channel: any Channel
    ) -> EventLoopFuture<Void> {
        let shown: Credentials?
        do throws(Credentials.Unreadable) {
            let query = head.uri.split(separator: "?", maxSplits: 1).dropFirst().first
            shown = try self.access.credentials(query: query, certificate: peerCertificate(of: channel)) {
                head.headers[$0]
            }
        } catch {
            return WebSocketUpgrade.Refusal(status: 400, reason: error.reason).answer(on: channel)
                .flatMapThrowing { throw Refused() }
        }
        guard let credentials = shown else {
            // Who is nobody may still say in `hello` who it is.
            connection.admission.identity = self.access.policy.allowsAnonymous ? .anonymous : nil
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        let address = connection.admission.address
        let guardian = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        return channel.eventLoop
            .makeFutureWithTask { [access] in
                await access.identity(of: credentials, from: address)
            }
            .flatMap { result in
                switch result {
                case .success(let identity):
                    guardian.value.admission.identity = identity
                    return channel.eventLoop.makeSucceededVoidFuture()
                case .failure(let failure):
                    return WebSocketUpgrade.Refusal(failure).answer(on: channel).flatMapThrowing { throw Refused() }
                }
            }
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<UpgradeChannel.Outcome> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            let connection = try operations.handler(type: ConnectionGuard.self)
            // Not needed any more; a connection is to cost as little as it can.
            operations.removeHandler(connection, promise: nil)
            try self.serve(channel, connection.admission)
            return .webSocket
        }
    }
}
