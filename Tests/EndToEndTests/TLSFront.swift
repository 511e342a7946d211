import BrokerTestKit
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// TLS in front of a broker that speaks none, as a load balancer ends it, which shows what the requests looked like.
final class TLSFront: Sendable {
    let port: Int
    private let channel: any Channel
    private let heads: Heads

    private init(channel: any Channel, heads: Heads) {
        self.channel = channel
        self.heads = heads
        self.port = channel.localAddress?.port ?? 0
    }

    /// - `broker`: The port of the broker.
    /// - `name`: Which of the certificates it shows.
    static func start(
        before broker: Int,
        _ certificates: TestCertificates,
        as name: String = "server",
        demandsCertificate: Bool = false
    ) async throws -> TLSFront {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.certificate(name)).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.key(name), format: .pem))
        )
        if demandsCertificate {
            configuration.trustRoots = .file(certificates.certificate("ca"))
            configuration.certificateVerification = .noHostnameVerification
        }
        let context = try NIOSSLContext(configuration: configuration)
        let heads = Heads()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandlers([
                        NIOSSLServerHandler(context: context), FrontHandler(broker: broker, heads: heads),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return TLSFront(channel: channel, heads: heads)
    }

    /// The first bytes of each connection that came through.
    var requests: [String] { self.heads.all.withLock { $0 } }

    func stop() async throws {
        try await self.channel.close()
    }

    fileprivate final class Heads: Sendable {
        let all = Mutex<[String]>([])
    }
}

/// The client's end of one connection: everything goes on to the broker, and what came before there was a way to it
/// waits.
private final class FrontHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let broker: Int
    private let heads: TLSFront.Heads
    private var backend: (any Channel)?
    private var waiting: ByteBuffer?
    private var isFirst = true

    init(broker: Int, heads: TLSFront.Heads) {
        self.broker = broker
        self.heads = heads
    }

    func channelActive(context: ChannelHandlerContext) {
        let front = context.channel
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { backend in
                backend.eventLoop.makeCompletedFuture {
                    try backend.pipeline.syncOperations.addHandler(BackHandler(front: front))
                }
            }
            .connect(host: "127.0.0.1", port: self.broker)
            .assumeIsolated()
            .whenComplete { result in
                guard case .success(let backend) = result, front.isActive else { return front.close(promise: nil) }
                self.backend = backend
                if let waiting = self.waiting { backend.writeAndFlush(waiting, promise: nil) }
                self.waiting = nil
            }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        if self.isFirst { self.heads.all.withLock { $0.append(String(buffer: buffer)) } }
        self.isFirst = false
        if let backend = self.backend { return backend.writeAndFlush(buffer, promise: nil) }
        self.waiting.setOrWriteBuffer(&buffer)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.backend?.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

private final class BackHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let front: any Channel

    init(front: any Channel) {
        self.front = front
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.front.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.front.close(promise: nil)
        context.fireChannelInactive()
    }
}
