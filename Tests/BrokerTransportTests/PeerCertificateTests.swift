import BrokerCore
import BrokerTestKit
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import BrokerTransport

/// Who a client is by its certificate, over real TLS.
@Suite("Peer certificates", .timeLimit(.minutes(5)))
struct PeerCertificateTests {
    private static func settings(
        _ certificates: TestCertificates,
        _ clients: TLSSettings.Clients
    ) -> TLSSettings {
        var settings = TLSSettings()
        settings.certificate = certificates.certificate("server")
        settings.key = certificates.key("server")
        settings.clientAuthorities = certificates.certificate("ca")
        settings.clients = clients
        return settings
    }

    private struct Anybody: Authenticator {
        func identity(of credentials: Credentials, at now: UInt64) async throws(AuthenticationFailure) -> Identity {
            Identity(name: credentials.certificate?.name ?? "", proof: .nothing)
        }
    }

    /// What a listener knows of a client that has opened a WebSocket, or why it has not.
    private static func shown(
        _ name: String?,
        _ clients: TLSSettings.Clients,
        newest: WireTLS.Version = .one3
    ) async throws -> Result<PeerCertificate?, any Error> {
        let certificates = try await TestCertificates.make()
        let tls = ServerTLS(try TLSMaterial(reading: Self.settings(certificates, clients), at: 0))
        let (seen, continuation) = AsyncStream.makeStream(of: PeerCertificate?.self)
        let upgrade = UpgradeChannel(
            responder: { _, _, _ in },
            configuration: TransportConfiguration(),
            gate: ConnectionGate(connectionsMax: 0, perAddressMax: 0),
            access: ConnectionAccess(authenticator: Anybody()) { 0 },
            tls: tls,
            serve: { channel, _ in continuation.yield(peerCertificate(of: channel)) }
        )
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in upgrade.setup(channel: child, logger: logger).map { _ in } }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let wire = try WireTLS(
            authority: certificates.certificate("ca"),
            certificate: name.map(certificates.certificate),
            key: name.map(certificates.key),
            newest: newest
        )
        let outcome: Result<PeerCertificate?, any Error>
        do {
            let peer = try await WireClient.run(port: port, tls: wire) { _ in await seen.first { _ in true } ?? nil }
            outcome = .success(peer)
        } catch {
            outcome = .failure(error)
        }
        try await listener.close()
        return outcome
    }

    @Test(arguments: [WireTLS.Version.one2, .one3])
    func theCommonNameIsTheNameWhereThereIsNoOther(newest: WireTLS.Version) async throws {
        let peer = try #require(try await Self.shown("client", .required, newest: newest).get())
        #expect(peer.name == "somebody")
        #expect(peer.expires > 1_700_000_000_000 && peer.expires % 1000 == 0)
    }

    @Test func theLastOfSeveralCommonNamesIsTheName() async throws {
        #expect(try await Self.shown("client-two", .required).get()?.name == "somebody")
    }

    @Test(arguments: [("client-dns", "meter-17.test"), ("client-uri", "urn:meter:17")])
    func aURIGoesBeforeADNSNameAndThatBeforeTheCommonName(file: String, name: String) async throws {
        #expect(try await Self.shown(file, .optional).get()?.name == name)
    }

    @Test func whoShowsNothingHasNoCertificate() async throws {
        #expect(try await Self.shown(nil, .optional).get() == nil)
        #expect(try await Self.shown(nil, .none).get() == nil)
    }

    @Test func whoIsNotAskedIsNotKnown() async throws {
        #expect(try await Self.shown("client", .none).get() == nil)
    }

    @Test(arguments: [TLSSettings.Clients.optional, .required])
    func aCertificateOfAnotherAuthorityEndsTheHandshake(clients: TLSSettings.Clients) async throws {
        await #expect(throws: (any Error).self) { _ = try await Self.shown("stranger", clients).get() }
    }

    @Test func noCertificateEndsTheHandshakeWhereItIsRequired() async throws {
        await #expect(throws: (any Error).self) { _ = try await Self.shown(nil, .required).get() }
    }

    /// It must not become somebody who has shown nothing.
    @Test(arguments: [
        ("client-long", "more than 128 bytes"), ("client-nobody", "no common name"),
        ("client-strange", "characters that a name must not have"),
    ])
    func aVerifiedCertificateThatNamesNobodyIsRefused(file: String, reason: String) async throws {
        let outcome = try await Self.shown(file, .optional)
        guard case .failure(WireClient.ClientError.handshakeRefused(let answer)) = outcome else {
            Issue.record("not refused: \(outcome)")
            return
        }
        #expect(answer.hasPrefix("HTTP/1.1 403 "), "\(answer)")
        #expect(answer.contains(reason), "\(answer)")
    }
}
