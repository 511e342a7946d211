import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// Short words for what tests of alerts do.
protocol AlertFixture {}

extension AlertFixture {
    static var second: UInt64 { 1_000_000_000 }
    static var minute: BrokerTime { BrokerTime(monotonic: 5_000_000_000, wall: 1_795_460_040_000) }

    func harness(
        _ rules: [TopicRule],
        rows: [TopicRow] = [],
        limits: BrokerLimits = BrokerLimits()
    ) throws -> CoreHarness {
        try CoreHarness(rules, limits: limits, rights: [.publish, .subscribe, .admin], rows: rows, time: Self.minute)
    }
    @discardableResult
    func publish(_ data: String, _ topic: String, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(data)}"#, from: client).first
    }
    func subscribe(_ filter: String, _ harness: CoreHarness, mode: String = "all") -> CoreHarness.Client {
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"\#(filter)","mode":"\#(mode)"}"#, from: client)
        _ = client.frames()
        return client
    }
    func value(_ topic: String, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
    }
    func pass(seconds: Int, _ harness: CoreHarness) {
        for _ in 0..<seconds {
            harness.advance(milliseconds: 1000)
            harness.sweep()
            harness.settle()
        }
    }
    static func above(_ limit: String, clear: String? = nil, name: String = "a") throws -> AlertRule {
        AlertRule(
            name: name,
            condition: .above(try ExactDecimal(limit), clearBelow: try clear.map { try ExactDecimal($0) })
        )
    }
    static func keyed(
        _ aggregate: String = "max",
        stale: UInt64 = 10,
        keysMax: Int = 100,
        _ alerts: AlertRule...
    ) throws -> TopicRule {
        var rule = try TopicRule(view: "factory/max", aggregate, from: "factory/+/power")
            .folding(perKey: "last", keysMax: keysMax).forgetting(afterSeconds: stale)
        rule.alerts = alerts
        rule.alertKeysMax = keysMax
        return rule
    }
}
