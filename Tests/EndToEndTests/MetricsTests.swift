import BrokerTestKit
import BrokerWire
import Foundation
import Testing

// On Linux what loads URLs is a module of its own.
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `GET /metrics` and the topics below `$sys/`.
@Suite("Metrics", .timeLimit(.minutes(5)))
struct MetricsTests {
    private func metrics(_ broker: TestBroker) async throws -> [String: Double] {
        let url = try #require(URL(string: "http://127.0.0.1:\(broker.adminPort)/metrics"))
        let (data, response) = try await URLSession.shared.data(from: url)
        let type = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Content-Type")
        #expect(type == "text/plain; version=0.0.4; charset=utf-8")
        var values: [String: Double] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            #expect(parts.count == 2, "\(line)")
            values[String(parts[0])] = parts.last.flatMap { Double($0) }
        }
        return values
    }

    @Test func theyTellWhatHasHappened() async throws {
        let topics = #"[{"topic":"clicks","aggregate":"sum","metrics":true},{"topic":"more","aggregate":"sum"}]"#
        try await TestBroker.run(topics: topics) { broker async throws in
            try await WireClient.run(port: broker.port) { client in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
                try await client.send(#"{"op":"pub","id":1,"topic":"clicks","data":2.5}"#)
                _ = try await client.receive()
                _ = try await client.receive()
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"more","data":2.5}"#)
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":"x"}"#)
                let values = try await self.metrics(broker)
                #expect(values["wsbroker_publishes_total"] == 3)
                #expect(values["wsbroker_accepted_total"] == 2)
                #expect(values[#"wsbroker_refusals_total{code="4004",name="bad_value"}"#] == 1)
                #expect(values["wsbroker_connections"] == 1)
                #expect(values["wsbroker_subscriptions"] == 1)
                #expect(values["wsbroker_deliveries_total"] == 1)
                #expect(values[#"wsbroker_topic_value{topic="clicks"}"#] == 2.5)
                #expect(!values.keys.contains { $0.contains("more") })
                #expect(values["wsbroker_commit_duration_seconds_count"] == values["wsbroker_commit_rows_count"])
                #expect(values["wsbroker_fsync_duration_seconds_count"] ?? 0 >= 2)
                #expect(values["wsbroker_wal_bytes"] ?? 0 > 0)
                #expect(values["wsbroker_received_bytes_total"] ?? 0 > 100)
                #expect(values[#"wsbroker_store_state{state="ok"}"#] == 1)
                #expect(values[#"wsbroker_loop_lag_seconds{loop="0"}"#] != nil)
            }
        }
    }

    @Test func theBrokersOwnTopicsFollow() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client in
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#)
                try await client.send(#"{"op":"sub","id":2,"topic":"$sys/#"}"#)
                var seen: Set<String> = []
                let wanted: Set<String> = [
                    "$sys/publishes", "$sys/connections", "$sys/store/commits", "$sys/alerts", "$sys/version",
                ]
                while !wanted.isSubset(of: seen) {
                    let frame = try await client.receive()
                    guard let topic = JSONField.string("topic", in: frame) else { continue }
                    seen.insert(topic)
                    if topic == "$sys/alerts" { #expect(frame.contains(#""data":[]"#)) }
                }
            }
        }
    }

    @Test func aBackupIsNoted() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.metrics(broker)["wsbroker_backup_timestamp_seconds"] == nil)
            let arguments = [
                "store", "backup", broker.folder.appendingPathComponent("copy.db").path,
                "--store", broker.folder.appendingPathComponent("store.db").path,
                "--set", "admin.port=\(broker.adminPort)",
            ]
            let end = await (try ChildProcess("wsbroker", arguments, in: broker.folder)).wait()
            #expect(end.status == 0, "\(end.errors)")
            #expect(try await self.metrics(broker)["wsbroker_backup_timestamp_seconds"] ?? 0 > 1_700_000_000)
        }
    }
}
