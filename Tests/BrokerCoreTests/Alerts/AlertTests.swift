import BrokerAggregation
import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Alerts in the broker: what they publish, when, and what survives.
@Suite("Alerts")
struct AlertTests {
    private static let second: UInt64 = 1_000_000_000

    /// The factory: the highest of what each machine drew last, and an alert for each machine.
    private static func rules(_ change: (inout AlertRule) -> Void = { _ in }) throws -> [TopicRule] {
        var alert = AlertRule(
            name: "overpower",
            condition: .above(try ExactDecimal("500"), clearBelow: try ExactDecimal("450"))
        )
        alert.scope = .key
        alert.delay = 2 * Self.second
        alert.clearDelay = 10 * Self.second
        alert.raiseActions = [
            AlertAction("factory/alerts", #"{"level":"critical","text":"{key} draws {value} kW of {limit}"}"#),
            AlertAction("factory/{key}/cmd", #"{"cmd":"shutdown","kw":"{value}"}"#),
        ]
        alert.clearActions = [
            AlertAction("factory/alerts", #"{"level":"ok"}"#), AlertAction("factory/{key}/cmd", "null"),
        ]
        change(&alert)
        return [
            try TopicRule(view: "factory/power/max", "max", from: "factory/+/power").folding(perKey: "last")
                .forgetting(afterSeconds: 10).watched(by: alert)
        ]
    }

    private func publish(_ power: String, from machine: String, _ harness: CoreHarness) {
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"factory/\#(machine)/power","data":\#(power)}"#, from: client)
        harness.disconnect(client)
    }

    /// Lets time pass a second at a time, as the broker does.
    private func pass(seconds: Int, _ harness: CoreHarness) {
        for _ in 0..<seconds {
            harness.advance(milliseconds: 1000)
            harness.sweep()
            harness.settle()
        }
    }

    private func subscribe(_ filter: String, _ harness: CoreHarness) -> CoreHarness.Client {
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"\#(filter)","mode":"all"}"#, from: client)
        return client
    }

    private func retained(_ topic: String, _ harness: CoreHarness) -> String? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        let frame = harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
        return frame?["data"].map { "\($0) \(frame?["alert"] ?? "")" }
    }

    @Test func oneMachineSpikesAndIsShutDownOnce() throws {
        let harness = try CoreHarness(Self.rules())
        let alerts = self.subscribe("factory/alerts", harness)
        let commands = self.subscribe("factory/+/cmd", harness)
        for machine in ["press", "drill", "saw"] { self.publish("300", from: machine, harness) }
        self.publish("612.5", from: "press", harness)
        self.pass(seconds: 1, harness)
        self.publish("620", from: "press", harness)
        #expect(alerts.frames().isEmpty)
        self.pass(seconds: 1, harness)
        let warning = try #require(alerts.frames().first)
        #expect(warning["data"] == #"{"level":"critical","text":"press draws 620 kW of 500"}"#)
        #expect(
            warning["alert"]
                == #"{"name":"overpower","key":"press","state":"raised","value":620,"limit":500,"n":1}"#
        )
        let command = commands.frames()
        #expect(command.map(\.topic) == ["factory/press/cmd"])
        #expect(command.first?["data"] == #"{"cmd":"shutdown","kw":620}"#)
        // It goes on, and nothing is said twice.
        for _ in 0..<5 {
            self.publish("630", from: "press", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(alerts.frames().isEmpty && commands.frames().isEmpty)
    }

    @Test func recoveryClearsOnceAfterItsTime() throws {
        let harness = try CoreHarness(Self.rules())
        self.publish("612", from: "press", harness)
        self.pass(seconds: 2, harness)
        let commands = self.subscribe("factory/+/cmd", harness)
        _ = commands.frames()
        for second in 0..<15 {
            self.publish("400", from: "press", harness)
            self.pass(seconds: 1, harness)
            #expect(commands.frames().count == (second == 9 ? 1 : 0), "second \(second)")
        }
        #expect(self.retained("factory/press/cmd", harness) == nil)
        #expect(
            self.retained("factory/alerts", harness)
                == #"{"level":"ok"} {"name":"overpower","key":"press","state":"cleared","#
                + #""value":400,"limit":500,"n":2}"#
        )
    }

    @Test func aMachineThatDiesWhileItsAlertIsRaisedIsNotWell() throws {
        let harness = try CoreHarness(Self.rules())
        self.publish("300", from: "drill", harness)
        self.publish("612", from: "press", harness)
        self.pass(seconds: 2, harness)
        let before = self.retained("factory/alerts", harness)
        let alerts = self.subscribe("factory/#", harness)
        _ = alerts.frames()
        for _ in 0..<30 {
            self.publish("300", from: "drill", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(alerts.frames().filter { $0["alert"] != nil }.isEmpty)
        #expect(self.retained("factory/alerts", harness) == before)
        // The machine comes back, and is well for long enough.
        for _ in 0..<11 {
            self.publish("100", from: "press", harness)
            self.pass(seconds: 1, harness)
        }
        #expect(self.retained("factory/press/cmd", harness) == nil)
    }

    @Test func whoWasAwayStillSeesIt() throws {
        let harness = try CoreHarness(Self.rules())
        self.publish("612", from: "press", harness)
        self.pass(seconds: 2, harness)
        let late = harness.connect()
        let frames = harness.ask(#"{"op":"sub","id":1,"topic":"factory/+/cmd"}"#, from: late)
        #expect(frames.map(\.operation) == ["msg", "ack"])
        #expect(frames.first?["retained"] == "true")
        #expect(frames.first?["alert"] != nil)
    }

    // MARK: With the fold, or not at all

    /// The commit that raises it is never completed: the broker is killed between the fold and the sending.
    @Test func whatWasNotCommittedDidNotHappenAndHappensAgain() throws {
        let first = try CoreHarness(Self.rules { $0.delay = 0 })
        let publisher = first.connect()
        let watcher = self.subscribe("factory/alerts", first)
        first.send(#"{"op":"pub","id":1,"topic":"factory/press/power","data":612}"#, from: publisher)
        first.tick()
        #expect(watcher.frames().isEmpty && publisher.frames().isEmpty)
        let second = try CoreHarness(Self.rules { $0.delay = 0 }, rows: first.storedRows)
        let alerts = self.subscribe("factory/alerts", second)
        self.publish("612", from: "press", second)
        #expect(alerts.frames().compactMap { $0["alert"] }.count == 1)
    }

    /// The commit is completed, and then the broker is killed before anybody was told.
    @Test func whatWasCommittedIsThereAfterARestartAndIsNotSaidAgain() throws {
        let first = try CoreHarness(Self.rules { $0.delay = 0 })
        self.publish("612", from: "press", first)
        let second = try CoreHarness(Self.rules { $0.delay = 0 }, rows: first.storedRows)
        #expect(self.retained("factory/press/cmd", second)?.contains(#""n":1"#) == true)
        let alerts = self.subscribe("factory/#", second)
        self.publish("613", from: "press", second)
        self.pass(seconds: 3, second)
        #expect(alerts.frames().filter { $0["alert"] != nil }.isEmpty)
        // The numbers go on.
        for _ in 0..<12 {
            self.publish("1", from: "press", second)
            self.pass(seconds: 1, second)
        }
        #expect(self.retained("factory/alerts", second)?.contains(#""n":2"#) == true)
    }

    @Test func allOfItIsOneTransaction() throws {
        let harness = try CoreHarness(Self.rules { $0.delay = 0 })
        self.publish("612", from: "press", harness)
        let batch = try #require(harness.batches.last)
        let names = Set(batch.rows.map { String(decoding: $0.name, as: UTF8.self) })
        #expect(names == ["factory/power/max", "factory/alerts", "factory/press/cmd"])
        #expect(harness.batches.count == 1)
    }

    @Test func aFullDiskTakesItBackAndItComesWhenThereIsRoom() throws {
        let harness = try CoreHarness(Self.rules())
        self.publish("612", from: "press", harness)
        harness.advance(milliseconds: 2000)
        harness.finishCommit(.full(reason: "test"))
        #expect(self.retained("factory/alerts", harness) == nil)
        // What waits, waits all of its time again.
        self.publish("612", from: "press", harness)
        self.pass(seconds: 3, harness)
        #expect(self.retained("factory/alerts", harness)?.contains(#""n":1"#) == true)
    }

    @Test func afterARestartTheTimeBeginsAnew() throws {
        let first = try CoreHarness(Self.rules())
        self.publish("612", from: "press", first)
        let second = try CoreHarness(Self.rules(), rows: first.storedRows)
        second.advance(milliseconds: 1999)
        second.settle()
        #expect(self.retained("factory/alerts", second) == nil)
        second.advance(milliseconds: 1)
        second.settle()
        #expect(self.retained("factory/alerts", second) != nil)
    }

    // MARK: Kinds

    @Test func twoMachinesHaveAnAlertEach() throws {
        let harness = try CoreHarness(Self.rules { $0.delay = 0 })
        let alerts = self.subscribe("factory/alerts", harness)
        self.publish("612", from: "press", harness)
        self.publish("700", from: "saw", harness)
        let told = alerts.frames().compactMap { $0["alert"] }
        #expect(told.map { $0.contains(#""key":"saw""#) } == [false, true])
        #expect(told.last?.contains(#""n":2"#) == true)
    }

    @Test func aKeyThatCanNotBeALevelIsRefused() throws {
        var rule = try TopicRule("power", "last").taking(value: "/kw", key: "/machine")
        var alert = AlertRule(name: "a", condition: .above(try ExactDecimal("1"), clearBelow: nil))
        alert.raiseActions = [AlertAction("stop/{key}", "true")]
        rule.alerts = [alert]
        let harness = try CoreHarness([rule])
        let client = harness.connect()
        let refusal = harness.ask(
            #"{"op":"pub","id":1,"topic":"power","data":{"kw":2,"machine":"a/b"}}"#,
            from: client
        ).first
        #expect(refusal?.string("why") == "bad_key")
        harness.ask(#"{"op":"pub","id":1,"topic":"power","data":{"kw":2,"machine":"a\"b"}}"#, from: client)
        #expect(self.retained("stop/a\\\"b", harness)?.contains(#""key":"a\"b""#) == true)
    }

    @Test func anAlertMayLeadToAnother() throws {
        var alert = AlertRule(name: "hot", condition: .above(try ExactDecimal("90"), clearBelow: nil))
        alert.raiseActions = [AlertAction("alarms", "1")]
        alert.clearActions = [AlertAction("alarms", "1")]
        var many = AlertRule(name: "many", condition: .above(try ExactDecimal("2"), clearBelow: nil))
        many.raiseActions = [AlertAction("panic", #""{value}""#)]
        let harness = try CoreHarness([
            try TopicRule("temperature", "last").watched(by: alert),
            try TopicRule("alarms", "sum").watched(by: many),
        ])
        let client = harness.connect()
        for value in [95, 80, 95] {
            harness.ask(#"{"op":"pub","id":1,"topic":"temperature","data":\#(value)}"#, from: client)
        }
        #expect(self.retained("alarms", harness) == "3 ")
        #expect(self.retained("panic", harness)?.hasPrefix("3 ") == true)
    }

    /// What an alert publishes leads back to itself; that ends after a few rounds.
    @Test func aCircleOfAlertsEnds() throws {
        var alert = AlertRule(name: "echo", condition: .above(try ExactDecimal("0"), clearBelow: nil))
        alert.raiseActions = [AlertAction("pulse", "-1")]
        alert.clearActions = [AlertAction("pulse", "1")]
        let harness = try CoreHarness([try TopicRule("pulse", "last").watched(by: alert)])
        let client = harness.connect()
        let answer = harness.ask(#"{"op":"pub","id":1,"topic":"pulse","data":1}"#, from: client).first
        #expect(answer?.operation == "ack")
        #expect(harness.ask(#"{"op":"get","id":2,"topic":"pulse"}"#, from: client).first?.offset == 5)
    }

    @Test func aResetEndsWhatIsLatched() throws {
        let harness = try CoreHarness(
            Self.rules {
                $0.delay = 0
                $0.latches = true
            },
            rights: [.publish, .subscribe, .admin]
        )
        self.publish("612", from: "press", harness)
        self.publish("1", from: "press", harness)
        self.pass(seconds: 20, harness)
        #expect(self.retained("factory/press/cmd", harness) != nil)
        let client = harness.connect()
        harness.ask(#"{"op":"reset","id":1,"topic":"factory/power/max"}"#, from: client)
        #expect(self.retained("factory/press/cmd", harness) == nil)
    }

    @Test func itIsSaidAgainWithItsNumber() throws {
        let harness = try CoreHarness(
            Self.rules {
                $0.delay = 0
                $0.repeatInterval = 5 * Self.second
            }
        )
        let alerts = self.subscribe("factory/alerts", harness)
        self.publish("612", from: "press", harness)
        for _ in 0..<11 {
            self.publish("612", from: "press", harness)
            self.pass(seconds: 1, harness)
        }
        let numbers = alerts.frames().map { $0["alert"]?.contains(#""n":1}"#) }
        #expect(numbers == [true, true, true])
    }

    // MARK: Silence

    private static func deadman(expect: [String] = []) throws -> [TopicRule] {
        try Self.rules { alert in
            alert.name = "silent"
            alert.condition = .noData(30 * Self.second, text: "30s")
            alert.delay = 0
            alert.expectedKeys = expect.map { Array($0.utf8) }
            alert.raiseActions = [AlertAction("silent/{key}", #""{limit}""#)]
            alert.clearActions = [AlertAction("silent/{key}", "null")]
        }
    }

    @Test func aMachineThatFallsSilentIsMissed() throws {
        let harness = try CoreHarness(Self.deadman())
        self.publish("1", from: "press", harness)
        self.pass(seconds: 29, harness)
        #expect(self.retained("silent/press", harness) == nil)
        self.pass(seconds: 1, harness)
        #expect(
            self.retained("silent/press", harness)
                == #""30s" {"name":"silent","key":"press","state":"raised","value":null,"limit":"30s","n":1}"#
        )
        self.publish("1", from: "press", harness)
        #expect(self.retained("silent/press", harness) == nil)
    }

    @Test func whoIsExpectedIsMissedWithoutEverHavingSpoken() throws {
        let harness = try CoreHarness(Self.deadman(expect: ["press", "drill"]))
        self.publish("1", from: "press", harness)
        self.pass(seconds: 30, harness)
        #expect(self.retained("silent/drill", harness) != nil)
        #expect(self.retained("silent/press", harness) != nil)
    }

    /// It left the maximum after ten seconds, so only the alert remembers it.
    @Test func aSilentMachineIsStillKnownAfterARestart() throws {
        let first = try CoreHarness(Self.deadman())
        self.publish("1", from: "press", first)
        self.pass(seconds: 15, first)
        let second = try CoreHarness(Self.deadman(), rows: first.storedRows)
        self.pass(seconds: 30, second)
        #expect(self.retained("silent/press", second) != nil)
    }
}
