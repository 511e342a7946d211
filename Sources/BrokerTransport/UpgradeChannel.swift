import BrokerWire
import HTTPTypes
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1

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
    private let upgrader: WebSocketUpgrader

    /// The broker's: a WebSocket is a client of the core that `loops` drive.
    package init(responder: @escaping HTTPChannelHandler.Responder, loops: EventLoops) {
        self.init(responder: responder, configuration: loops.configuration, gate: loops.gate) { channel in
            let session = ClientSession(loop: loops.driver(of: channel.eventLoop))
            try channel.pipeline.syncOperations.addHandler(WebSocketHandler(consumer: session))
        }
    }

    /// - `serve`: Adds the handlers that serve a WebSocket to its channel; called on its event loop.
    package init(
        responder: @escaping HTTPChannelHandler.Responder,
        configuration: TransportConfiguration,
        gate: ConnectionGate,
        serve: @escaping @Sendable (any Channel) throws -> Void
    ) {
        self.responder = responder
        self.configuration = configuration
        self.upgrader = WebSocketUpgrader(gate: gate, serve: serve)
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // Before anything is read: a small buffer to begin with, because most connections only ever say little,
            // and no more unsent bytes in the kernel than it needs, so that old totals do not queue up there.
            let options = channel.syncOptions
            try options?.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 65_536)
            )
            #if os(Linux)
            try? options?.setOption(Self.tcpNotSentLowWatermark, value: Self.unsentBytesMax)
            #endif
            let timeout = HandshakeTimeoutHandler(timeout: self.configuration.handshakeTimeout)
            try channel.pipeline.syncOperations.addHandler(timeout)
            let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Outcome>(
                upgraders: [self.upgrader],
                notUpgradingCompletionHandler: { channel in self.configureHTTP(channel, logger) }
            )
            var pipeline = NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: upgrade)
            pipeline.enablePipelining = false
            pipeline.decoderConfiguration.maxHeaderListSize = self.configuration.headerBytes
            pipeline.decoderConfiguration.maxHeaderFieldSize = self.configuration.headerBytes
            pipeline.decoderConfiguration.maxHeaderFieldCount = self.configuration.headerFields
            let outcome = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: pipeline
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
    /// Two of the largest messages: enough to keep the wire busy while the next write is prepared.
    private static let unsentBytesMax = 128 * 1024
    #endif

    private func configureHTTP(_ channel: any Channel, _ logger: Logger) -> EventLoopFuture<Outcome> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try operations.addHandler(
                HTTPConnectionStateHandler(idleTimeout: Self.idleTimeout, logger: logger)
            )
            return .http(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
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

/// Makes WebSockets of those requests that are one.
private struct WebSocketUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    let gate: ConnectionGate
    let serve: @Sendable (any Channel) throws -> Void
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    /// The client has been told why there is no WebSocket.
    private struct Refused: Error {}

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest head: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        let path = head.uri.prefix { $0 != "?" }
        let judgement = WebSocketUpgrade.judge(
            method: head.method.rawValue,
            path: String(path),
            isHTTP11: head.version == .http1_1
        ) { head.headers[$0] }
        switch judgement {
        case .refuse(let refusal):
            return self.refuse(refusal, on: channel, version: head.version)
        case .accept(let key, let subprotocol):
            if let refusal = self.admit(channel) { return self.refuse(refusal, on: channel, version: head.version) }
            var headers = initialResponseHeaders
            headers.add(name: "Sec-WebSocket-Accept", value: key)
            if let subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
            return channel.eventLoop.makeSucceededFuture(headers)
        }
    }

    /// Counts the connection until it is gone, or says why there is no room for it.
    private func admit(_ channel: any Channel) -> WebSocketUpgrade.Refusal? {
        let gate = self.gate
        let address = ConnectionGate.address(of: channel)
        let retry = WebSocketUpgrade.Header(name: "Retry-After", value: "5")
        switch gate.enter(address) {
        case .admitted:
            channel.closeFuture.whenComplete { _ in gate.leave(address) }
            return nil
        case .full(let limit):
            let reason = "there are \(limit) connections already (limits.connections)"
            return WebSocketUpgrade.Refusal(status: 503, reason: reason, headers: [retry])
        case .addressFull(let limit):
            let reason = "there are \(limit) connections from this address already (limits.connectionsPerAddress)"
            return WebSocketUpgrade.Refusal(status: 429, reason: reason, headers: [retry])
        }
    }

    /// Answers and closes; the returned future fails once that is done.
    private func refuse(
        _ refusal: WebSocketUpgrade.Refusal,
        on channel: any Channel,
        version: HTTPVersion
    )
        -> EventLoopFuture<HTTPHeaders>
    {
        let body = channel.allocator.buffer(string: refusal.reason + "\n")
        var headers = HTTPHeaders(refusal.headers.map { ($0.name, $0.value) })
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        headers.add(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: version, status: .init(statusCode: refusal.status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        return channel.writeAndFlush(HTTPServerResponsePart.end(nil))
            .flatMap { channel.close(mode: .output) }
            .flatMapThrowing { throw Refused() }
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<UpgradeChannel.Outcome> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            // Not needed any more; a connection is to cost as little as it can.
            if let timeout = try? operations.handler(type: HandshakeTimeoutHandler.self) {
                operations.removeHandler(timeout, promise: nil)
            }
            try self.serve(channel)
            return .webSocket
        }
    }
}
