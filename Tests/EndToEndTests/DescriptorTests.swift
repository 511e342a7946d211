import BrokerTestKit
import BrokerWire
import Foundation
import NIOCore
import NIOPosix
import Testing

/// A broker that runs out of file descriptors.
@Suite("Descriptors", .timeLimit(.minutes(5)))
struct DescriptorTests {
    private static let descriptors = 64

    /// More clients come than there are descriptors: those that are there go on, and the others come in when some go.
    @Test func acceptingPausesAndGoesOn() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let wsbroker = ChildProcess.productsFolder.appendingPathComponent("wsbroker").path
        let settings = ChildProcess.options(["admin.port=0"] + TestBroker.patience).joined(separator: " ")
        let script = "ulimit -n \(Self.descriptors); exec '\(wsbroker)' --port 0 --store store.db \(settings)"
        let broker = try ChildProcess("/bin/sh", ["-c", script], in: folder)
        let port = try #require(await broker.listeningPort())
        try await WireClient.run(port: port) { first async throws in
            #expect(try await first.ask("1") == "1")
            // The kernel takes them all; the broker can not.
            let crowd = try await Self.connect(Self.descriptors * 2, port: port)
            for number in 2...100 { #expect(try await first.ask("1") == "\(number)") }
            for channel in crowd { try await channel.close() }
            try await WireClient.run(port: port) { late async throws in
                #expect(try await late.ask("1") == "101")
            }
        }
        broker.signal(SIGTERM)
        let end = await broker.wait()
        #expect(end.status == 0)
        #expect(end.errors.contains("accepting failed"), "the limit was not reached: \(end.errors)")
    }

    private static func connect(_ count: Int, port: Int) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            channels.append(try await bootstrap.connect(host: "127.0.0.1", port: port).get())
        }
        return channels
    }
}
