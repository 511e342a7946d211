import BrokerTestKit
import BrokerWire
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import BrokerClient

/// Over real TLS on loopback, with certificates made for each test.
@Suite("Secure connection", .timeLimit(.minutes(5)))
struct SecureConnectionTests {
    private static func broker(
        _ certificates: TestCertificates,
        as name: String = "server",
        demandsCertificate: Bool = false,
        latest: TLSVersion? = nil
    ) async throws -> FakeBroker {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.certificate(name)).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.key(name), format: .pem))
        )
        configuration.maximumTLSVersion = latest
        if demandsCertificate {
            configuration.trustRoots = .file(certificates.certificate("ca"))
            configuration.certificateVerification = .noHostnameVerification
        }
        return try await FakeBroker.start(tls: try NIOSSLContext(configuration: configuration))
    }

    private static func configuration(_ broker: FakeBroker, host: String = "localhost") -> ClientConfiguration {
        var configuration = broker.configuration
        configuration.address = BrokerAddress(host: host, port: broker.port, isSecure: true)
        return configuration
    }

    private static func failure(_ configuration: ClientConfiguration) async -> ClientError? {
        await #expect(throws: ClientError.self) { try await BrokerClient(configuration).start() }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func aBrokerOfATrustedAuthorityIsSpokenTo(host: String) async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates)
        var configuration = Self.configuration(broker, host: host)
        configuration.tls.authorityFile = certificates.certificate("ca")
        configuration.credentials = .token("t1")
        configuration.headers = [try HeaderField(name: "X-Tenant", value: "blue")]
        let (client, connection) = try await broker.connect(configuration)
        #expect(connection.request.contains("\r\nAuthorization: Bearer t1\r\n"))
        #expect(connection.request.contains("\r\nX-Tenant: blue\r\n"))
        async let value = client.get(Topic("a"))
        try await connection.answer(with: #""op":"ack","topic":"a","offset":1,"data":5"#)
        #expect(try await value?.data == Array("5".utf8))
        await client.shutdownNow(connection)
        try await broker.stop()
    }

    @Test(arguments: [
        ("server", "localhost", "the authority that issued it is not trusted here"),
        ("alone", "localhost", "self-signed"),
        ("expired", "localhost", "it has expired"),
    ])
    func oneOfAnotherIsNotAndTheReasonIsSaid(name: String, host: String, reason: String) async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates, as: name)
        let error = await Self.failure(Self.configuration(broker, host: host))
        #expect(error?.code == .cannotConnect)
        #expect(error?.message.contains("the broker's certificate can not be verified: ") == true)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        try await broker.stop()
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func aCertificateForAnotherNameIsRefused(host: String) async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates, as: "elsewhere")
        var configuration = Self.configuration(broker, host: host)
        configuration.tls.authorityFile = certificates.certificate("ca")
        let error = await Self.failure(configuration)
        #expect(error?.code == .cannotConnect)
        #expect(error?.message.hasSuffix("the broker's certificate is not for '\(host)'") == true, "\(error as Any)")
        configuration.tls.serverName = "elsewhere.test"
        let (client, connection) = try await broker.connect(configuration)
        await client.shutdownNow(connection)
        try await broker.stop()
    }

    @Test func whoVerifiesNothingSpeaksToAnybody() async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates, as: "alone")
        var configuration = Self.configuration(broker)
        configuration.tls.verifiesBroker = false
        let (client, connection) = try await broker.connect(configuration)
        await client.shutdownNow(connection)
        try await broker.stop()
    }

    @Test(arguments: [nil, TLSVersion.tlsv12])
    func aCertificateThatIsDemandedIsShown(latest: TLSVersion?) async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates, demandsCertificate: true, latest: latest)
        var configuration = Self.configuration(broker)
        configuration.tls.authorityFile = certificates.certificate("ca")
        let error = await Self.failure(configuration)
        #expect(error?.code == .cannotConnect)
        configuration.tls.certificateFile = certificates.certificate("client")
        configuration.tls.keyFile = certificates.key("client")
        let (client, connection) = try await broker.connect(configuration)
        await client.shutdownNow(connection)
        try await broker.stop()
    }

    @Test func aBrokerThatIsTooOldIsRefused() async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates, latest: .tlsv11)
        var configuration = Self.configuration(broker)
        configuration.tls.verifiesBroker = false
        let error = await Self.failure(configuration)
        #expect(error?.message.hasSuffix("the broker speaks no TLS from 1.2 on") == true, "\(error as Any)")
        try await broker.stop()
    }

    @Test func whereNobodySpeaksTLSThatIsSaid() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture { try child.pipeline.syncOperations.addHandler(PlainServer()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = BrokerAddress(port: server.localAddress?.port ?? 0, isSecure: true)
        let error = await Self.failure(ClientConfiguration(address: address))
        #expect(error?.code == .cannotConnect)
        #expect(error?.message.contains("does not speak TLS") == true, "\(error as Any)")
        try await server.close()
    }

    /// The other end takes the connection and never says a word.
    @Test func shutdownEndsAnAttemptInTheMiddleOfTLS() async throws {
        let certificates = try await TestCertificates.make()
        let (accepted, continuation) = AsyncStream.makeStream(of: Void.self)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                continuation.yield()
                return child.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        var configuration = ClientConfiguration(address: BrokerAddress(port: port, isSecure: true))
        configuration.tls.authorityFile = certificates.certificate("ca")
        let client = BrokerClient(configuration)
        let start = Task { try await client.start() }
        for await _ in accepted { break }
        await client.shutdown()
        let error = await #expect(throws: ClientError.self) { try await start.value }
        #expect(error?.code == .closed)
        try await server.close()
    }

    /// The connection ends without TLS's goodbye, as after a crash.
    @Test func aConnectionThatBreaksIsMadeAgain() async throws {
        let certificates = try await TestCertificates.make()
        let broker = try await Self.broker(certificates)
        var configuration = Self.configuration(broker)
        configuration.tls.authorityFile = certificates.certificate("ca")
        let (events, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        configuration.onEvent = { continuation.yield($0) }
        let (client, first) = try await broker.connect(configuration)
        try await first.breakOff()
        let second = try await broker.accept()
        try await second.welcome()
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == .connected)
        guard case .disconnected(let error, _) = await iterator.next() else { throw FakeBrokerError.ended }
        #expect(error == ClientError(.connectionLost, "the connection was lost"))
        #expect(await iterator.next() == .connected)
        await client.shutdownNow(second)
        try await broker.stop()
    }

    @Test func filesThatAreMissingOrSomethingElseAreNamed() async throws {
        let certificates = try await TestCertificates.make()
        let (ca, client, key) = (
            certificates.certificate("ca"), certificates.certificate("client"), certificates.key("client")
        )
        let nothing = certificates.file("nothing")
        typealias Change = @Sendable (inout TLSOptions) -> Void
        let cases: [(Change, String)] = [
            ({ $0.authorityFile = nothing }, "'\(nothing)' can not be read: No such file or directory"),
            ({ $0.authorityFolder = nothing }, "'\(nothing)' can not be read: No such file or directory"),
            ({ $0.authorityFile = key }, "'\(key)' holds no certificate of an authority in PEM"),
            ({ $0.certificateFile = client }, "one of them is missing"),
            ({ ($0.certificateFile, $0.keyFile) = (nothing, key) }, "the certificate '\(nothing)' can not be read"),
            ({ ($0.certificateFile, $0.keyFile) = (client, nothing) }, "the key '\(nothing)' can not be read"),
            ({ ($0.certificateFile, $0.keyFile) = (client, client) }, "'\(client)' holds no key in PEM"),
            (
                { ($0.certificateFile, $0.keyFile) = (ca, key) },
                "'\(key)' does not belong to the certificate in '\(ca)'"
            ),
        ]
        for (change, text) in cases {
            var configuration = ClientConfiguration(address: BrokerAddress(port: 1, isSecure: true))
            change(&configuration.tls)
            let error = await Self.failure(configuration)
            #expect(error?.code == .cannotConnect)
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
    }
}

/// Answers whatever comes as a web server answers what it does not understand.
private final class PlainServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let answer = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
    }
}
