import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// What rules make of publishes, over a real socket and through kill -9.
@Suite("Aggregation", .timeLimit(.minutes(5)))
struct AggregationTests {
    private static let configuration = """
        {"topics":[
         {"topic":"factory/power/max","from":"factory/+/power","key":"+1","perKey":"last","aggregate":"max"},
         {"topic":"clicks/by-page/{key}","from":"clicks","key":"/page","aggregate":"sum","value":"/n"},
         {"topic":"clicks-number","from":"clicks","aggregate":"count"},
         {"topic":"latency","aggregate":{"quantile":{"q":[0.5,0.99]}}},
         {"topic":"visitors","aggregate":"distinct","value":"/user"}]}
        """

    private static func publish(_ client: WireClient, _ topic: String, _ data: String) async throws -> String {
        try await client.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(data)}"#)
    }

    private static func value(_ client: WireClient, _ topic: String) async throws -> String {
        let answer = try await client.ask(#"{"op":"get","id":2,"topic":"\#(topic)"}"#)
        return ServerFrame(Array(answer.utf8))["data"] ?? answer
    }

    @Test func everyKindOfStateGoesOnAfterKillNine() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("config.json")
        try Data(Self.configuration.utf8).write(to: file)
        let first = try await ChildProcess.broker(in: folder, ["--config", file.path])
        let before = try await WireClient.run(port: first.port) { client async throws -> [String] in
            for (machine, power) in [("press", "300"), ("drill", "700.5"), ("drill", "100")] {
                _ = try await Self.publish(client, "factory/\(machine)/power", power)
            }
            for page in ["home", "shop", "home"] {
                _ = try await Self.publish(client, "clicks", #"{"page":"\#(page)","n":2}"#)
            }
            for number in 1...100 {
                _ = try await Self.publish(client, "latency", "\(number)")
                _ = try await Self.publish(client, "visitors", #"{"user":"u\#(number % 7)"}"#)
            }
            return try await Self.values(client)
        }
        #expect(before[0] == "300" && before[1] == "4" && before[2] == "2" && before[3] == "3")
        #expect(before[5].contains(#""value":7,"exact":true"#))
        first.process.signal(SIGKILL)
        _ = await first.process.wait()
        let second = try await ChildProcess.broker(in: folder, ["--config", file.path])
        try await WireClient.run(port: second.port) { client async throws in
            #expect(try await Self.values(client) == before)
            _ = try await Self.publish(client, "factory/press/power", "50")
            #expect(try await Self.value(client, "factory/power/max") == "100", "the drill is still known")
            _ = try await Self.publish(client, "visitors", #"{"user":"u3"}"#)
            #expect(try await Self.value(client, "visitors").contains(#""value":7"#))
        }
        second.process.signal(SIGTERM)
        #expect(await second.process.wait().status == 0)
    }

    private static func values(_ client: WireClient) async throws -> [String] {
        var values: [String] = []
        for topic in [
            "factory/power/max", "clicks/by-page/home", "clicks/by-page/shop", "clicks-number", "latency", "visitors",
        ] {
            values.append(try await Self.value(client, topic))
        }
        return values
    }

    /// A rule whose parameters no longer fit what is stored: both are named, and the way out.
    @Test func aChangedRuleIsRefusedAtTheStart() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("config.json")
        try Data(Self.configuration.utf8).write(to: file)
        let first = try await ChildProcess.broker(in: folder, ["--config", file.path])
        try await WireClient.run(port: first.port) { _ = try await Self.publish($0, "latency", "5") }
        first.process.signal(SIGTERM)
        _ = await first.process.wait()
        let changed = Self.configuration.replacingOccurrences(of: #""q":[0.5,0.99]"#, with: #""accuracy":0.05"#)
        try Data(changed.utf8).write(to: file)
        let arguments = ["--port", "0", "--set", "admin.port=0", "--store", "store.db", "--config", file.path]
        let end = await (try ChildProcess("wsbroker", arguments, in: folder)).wait()
        #expect(end.status == 78)
        #expect(end.errors.contains("'quantile(accuracy 0.01, maxBins 2048)'"))
        #expect(end.errors.contains("'quantile(accuracy 0.05, maxBins 2048)'"))
        #expect(end.errors.contains("wsbroker store forget 'latency'"))
    }
}
