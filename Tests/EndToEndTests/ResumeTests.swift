import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// `wspub --producer NAME --resume -l FILE`: whatever is killed, the same command again makes the sum exact.
@Suite("Resume", .timeLimit(.minutes(5)))
struct ResumeTests {
    private static func total(port: Int) async throws -> Int? {
        try await WireClient.run(port: port) { client async throws in
            JSONField.integer("data", in: try await client.ask(#"{"op":"get","id":1,"topic":"clicks"}"#))
        }
    }

    private static func publish(_ file: URL, port: Int) throws -> ChildProcess {
        let arguments = [
            "-p", "\(port)", "-t", "clicks", "--producer", "import", "--resume", "-l", file.path, "--quiet",
        ]
        return try ChildProcess("wspub", arguments)
    }

    /// Waits until so much has been counted.
    private static func wait(for total: Int, port: Int) async throws {
        try await WireClient.run(port: port) { client async throws in
            // All of it may have been counted before: then nothing more comes.
            let answer = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
            var value = JSONField.integer("data", in: answer) ?? 0
            while value < total {
                value = JSONField.integer("data", in: try await client.receive()) ?? 0
            }
        }
    }

    @Test func theSumIsExactThoughClientAndBrokerAreKilled() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("lines")
        let lines = 100_000
        try Data((1...lines).map { _ in "1\n" }.joined().utf8).write(to: file)
        let first = try await ChildProcess.broker(in: folder)
        let killed = try Self.publish(file, port: first.port)
        try await Self.wait(for: 5000, port: first.port)
        killed.signal(SIGKILL)
        _ = await killed.wait()
        let again = try Self.publish(file, port: first.port)
        try await Self.wait(for: 20_000, port: first.port)
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        // It comes back on the same port, and the client goes on by itself.
        let second = try await ChildProcess.broker(in: folder, port: first.port)
        let end = await again.wait()
        #expect(end.status == 0, "\(end.errors)")
        #expect(try await Self.total(port: second.port) == lines)
        let third = try await Self.publish(file, port: second.port).wait()
        #expect(third.status == 0)
        #expect(try await Self.total(port: second.port) == lines, "a run more adds nothing")
        second.process.signal(SIGTERM)
        #expect(await second.process.wait().status == 0)
    }

    @Test func aRefusedLineIsNamedAndJudgedAgainInTheNextRun() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("lines")
        try Data("1\n\nsix\n2\n\"7\"\n3".utf8).write(to: file)
        try await TestBroker.run { broker async throws in
            for run in 1...2 {
                let end = try await Self.publish(file, port: broker.port).wait()
                #expect(end.status == 4, "run \(run): \(end.errors)")
                for line in [3, 5] { #expect(end.errors.contains("lines:\(line):"), "run \(run): \(end.errors)") }
                #expect(try await Self.total(port: broker.port) == 6)
            }
        }
    }

    /// More than a connection may make of errors in ten seconds (`limits.errorsPerTenSeconds`): whoever closes it for
    /// that, or gives the lines behind them the wrong numbers, loses or doubles what follows.
    @Test func twentyFiveBadLinesInARowAreNamedAndTheOthersCountOnce() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("lines")
        let bad = 401...425
        let lines = (1...1000).map { bad.contains($0) ? ["six", "\"7\"", "{", "1 2", "null"][$0 % 5] : "1" }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        let first = try await ChildProcess.broker(in: folder)
        let end = try await Self.publish(file, port: first.port).wait()
        #expect(end.status == 4, "\(end.errors)")
        let named = bad.filter { end.errors.contains("lines:\($0):") }
        #expect(named == Array(bad), "\(end.errors)")
        #expect(try await Self.total(port: first.port) == 975)
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        let second = try await ChildProcess.broker(in: folder)
        let again = try await Self.publish(file, port: second.port).wait()
        #expect(again.status == 4)
        #expect(bad.allSatisfy { again.errors.contains("lines:\($0):") }, "a refused line is judged again")
        #expect(try await Self.total(port: second.port) == 975, "what was counted is not counted again")
        try Data((1...1000).map { _ in "1\n" }.joined().utf8).write(to: file)
        let mended = try await Self.publish(file, port: second.port).wait()
        #expect(mended.status == 0, "\(mended.errors)")
        #expect(try await Self.total(port: second.port) == 1000)
        second.process.signal(SIGTERM)
        #expect(await second.process.wait().status == 0)
    }
}
