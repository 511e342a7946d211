import BrokerTestKit
import Foundation
import Testing

/// The article's own program against a real broker.
@Suite("Clicks", .timeLimit(.minutes(5)))
struct ClicksTests {
    /// Ten lines, and the `websockets` package from PyPI or Debian.
    private static let client = """
        import asyncio, sys, websockets
        async def main():
            async with websockets.connect("ws://127.0.0.1:" + sys.argv[1]) as socket:
                await socket.send(sys.argv[2])
                print(await socket.recv())
        asyncio.run(main())
        """

    private func publish(_ number: String, port: Int) async throws -> String {
        let python = try ChildProcess("/usr/bin/env", ["python3", "-c", Self.client, "\(port)", number])
        let end = await python.wait()
        #expect(end.status == 0, "the Python client failed: \(end.errors)")
        return end.output.trimmingCharacters(in: .newlines)
    }

    @Test func aBareNumberIsAnsweredWithTheTotalThatSurvivesKillNine() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await ChildProcess.broker(in: folder)
        #expect(try await self.publish("6", port: first.port) == "6")
        #expect(try await self.publish("10", port: first.port) == "16")
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        let second = try await ChildProcess.broker(in: folder)
        #expect(try await self.publish("1", port: second.port) == "17")
        second.process.signal(SIGTERM)
        let end = await second.process.wait()
        #expect(end.status == 0)
    }

    @Test func aFrameThatIsNoNumberIsRefusedAndNotCounted() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask("6") == "6")
                #expect(try await client.ask("six").contains("\"code\":4004"))
                #expect(try await client.ask("-1.5") == "4.5")
            }
        }
    }
}
