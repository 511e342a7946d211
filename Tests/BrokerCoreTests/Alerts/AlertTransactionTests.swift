import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// What somebody found who tried to break them.
@Suite("Alerts, transactions and timers")
struct AlertTransactionTests: AlertFixture {
    @Test func anEventsOffsetDoesNotJumpWhenItsViewIsNotStored() throws {
        let harness = try self.harness([try TopicRule("news"), try TopicRule(view: "count", "count", from: "news")])
        let watcher = self.subscribe("news", harness)
        self.publish("1", "news", harness)
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"news","data":2}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        #expect(client.frames().map(\.operation) == ["err"])
        self.publish("3", "news", harness)
        #expect(watcher.frames().map { $0.offset } == [1, 2])
    }

    @Test func aRepetitionHasTheNumberThatItHad() throws {
        var alert = try Self.above("500")
        alert.scope = .key
        alert.repeatInterval = 5 * Self.second
        alert.raiseActions = [AlertAction("alarm/{key}", "true")]
        let harness = try self.harness([try Self.keyed("max", alert)])
        let watcher = self.subscribe("alarm/press", harness)
        self.publish("600", "factory/press/power", harness)
        self.publish("600", "factory/saw/power", harness)
        self.pass(seconds: 6, harness)
        let numbers = watcher.frames().map { $0["alert"]?.contains(#""n":1}"#) }
        #expect(numbers == [true, true])
    }

    @Test func diamondToldWithItsOwnValue() throws {
        let harness = try self.harness([
            try TopicRule("a", "sum"), try TopicRule(view: "v/one", "sum", from: "a"),
            try TopicRule(view: "v/two", "sum", from: "a"),
            try TopicRule(view: "w", "sum", from: "v/+"),
        ])
        let watcher = self.subscribe("w", harness)
        self.publish("1", "a", harness)
        #expect(watcher.frames().map { "\($0.offset ?? 0):\($0["data"] ?? "")" } == ["1:1", "2:2"])
    }

    @Test func twoActionsToOneTotal() throws {
        var alert = try Self.above("5")
        alert.raiseActions = [AlertAction("alarms", "9"), AlertAction("alarms", "0")]
        var second = try Self.above("5", name: "b")
        second.raiseActions = [AlertAction("panic", "true")]
        let harness = try self.harness([
            try TopicRule("t", "last").watched(by: alert), try TopicRule("alarms", "last").watched(by: second),
        ])
        let watcher = self.subscribe("alarms", harness)
        self.publish("6", "t", harness)
        #expect(watcher.frames().map { $0["data"] } == ["9", "0"])
        #expect(self.value("panic", harness)?["data"] == "true")
    }

    @Test func theAckHasTheValueAfterThisPublish() throws {
        var alert = try Self.above("5")
        alert.raiseActions = [AlertAction("t", "-100")]
        let harness = try self.harness([try TopicRule("t", "sum").watched(by: alert)])
        let watcher = self.subscribe("t", harness)
        let ack = self.publish("6", "t", harness)
        #expect(ack?["data"] == "6" && ack?.offset == 1)
        #expect(watcher.frames().map { $0["data"] } == ["6", "-94"])
    }

    @Test func afterAnUnknownCommitNothingGoesRoundInCircles() throws {
        var alert = try Self.above("500")
        alert.delay = 2 * Self.second
        alert.raiseActions = [AlertAction("alarm", "true")]
        let harness = try self.harness([try TopicRule("t", "last").watched(by: alert), try TopicRule("u", "last")])
        self.publish("600", "t", harness)
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"u","data":6}"#, from: client)
        harness.tick()
        harness.finishCommit(.unknown(reason: "test"))
        self.pass(seconds: 5, harness)
    }

    @Test func topicsThatWereOnlyAskedForAreForgotten() throws {
        var alert = try Self.above("500")
        alert.raiseActions = [AlertAction("alarm", "true")]
        let harness = try self.harness([try TopicRule("t/+", "last").watched(by: alert), try TopicRule("u/+", "last")])
        let before = harness.broker.topicCount
        for topic in ["t", "u"] {
            for index in 0..<50 {
                let client = harness.connect()
                harness.ask(#"{"op":"sub","id":1,"topic":"\#(topic)/\#(index)"}"#, from: client)
                harness.disconnect(client)
                _ = self.publish(#""no number""#, "\(topic)/x\(index)", harness)
            }
        }
        for _ in 0..<100 {
            harness.advance(milliseconds: 3_600_000)
            harness.sweep()
            harness.settle()
        }
        #expect(harness.broker.topicCount == before)
    }
    private func heapCount(_ harness: CoreHarness) -> Int {
        let mirror = Mirror(reflecting: harness.broker.timers)
        return (mirror.children.first { $0.label == "heap" }?.value as? [Any])?.count ?? -1
    }

    @Test func failedCommitsLeaveNoTimers() throws {
        let harness = try self.harness([try TopicRule("t", "sum").windowed(.tumbling(size: 86_400_000))])
        self.publish("1", "t", harness)
        let client = harness.connect()
        for _ in 0..<1000 {
            harness.advance(milliseconds: 10)
            harness.send(#"{"op":"pub","id":1,"topic":"t","data":6}"#, from: client)
            harness.tick()
            harness.finishCommit(.full(reason: "test"))
            harness.settle()
        }
        #expect(self.heapCount(harness) < 20)
    }

    @Test func flippingLeavesNoTimers() throws {
        var alert = try Self.above("500")
        alert.delay = 1 * Self.second
        let silent = AlertRule(name: "silent", condition: .noData(86_400 * Self.second, text: "1d"))
        let harness = try self.harness([try TopicRule("t", "last").watched(by: alert, silent)])
        for _ in 0..<1000 {
            self.publish("600", "t", harness)
            self.publish("1", "t", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(self.heapCount(harness) < 20)
    }

    @Test func aKeyThatMakesTheCommandTooLongIsRefused() throws {
        var alert = try Self.above("90")
        alert.raiseActions = [AlertAction("factory/{key}/cmd", "true")]
        let rule = try TopicRule("t", "last").taking(value: "/t", key: "/m").watched(by: alert)
        let harness = try self.harness([rule])
        let key = String(repeating: "k", count: 250)
        let answer = self.publish(#"{"t":95,"m":"\#(key)"}"#, "t", harness)
        // Either refused or published; not accepted and silent.
        #expect(answer?.operation == "err" || self.value("factory/\(key)/cmd", harness)?["data"] == "true")
    }

    @Test func anAlertOfAnotherKindDoesNotTakeOverAState() throws {
        var alert = AlertRule(name: "watch", condition: .noData(30 * Self.second, text: "30s"))
        alert.scope = .key
        alert.expectedKeys = [Array("boiler".utf8)]
        alert.raiseActions = [AlertAction("alarm", #""{key} at {value}""#)]
        let first = try self.harness([try Self.keyed("max", alert)])
        self.publish("1", "factory/press/power", first)
        alert.condition = .above(try ExactDecimal("500"), clearBelow: nil)
        alert.expectedKeys = []
        alert.delay = 2 * Self.second
        let second = try self.harness([try Self.keyed("max", alert)], rows: first.storedRows)
        for _ in 0..<5 {
            self.publish("1", "factory/press/power", second)
            self.pass(seconds: 1, second)
        }
        #expect(self.value("alarm", second)?.code == 4404)
    }

    @Test func anAlertOfAnotherScopeDoesNotTakeOverAState() throws {
        var alert = try Self.above("500")
        alert.scope = .key
        alert.repeatInterval = 2 * Self.second
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        alert.clearActions = [AlertAction("alarm", #""off""#)]
        let first = try self.harness([try Self.keyed("max", alert)])
        self.publish("600", "factory/press/power", first)
        alert.scope = .across
        let second = try self.harness([try Self.keyed("max", alert)], rows: first.storedRows)
        let watcher = self.subscribe("alarm", second)
        for _ in 0..<10 {
            self.publish("1", "factory/press/power", second)
            self.pass(seconds: 1, second)
        }
        #expect(watcher.frames().filter { $0["data"] == #""on""# }.isEmpty)
    }

    @Test func everyMissingKeyHasToComeBack() throws {
        let rule = try Self.above("500")
        let (press, drill) = (Array("press".utf8), Array("drill".utf8))
        var state = AlertState()
        _ = state.measure(try ExactDecimal("600"), from: press, label: press, rule, at: 0)
        state.lost(
            press,
            own: try ExactDecimal("600"),
            before: try ExactDecimal("600"),
            after: try ExactDecimal("1"),
            rule,
            at: 1
        )
        _ = state.measure(try ExactDecimal("550"), from: drill, label: drill, rule, at: 2)
        state.lost(
            drill,
            own: try ExactDecimal("550"),
            before: try ExactDecimal("550"),
            after: try ExactDecimal("1"),
            rule,
            at: 3
        )
        #expect(state.measure(try ExactDecimal("100"), from: press, label: press, rule, at: 4) == nil)
        #expect(state.isRaised)
    }
    // 21

    @Test func anEvictedKeyIsNotWell() throws {
        var alert = try Self.above("500")
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        alert.clearActions = [AlertAction("alarm", #""off""#)]
        var rule = try TopicRule(view: "factory/max", "max", from: "factory/+/power").taking(key: "+1")
        let context = AggregationContext(number: .decimal)
        rule.aggregator = .init(
            keyed: .init(
                perKey: try AggregatorRegistry.builtIn.factory(name: "last", context: context),
                across: try AggregatorRegistry.builtIn.factory(name: "max", context: context),
                number: .decimal,
                keysMax: 2,
                onFull: .evict
            )
        )
        rule = rule.forgetting(afterSeconds: 10)
        rule.alerts = [alert]
        let harness = try self.harness([rule])
        for (key, power) in [("press", 600), ("drill", 1), ("saw", 1)] {
            self.publish("\(power)", "factory/\(key)/power", harness)
            harness.advance(milliseconds: 10)
        }
        #expect(self.value("factory/max", harness)?["data"] == "1")
        #expect(self.value("alarm", harness)?["data"] == #""on""#)
    }

    @Test func aPublishAfterAClockJumpSeesItsOwnWindow() throws {
        let harness = try self.harness([try TopicRule("t", "sum").windowed(.tumbling(size: 60_000))])
        self.publish("5", "t", harness)
        harness.setWall(to: harness.time.wall + 60_000)
        let ack = self.publish("1", "t", harness)
        #expect(ack?["data"] == "1")
    }

    @Test func aPublishAfterAFailedCloseSeesItsOwnWindow() throws {
        let harness = try self.harness([try TopicRule("t", "sum").windowed(.tumbling(size: 60_000))])
        self.publish("5", "t", harness)
        harness.advance(milliseconds: 60_000)
        harness.finishCommit(.full(reason: "test"))
        let ack = self.publish("1", "t", harness)
        #expect(ack?["data"] == "1")
    }

    @Test func aTransitionKeepsTheTimeOfTheValue() throws {
        var alert = try Self.above("90")
        alert.delay = 2 * Self.second
        alert.raiseActions = [AlertAction("alarm", "true")]
        let harness = try self.harness([try TopicRule("t", "last").watched(by: alert)])
        self.publish("95", "t", harness)
        let before = self.value("t", harness)
        self.pass(seconds: 3, harness)
        let after = self.value("t", harness)
        #expect(before?["ts"] == after?["ts"] && before?.offset == after?.offset)
    }

    /// With `who` the key of the value is another one than the key that spoke.
    @Test func acrossClearsWhenTheMissingKeyIsBackWithWho() throws {
        var alert = try Self.above("500")
        alert.raiseActions = [AlertAction("alarm", #""on""#)]
        alert.clearActions = [AlertAction("alarm", #""off""#)]
        let context = AggregationContext(number: .decimal)
        var rule = try TopicRule(view: "factory/max", "max", from: "factory/+/power").taking(key: "+1")
        rule.aggregator = .init(
            keyed: .init(
                perKey: try AggregatorRegistry.builtIn.factory(name: "last", context: context),
                across: try AggregatorRegistry.builtIn.factory(
                    name: "max",
                    parameters: Array(#"{"who":true}"#.utf8),
                    context: context
                ),
                number: .decimal,
                keysMax: 10
            )
        )
        rule = rule.forgetting(afterSeconds: 10)
        rule.alerts = [alert]
        let harness = try self.harness([rule])
        self.publish("600", "factory/press/power", harness)
        for _ in 0..<12 {
            self.publish("300", "factory/drill/power", harness)
            self.pass(seconds: 1, harness)
        }
        self.publish("100", "factory/press/power", harness)
        #expect(self.value("alarm", harness)?["data"] == #""off""#)
    }

    /// Raised for many at once, the total is told once each.
    @Test func keysThatAreRaisedTogetherCountOneByOne() throws {
        var alert = try Self.above("500")
        alert.scope = .key
        alert.delay = 2 * Self.second
        alert.raiseActions = [AlertAction("alarms", "1")]
        let harness = try self.harness([try Self.keyed("max", alert), try TopicRule("alarms", "sum")])
        let watcher = self.subscribe("alarms", harness)
        for key in ["a", "b", "c"] { self.publish("600", "factory/\(key)/power", harness) }
        self.pass(seconds: 3, harness)
        #expect(watcher.frames().map { $0["data"] } == ["1", "2", "3"])
    }
}
