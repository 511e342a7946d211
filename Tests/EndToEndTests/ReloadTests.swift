import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// A configuration that is read again while the broker runs.
@Suite("Reload", .timeLimit(.minutes(5)))
struct ReloadTests {
    private typealias End = (status: Int32, output: String, errors: String)

    private static let sum = #"{"topic":"clicks","aggregate":"sum"}"#
    private static let alert = """
        {"topic":"clicks","aggregate":"sum","alerts":[{"name":"many","above":100,
         "raise":[{"to":"alarms","data":"{value} clicks"}]}]}
        """
    private static let view = #"{"topic":"highest","from":"clicks","aggregate":"max"}"#

    private func write(_ json: String, _ folder: URL) throws {
        try Data(json.utf8).write(to: folder.appendingPathComponent("config.json"))
    }

    private func wsbroker(_ arguments: [String], _ broker: TestBroker) async throws -> End {
        let options = ["--set", "admin.port=\(broker.adminPort)"]
        return await (try ChildProcess("wsbroker", arguments + options, in: broker.folder)).wait()
    }

    private func publish(_ data: Int, _ port: Int) async throws -> String {
        try await WireClient.run(port: port) { client async throws in
            try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":\#(data)}"#)
        }
    }

    private func value(_ topic: String, _ port: Int) async throws -> String {
        try await WireClient.run(port: port) { client async throws in
            try await client.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#)
        }
    }

    @Test func newRulesAreInForceAndTotalsSubscribersAndTheProcessStay() async throws {
        try await TestBroker.run(topics: "[\(Self.sum)]") { broker async throws in
            _ = try await self.publish(90, broker.port)
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"alarms"}"#)
                try self.write(#"{"topics":[\#(Self.alert),\#(Self.view)]}"#, broker.folder)
                let end = try await self.wsbroker(["reload"], broker)
                #expect(end.output == "2 topic rules in force; changed: topics\n", "\(end)")
                #expect(try await self.publish(20, broker.port).contains(#""data":110"#))
                #expect(try await client.receive().contains(#""data":"110 clicks""#))
            }
            #expect(try await self.value("highest", broker.port).contains(#""data":20"#))
        }
    }

    @Test func aWrongFileChangesNothingAndAllOfItIsSaid() async throws {
        try await TestBroker.run(topics: "[\(Self.sum)]") { broker async throws in
            try self.write(#"{"topics":[{"topic":"clicks","aggregate":"summ"}],"limits":{"topic":1}}"#, broker.folder)
            let end = try await self.wsbroker(["reload"], broker)
            #expect(end.status == 1)
            for problem in ["topics[0].aggregate: there is no aggregator 'summ'", "limits.topic: unknown key"] {
                #expect(end.errors.contains(problem), "\(end.errors)")
            }
            let answer = try await self.post(broker)
            #expect(answer.hasPrefix("HTTP/1.1 422 "), "\(answer)")
            #expect(answer.contains(#""problems":["limits.topic: unknown key"#), "\(answer)")
            #expect(try await self.publish(5, broker.port).contains(#""data":5"#))
        }
    }

    private func post(_ broker: TestBroker, _ field: String = "Accept: a") async throws -> String {
        try await WireClient.runRaw(port: broker.adminPort) { client async throws in
            let fields = "Host: localhost\r\n\(field)\r\nContent-Type: application/json\r\nContent-Length: 0"
            try await client.send(raw: Array("POST /reload HTTP/1.1\r\n\(fields)\r\nConnection: close\r\n\r\n".utf8))
            return await client.rest()
        }
    }

    @Test func pagesDoNotReload() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.post(broker, "Origin: http://evil.example").hasPrefix("HTTP/1.1 403 "))
            #expect(try await self.post(broker).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func anotherAggregatorUnderAValueIsRefusedUntilTheTopicIsDeleted() async throws {
        try await TestBroker.run(topics: "[\(Self.sum)]") { broker async throws in
            _ = try await self.publish(5, broker.port)
            try self.write(#"{"topics":[{"topic":"clicks","aggregate":"max"}]}"#, broker.folder)
            let refused = try await self.wsbroker(["reload"], broker)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("topic 'clicks' holds the state of 'sum', but its rule says 'max'"))
            #expect(refused.errors.contains("wsbroker delete"))
            #expect(try await self.publish(1, broker.port).contains(#""data":6"#))
            #expect(try await self.wsbroker(["delete", "clicks"], broker).status == 0)
            #expect(try await self.wsbroker(["reload"], broker).status == 0)
            _ = try await self.publish(9, broker.port)
            #expect(try await self.publish(1, broker.port).contains(#""data":9"#))
        }
    }

    @Test func whatNeedsARestartIsNamedAndLeftAsItIs() async throws {
        try await TestBroker.run(topics: "[\(Self.sum)]") { broker async throws in
            let limits = #""limits":{"outboxBytes":"2MiB"},"log":{"level":"debug","format":"json"}"#
            try self.write(#"{"topics":[\#(Self.sum)],\#(limits),"plain":{"topic":"other"}}"#, broker.folder)
            for _ in 0..<2 {
                let end = try await self.wsbroker(["reload", "--json"], broker)
                let object = try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [String: Any]
                #expect(object?["needsRestart"] as? [String] == ["limits.outboxBytes", "log.format", "plain.topic"])
                #expect(object?["topics"] as? Int == 1)
            }
        }
    }

    /// As `systemctl reload` and `kill -HUP` do it.
    @Test func theSignalReloadsAndDoesNotEndTheBroker() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try self.write(#"{"topics":[\#(Self.sum)]}"#, folder)
        let (broker, port) = try await ChildProcess.broker(in: folder, ["--config", "config.json"])
        _ = try await self.publish(5, port)
        try self.write(#"{"topics":[\#(Self.sum),\#(Self.view)],"log":{"level":"debug"}}"#, folder)
        broker.signal(SIGHUP)
        try await self.expect("the configuration was read again changed=\"log.level topics\" rules=2", broker)
        #expect(try await self.publish(4, port).contains(#""data":9"#))
        #expect(try await self.value("highest", port).contains(#""data":4"#))
        // The level too: connections are told now.
        try await self.expect("a client came", broker)
        try self.write("{", folder)
        broker.signal(SIGHUP)
        try await self.expect("everything is as before reason=", broker)
        #expect(try await self.publish(1, port).contains(#""data":10"#))
        broker.signal(SIGTERM)
        #expect(await broker.wait().status == 0)
    }

    private func expect(_ text: String, _ broker: ChildProcess) async throws {
        while let line = await broker.readErrorLine() {
            if line.contains(text) { return }
        }
        Issue.record("the broker ended without '\(text)'")
    }
}
