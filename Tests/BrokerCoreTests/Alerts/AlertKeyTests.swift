import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// What somebody found who tried to break them.
@Suite("Alerts, their keys and what is lost")
struct AlertKeyTests: AlertFixture {
    // 1
    @Test func aLimitIsComparedWithWholeNumbers() throws {
        var alert = try Self.above("2")
        alert.raiseActions = [AlertAction("many", "1")]
        let harness = try self.harness([try TopicRule("visits", "count").watched(by: alert)])
        #expect(self.publish("1", "visits", harness)?.operation == "ack")
    }

    @Test func aLimitIsComparedWithALargeDouble() throws {
        // A rule whose value is a double: scale 18 as long as it is small.
        var alert = try Self.above("2")
        alert.raiseActions = [AlertAction("many", "1")]
        let factory = try AggregatorRegistry.builtIn.factory(
            name: "variance",
            parameters: Array(#"{"kind":"population"}"#.utf8),
            context: AggregationContext(number: .decimal)
        )
        var rule = try TopicRule("x", "sum").watched(by: alert)
        rule.aggregator = factory
        let harness = try self.harness([rule])
        #expect(self.publish("1", "x", harness)?.operation == "ack")
        #expect(self.publish("1000000000000000", "x", harness)?.operation == "ack")
    }

    @Test func acrossClearsWhenTheMissingKeyIsBack() throws {
        var alert = try Self.above("500")
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        alert.clearActions = [AlertAction("alarm", #""off""#)]
        let harness = try self.harness([try Self.keyed("max", alert)])
        self.publish("600", "factory/press/power", harness)
        #expect(self.value("alarm", harness)?["data"] == #""on""#)
        for _ in 0..<12 {
            self.publish("300", "factory/drill/power", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(self.value("factory/max", harness)?["data"] == "300")
        #expect(self.value("alarm", harness)?["data"] == #""on""#)
        for _ in 0..<5 {
            self.publish("100", "factory/press/power", harness)
            self.publish("300", "factory/drill/power", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(self.value("alarm", harness)?["data"] == #""off""#)
    }

    @Test func anUnrelatedKeyThatLeavesDoesNotStopWhatIsPending() throws {
        var alert = try Self.above("500")
        alert.delay = 5 * Self.second
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        let harness = try self.harness([try Self.keyed("max", alert)])
        self.publish("1", "factory/saw/power", harness)
        self.pass(seconds: 8, harness)
        self.publish("600", "factory/press/power", harness)
        self.pass(seconds: 6, harness)  // saw leaves after two of them
        #expect(self.value("factory/max", harness)?["data"] == "600")
        #expect(self.value("alarm", harness)?["data"] == #""on""#)
    }

    @Test func aKeyThatLeavesCanRaiseToo() throws {
        var alert = AlertRule(name: "few", condition: .below(try ExactDecimal("2", as: .int), clearAbove: nil))
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        var rule = try Self.keyed("count", alert)
        rule.number = .decimal
        let harness = try self.harness([rule])
        self.publish("1", "factory/saw/power", harness)
        self.publish("1", "factory/press/power", harness)
        _ = self.publish("1", "factory/saw/power", harness)
        let before = self.value("alarm", harness)?.offset
        self.pass(seconds: 9, harness)
        self.publish("1", "factory/press/power", harness)
        self.pass(seconds: 3, harness)
        #expect(self.value("factory/max", harness)?["data"] == "1")
        #expect(before == 1)
        // no further publish: the value is beyond, and nothing was said
        #expect(self.value("alarm", harness)?.offset == 2)
    }

    @Test func aKeyThatLeavesCanRaiseTooBySum() throws {
        var alert = AlertRule(name: "few", condition: .below(try ExactDecimal("2"), clearAbove: nil))
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        let harness = try self.harness([try Self.keyed("sum", alert)])
        self.publish("2", "factory/saw/power", harness)
        self.publish("1", "factory/press/power", harness)
        for _ in 0..<3 {
            self.pass(seconds: 3, harness)
            self.publish("1", "factory/press/power", harness)
        }
        self.pass(seconds: 1, harness)
        self.pass(seconds: 1, harness)
        #expect(self.value("factory/max", harness)?["data"] == "1")
        #expect(self.value("alarm", harness)?["data"] == #""on""#)
    }

    @Test func anAlertThatWaitsKnowsItsKey() throws {
        var alert = try Self.above("90")
        alert.delay = 2 * Self.second
        alert.raiseActions = [AlertAction("stop/{key}", "true")]
        let rule = try TopicRule("temperature/+", "last").taking(key: "+1").watched(by: alert)
        let harness = try self.harness([rule])
        self.publish("95", "temperature/press", harness)
        self.pass(seconds: 3, harness)
        #expect(self.value("stop/press", harness)?["data"] == "true")
    }

    @Test func anAlertOfAWindowKnowsItsKey() throws {
        var alert = try Self.above("90")
        alert.raiseActions = [AlertAction("stop/{key}", "true")]
        let rule = try TopicRule("temperature/+", "avg").taking(key: "+1").windowed(.tumbling(size: 60_000)).watched(
            by: alert
        )
        let harness = try self.harness([rule])
        self.publish("95", "temperature/press", harness)
        self.pass(seconds: 61, harness)
        #expect(self.value("stop/press", harness)?["data"] == "true")
    }

    @Test func whatWasRaisedForAKeyIsClearedForIt() throws {
        var alert = try Self.above("90")
        alert.raiseActions = [AlertAction("stop/{key}", "true")]
        alert.clearActions = [AlertAction("stop/{key}", "null")]
        let rule = try TopicRule("temperature", "last").taking(value: "/t", key: "/m").watched(by: alert)
        let harness = try self.harness([rule])
        self.publish(#"{"t":95,"m":"press"}"#, "temperature", harness)
        self.publish(#"{"t":20,"m":"drill"}"#, "temperature", harness)
        #expect(self.value("stop/press", harness)?.code == 4404)
    }

    @Test func anExpectedKeyIsNotForgottenForOthers() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.scope = .key
        alert.expectedKeys = [Array("boiler".utf8)]
        alert.raiseActions = [AlertAction("silent/{key}", "true")]
        let harness = try self.harness([try Self.keyed("max", stale: 2, keysMax: 3, alert)])
        for key in ["x1", "x2", "x3", "x4", "x5", "x6"] {
            self.publish("1", "factory/\(key)/power", harness)
            self.pass(seconds: 1, harness)
        }
        self.pass(seconds: 40, harness)
        #expect(self.value("silent/boiler", harness)?["data"] == "true")
    }

    @Test func aLiveKeyIsNotForgottenForOthers() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.scope = .key
        alert.raiseActions = [AlertAction("silent/{key}", "true")]
        let harness = try self.harness([try Self.keyed("max", stale: 2, keysMax: 3, alert)])
        for key in ["x1", "x2", "x3", "x4", "x5", "x6"] {
            self.publish("1", "factory/\(key)/power", harness)
            self.publish("1", "factory/boiler/power", harness)
            self.pass(seconds: 1, harness)
        }
        self.publish("1", "factory/x7/power", harness)
        self.pass(seconds: 40, harness)
        #expect(self.value("silent/boiler", harness)?["data"] == "true")
    }

    @Test func afterAResetSilenceIsStillNoticed() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.scope = .key
        alert.expectedKeys = [Array("boiler".utf8)]
        alert.raiseActions = [AlertAction("silent/{key}", "true")]
        let harness = try self.harness([try Self.keyed("max", alert)])
        let client = harness.connect()
        harness.ask(#"{"op":"reset","id":1,"topic":"factory/max"}"#, from: client)
        self.pass(seconds: 40, harness)
        #expect(self.value("silent/boiler", harness)?["data"] == "true")
    }

    @Test func afterAResetSilenceIsStillNoticedAcross() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.raiseActions = [AlertAction("silent", "true")]
        let harness = try self.harness([try TopicRule("meter", "last").watched(by: alert)])
        self.publish("1", "meter", harness)
        let client = harness.connect()
        harness.ask(#"{"op":"reset","id":1,"topic":"meter"}"#, from: client)
        self.pass(seconds: 40, harness)
        #expect(self.value("silent", harness)?["data"] == "true")
    }

    @Test func silenceOfAWindowedTopicIsOfItsSamples() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.raiseActions = [AlertAction("silent", "true")]
        let harness = try self.harness([
            try TopicRule("meter", "sum").windowed(.tumbling(size: 60_000)).watched(by: alert)
        ])
        for _ in 0..<55 {
            self.publish("1", "meter", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(self.value("silent", harness)?.code == 4404)
    }

    @Test func anEmptyWindowIsSilence() throws {
        var alert = AlertRule(name: "silent", condition: .noData(30 * Self.second, text: "30s"))
        alert.raiseActions = [AlertAction("silent", "true")]
        let harness = try self.harness([
            try TopicRule("meter", "sum").windowed(.tumbling(size: 10_000), empty: .zero).watched(by: alert)
        ])
        self.publish("1", "meter", harness)
        self.pass(seconds: 300, harness)
        #expect(self.value("silent", harness)?["data"] == "true")
    }

    @Test func aPlaceholderThatIsAMemberNameStaysJSON() throws {
        var alert = try Self.above("5")
        alert.raiseActions = [AlertAction("alarm", #"{"{value}":1}"#)]
        let harness = try self.harness([try TopicRule("t", "last").watched(by: alert)])
        self.publish("6", "t", harness)
        #expect(self.value("alarm", harness)?["data"] == #"{"6":1}"#)
    }

    @Test func aMemoryTopicDoesNotKeepWhatAFailedCommitTakesBack() throws {
        var alert = try Self.above("5")
        alert.raiseActions = [AlertAction("alarms", "1")]
        let harness = try self.harness([
            try TopicRule("t", "last").watched(by: alert), try TopicRule("alarms", "sum", durability: .memory),
        ])
        let watcher = self.subscribe("alarms", harness, mode: "latest")
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"t","data":6}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        #expect(client.frames().map(\.operation) == ["err"])
        #expect(watcher.frames().isEmpty)
        harness.ask(#"{"op":"pub","id":2,"topic":"t","data":6}"#, from: client)
        #expect(self.value("alarms", harness)?["data"] == "1")
    }

    @Test func aMemoryTopicsOffsetsDoNotJump() throws {
        var alert = try Self.above("5")
        alert.raiseActions = [AlertAction("alarms", "1")]
        let harness = try self.harness([
            try TopicRule("t", "last").watched(by: alert), try TopicRule("alarms", "sum", durability: .memory),
        ])
        let watcher = self.subscribe("alarms", harness)
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"t","data":6}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        harness.ask(#"{"op":"pub","id":2,"topic":"t","data":6}"#, from: client)
        #expect(watcher.frames().map { $0.offset } == [1])
    }
}
