import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// The second story: machines report what they draw, and the broker warns and shuts one down.
@Suite("Factory", .timeLimit(.minutes(5)))
struct FactoryTests {
    /// `Examples/factory.json` with shorter times.
    private static func configuration(in folder: URL) throws -> String {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Examples/factory.json")
        var text = try String(contentsOf: source, encoding: .utf8)
        for (long, short) in [(#""for": "2s""#, #""for": "300ms""#), (#""clearFor": "5s""#, #""clearFor": "300ms""#)] {
            try #require(text.contains(long))
            text = text.replacingOccurrences(of: long, with: short)
        }
        let file = folder.appendingPathComponent("config.json")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    private static func report(_ power: Int, _ machine: String, _ client: WireClient) async throws {
        let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"factory/\#(machine)/power","data":\#(power)}"#)
        #expect(answer.contains(#""op":"ack""#))
    }

    private static func message(_ client: WireClient) async throws -> ServerFrame {
        ServerFrame(Array(try await client.receive().utf8))
    }

    private static func transition(_ frame: ServerFrame) throws -> String { try #require(frame["alert"]) }

    @Test func aMachineThatSpikesIsShutDownOnceThroughKillNine() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try Self.configuration(in: folder)
        let first = try await ChildProcess.broker(in: folder, ["--config", file])
        try await WireClient.run(port: first.port) { machine async throws in
            try await WireClient.run(port: first.port) { people async throws in
                try await WireClient.run(port: first.port) { press async throws in
                    _ = try await people.ask(#"{"op":"sub","id":1,"topic":"factory/alerts"}"#)
                    _ = try await press.ask(#"{"op":"sub","id":1,"topic":"factory/press/cmd"}"#)
                    for name in ["press", "drill", "saw"] { try await Self.report(300, name, machine) }
                    try await Self.report(612, "press", machine)
                    let warning = try await Self.message(people)
                    #expect(warning["data"] == #"{"level":"critical","text":"press draws 612 kW, more than 500"}"#)
                    #expect(try Self.transition(warning).contains(#""n":1"#))
                    let command = try await Self.message(press)
                    #expect(command["data"] == #"{"cmd":"shutdown"}"#)
                }
            }
            // The next reading is on its way when the broker is killed: whether it counts or not, nothing is repeated.
            try await machine.send(#"{"op":"pub","topic":"factory/press/power","data":613}"#)
            first.process.signal(SIGKILL)
        }
        _ = await first.process.wait()
        let second = try await ChildProcess.broker(in: folder, ["--config", file])
        try await Self.recover(port: second.port)
        second.process.signal(SIGTERM)
        #expect(await second.process.wait().status == 0)
    }

    private static func recover(port: Int) async throws {
        try await WireClient.run(port: port) { machine async throws in
            try await WireClient.run(port: port) { people async throws in
                // Who was away still sees both.
                let command = ServerFrame(
                    Array(try await people.ask(#"{"op":"get","id":1,"topic":"factory/press/cmd"}"#).utf8)
                )
                #expect(command["data"] == #"{"cmd":"shutdown"}"#)
                #expect(try Self.transition(command).contains(#""n":1"#))
                let alert = try await people.ask(#"{"op":"sub","id":2,"topic":"factory/alerts"}"#)
                #expect(alert.contains("critical"))
                try await Self.report(614, "press", machine)
                try await Self.report(400, "press", machine)
                // The next that is said is that it is well again: nothing was repeated.
                let clear = try await Self.message(people)
                #expect(clear["data"]?.contains("press is back at 400 kW") == true)
                #expect(try Self.transition(clear).contains(#""state":"cleared""#))
                #expect(try Self.transition(clear).contains(#""n":2"#))
                let gone = try await people.ask(#"{"op":"get","id":3,"topic":"factory/press/cmd"}"#)
                #expect(gone.contains("4404"))
            }
        }
    }
}
