import BrokerCore
import BrokerTransport
import BrokerWire
// Foundation for fflush(3).
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix

/// Sends every message back: what the conformance suites talk to.
///
///     ConformanceEcho PORT
///
/// It is the broker's own listener, upgrade and handler with another consumer behind it, and with limits that let
/// through what the suites send. 0 picks a port. The port is printed once it is open.
@main
enum ConformanceEcho {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 0
        var logger = Logger(label: "echo")
        logger.logLevel = .critical
        let configuration = Self.configuration
        let application = Application(
            responder: CallbackResponder { (_: Hummingbird.Request, _: BasicRequestContext) in
                Response(status: .notFound)
            },
            server: HTTPServerBuilder { responder in
                UpgradeChannel(
                    responder: responder,
                    configuration: configuration,
                    gate: ConnectionGate(connectionsMax: 0, perAddressMax: 0),
                    access: ConnectionAccess { 0 }
                ) { channel, _ in
                    let consumer = EchoConsumer(configuration: configuration, eventLoop: channel.eventLoop)
                    try channel.pipeline.syncOperations.addHandler(WebSocketHandler(consumer: consumer))
                }
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                print(channel.localAddress?.port ?? 0)
                // Whoever waits for the line reads it from a pipe.
                fflush(nil)
            },
            logger: logger
        )
        try await application.run()
    }

    /// The suites send messages of up to 16 MiB, in as many as 16 Ki fragments, and wait before they go on.
    private static var configuration: TransportConfiguration {
        var configuration = TransportConfiguration()
        configuration.limits.wire.messageBytesMax = 32 << 20
        configuration.limits.wire.fragmentsMax = 1 << 20
        return configuration
    }
}
