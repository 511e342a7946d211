import BrokerAggregation
import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Folds per key, and keys that go stale.
@Suite("Keys")
struct KeyTests {
    private static let second: UInt64 = 1_000_000_000

    /// The factory: the highest of what each machine drew last, without those that are silent.
    private static func rules(staleAfter seconds: UInt64? = 10) throws -> [TopicRule] {
        let context = AggregationContext(number: .decimal)
        var rule = try TopicRule(view: "factory/power/max", "max", from: "factory/+/power").taking(key: "+1")
        rule.aggregator = .init(
            keyed: .init(
                perKey: try AggregatorRegistry.builtIn.factory(name: "last", context: context),
                across: try AggregatorRegistry.builtIn.factory(name: "max", context: context),
                number: .decimal,
                keysMax: 3
            )
        )
        rule.staleAfter = seconds.map { $0 * Self.second }
        return [rule]
    }

    private func publish(_ power: String, from machine: String, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"pub","id":1,"topic":"factory/\#(machine)/power","data":\#(power)}"#, from: client)
            .first
    }

    private func highest(_ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"factory/power/max"}"#, from: client).first
    }

    @Test func theMaximumOverTheLatestReadingsGoesDownAgain() throws {
        let harness = try CoreHarness(Self.rules())
        _ = self.publish("300", from: "press", harness)
        _ = self.publish("700.5", from: "drill", harness)
        #expect(self.highest(harness)?["data"] == "700.5")
        _ = self.publish("100", from: "drill", harness)
        #expect(self.highest(harness)?["data"] == "300")
    }

    /// At its time and not before; the others stay, and it is a change like any other.
    @Test func aSilentMachineLeavesTheMaximum() throws {
        let harness = try CoreHarness(Self.rules())
        let subscriber = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"factory/power/max"}"#, from: subscriber)
        _ = self.publish("700", from: "drill", harness)
        harness.advance(milliseconds: 5000)
        _ = self.publish("300", from: "press", harness)
        _ = subscriber.frames()
        harness.advance(milliseconds: 4999)
        harness.sweep()
        harness.settle()
        #expect(self.highest(harness)?["data"] == "700")
        harness.advance(milliseconds: 1)
        harness.sweep()
        harness.settle()
        #expect(self.highest(harness)?["data"] == "300")
        #expect(subscriber.frames().map { $0["data"] } == ["300"])
        #expect(self.highest(harness)?.offset == 3)
    }

    /// Nobody knows how long a machine was silent while the broker was away, so it has its time anew.
    @Test func afterARestartEveryKeyHasItsTimeAnew() throws {
        let first = try CoreHarness(Self.rules())
        _ = self.publish("700", from: "drill", first)
        _ = self.publish("300", from: "press", first)
        let second = try CoreHarness(Self.rules(), rows: first.storedRows)
        second.sweep()
        second.advance(milliseconds: 9999)
        _ = self.publish("200", from: "press", second)
        second.sweep()
        second.settle()
        #expect(self.highest(second)?["data"] == "700")
        second.advance(milliseconds: 1)
        second.sweep()
        second.settle()
        #expect(self.highest(second)?["data"] == "200")
    }

    @Test func theLastMachineThatGoesLeavesNoValue() throws {
        let harness = try CoreHarness(Self.rules())
        _ = self.publish("700", from: "drill", harness)
        harness.advance(milliseconds: 10_000)
        harness.sweep()
        harness.settle()
        #expect(self.highest(harness)?.code == 4404)
        _ = self.publish("5", from: "drill", harness)
        #expect(self.highest(harness)?["data"] == "5")
    }

    @Test func withoutATimeAKeyStaysForEver() throws {
        let harness = try CoreHarness(Self.rules(staleAfter: nil))
        _ = self.publish("700", from: "drill", harness)
        harness.advance(milliseconds: 1_000_000_000)
        harness.sweep()
        harness.settle()
        #expect(self.highest(harness)?["data"] == "700")
    }

    @Test func theMachinePastTheLimitIsRefusedAndNothingIsPublished() throws {
        let harness = try CoreHarness(Self.rules())
        for machine in ["a", "b", "c"] { #expect(self.publish("1", from: machine, harness)?.operation == "ack") }
        let refusal = try #require(self.publish("1", from: "d", harness))
        #expect(refusal.code == 4004)
        #expect(refusal.string("why") == "too_many_keys")
        #expect(self.publish("2", from: "a", harness)?.operation == "ack")
    }

    @Test func aFailedCommitBringsTheKeyBack() throws {
        let harness = try CoreHarness(Self.rules())
        _ = self.publish("700", from: "drill", harness)
        harness.advance(milliseconds: 10_000)
        harness.sweep()
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        #expect(self.highest(harness)?["data"] == "700")
    }
}
