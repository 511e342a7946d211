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
    private let loops: EventLoops
    private let configuration: TransportConfiguration

    package init(responder: @escaping HTTPChannelHandler.Responder, loops: EventLoops) {
        self.responder = responder
        self.loops = loops
        self.configuration = loops.configuration
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
                upgraders: [WebSocketUpgrader(loops: self.loops)],
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
    let loops: EventLoops
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    private struct NotAWebSocket: Error {}

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
        guard case .accept(let key, let subprotocol) = judgement else {
            // The router says why; see `WebSocketRefusal`.
            return channel.eventLoop.makeFailedFuture(NotAWebSocket())
        }
        let address = ConnectionGate.address(of: channel)
        guard self.loops.gate.enter(address) else { return channel.eventLoop.makeFailedFuture(NotAWebSocket()) }
        // Counted until the channel is gone, whatever becomes of it.
        let gate = self.loops.gate
        channel.closeFuture.whenComplete { _ in gate.leave(address) }
        var headers = initialResponseHeaders
        headers.add(name: "Sec-WebSocket-Accept", value: key)
        if let subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
        return channel.eventLoop.makeSucceededFuture(headers)
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<UpgradeChannel.Outcome> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            // Not needed any more; a connection is to cost as little as it can.
            if let timeout = try? operations.handler(type: HandshakeTimeoutHandler.self) {
                operations.removeHandler(timeout, promise: nil)
            }
            try operations.addHandler(WebSocketHandler(loop: self.loops.driver(of: channel.eventLoop)))
            return .webSocket
        }
    }
}
