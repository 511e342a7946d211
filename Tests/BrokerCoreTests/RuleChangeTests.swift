import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// Other rules for a broker that runs.
@Suite("Changes of rules")
struct RuleChangeTests: AlertFixture {
    /// What a change of rules is refused for.
    private func refusal(_ rules: [TopicRule], _ harness: CoreHarness) throws -> RuleChangeRefusal {
        try #require(throws: RuleChangeRefusal.self) { try harness.change(rules) }
    }

    private static func sum(isStrict: Bool = false, alerts: [AlertRule] = []) throws -> TopicRule {
        var rule = try TopicRule("clicks", "sum", isStrict: isStrict)
        rule.alerts = alerts
        return rule
    }

    // MARK: What stays

    @Test func aTopicGoesOnWithItsValueItsOffsetAndItsSubscribers() throws {
        let harness = try self.harness([Self.sum()])
        self.publish("5", "clicks", harness)
        let before = self.value("clicks", harness)
        let subscriber = self.subscribe("clicks", harness)
        try harness.change([Self.sum(isStrict: true)])
        #expect(self.value("clicks", harness) == before)
        #expect(self.publish("2", "clicks", harness)?["data"] == "7")
        #expect(subscriber.frames().map { $0["data"] } == ["7"])
        #expect(self.publish("0.12345678901234567890", "clicks", harness)?.code == 4004)
        // And the store has what the new rule wrote.
        let again = try CoreHarness([Self.sum()], after: harness)
        #expect(self.value("clicks", again)?["data"] == "7")
    }

    @Test func aStateThatNobodyHasTouchedSinceTheStartIsTakenOver() throws {
        let first = try self.harness([Self.sum()])
        self.publish("5", "clicks", first)
        let second = try CoreHarness([Self.sum()], after: first)
        try second.change([Self.sum(isStrict: true)])
        #expect(self.value("clicks", second)?["data"] == "5")
    }

    @Test func keysStayWhenThereMayBeMoreOfThem() throws {
        let harness = try self.harness([Self.keyed(keysMax: 2)])
        for machine in ["a", "b"] { self.publish("7", "factory/\(machine)/power", harness) }
        #expect(self.publish("9", "factory/c/power", harness)?.string("why") == "too_many_keys")
        try harness.change([Self.keyed(keysMax: 3)])
        #expect(self.publish("9", "factory/c/power", harness)?.code == 0)
        #expect(self.value("factory/max", harness)?["data"] == "9")
        #expect(try self.refusal([Self.keyed(keysMax: 2)], harness).conflicts.map(\.topic) == ["factory/max"])
        // The times of silence go on.
        self.pass(seconds: 11, harness)
        #expect(self.value("factory/max", harness)?.string("name") == "no_value")
    }

    @Test func aWindowGoesOnAndClosesAtItsEnd() throws {
        let window = try TopicRule("clicks", "sum").windowed(.tumbling(size: 60_000))
        let harness = try self.harness([window])
        self.publish("5", "clicks", harness)
        var strict = window
        strict.isStrict = true
        try harness.change([strict])
        self.publish("2", "clicks", harness)
        let subscriber = self.subscribe("clicks", harness)
        harness.advance(milliseconds: 60_000)
        harness.settle()
        let closed = subscriber.frames().first
        #expect(closed?["data"] == "7")
        #expect(closed?["window"]?.contains(#""final":true,"partial":false"#) == true)
    }

    // MARK: What is new

    @Test func aNewViewBeginsEmptyAndFoldsFromThenOn() throws {
        let clicks = try TopicRule("clicks/+", "sum")
        let view = try TopicRule(view: "all", "sum", from: "clicks/+")
        let harness = try self.harness([clicks])
        self.publish("5", "clicks/a", harness)
        try harness.change([clicks, view])
        #expect(self.value("all", harness)?.code != 0)
        #expect(self.publish("3", "clicks/a", harness)?["data"] == "8")
        #expect(self.value("all", harness)?["data"] == "3")
    }

    /// What it was not there for it does not claim.
    @Test func theFirstWindowOfANewViewIsPartial() throws {
        let view = try TopicRule(view: "minute", "sum", from: "clicks")
            .windowed(.tumbling(size: 60_000))
        let harness = try self.harness([])
        harness.advance(milliseconds: 90_000)
        try harness.change([view])
        self.publish("5", "clicks", harness)
        #expect(self.value("minute", harness)?["window"]?.contains(#""partial":true"#) == true)
        harness.advance(milliseconds: 60_000)
        self.publish("5", "clicks", harness)
        #expect(self.value("minute", harness)?["window"]?.contains(#""partial":false"#) == true)
    }

    @Test func aTopicOfEventsBecomesATotal() throws {
        let harness = try self.harness([])
        let subscriber = self.subscribe("clicks", harness)
        for _ in 0..<3 { self.publish("1", "clicks", harness) }
        _ = subscriber.frames()
        try harness.change([Self.sum()])
        #expect(self.publish("5", "clicks", harness)?["data"] == "5")
        #expect(subscriber.frames().map { $0["offset"] } == ["4"])
        let value = self.value("clicks", harness)
        let again = try CoreHarness([Self.sum()], after: harness)
        #expect(self.value("clicks", again)?.string("epoch") == value?.string("epoch"))
        #expect(self.value("clicks", again)?["data"] == "5")
    }

    // MARK: Alerts

    private static func action() throws -> AlertAction {
        AlertAction(topic: TopicTemplate("alerts"), data: AlertText(Array("1".utf8)), retains: false)
    }

    @Test func alertsAppearAndLookAtTheNextPublish() throws {
        var alert = try Self.above("10")
        alert.raiseActions = [try Self.action()]
        let harness = try self.harness([Self.sum()])
        let subscriber = self.subscribe("alerts", harness)
        self.publish("20", "clicks", harness)
        try harness.change([Self.sum(alerts: [alert])])
        #expect(subscriber.frames().isEmpty)
        self.publish("1", "clicks", harness)
        #expect(subscriber.frames().map { $0["alert"]?.contains(#""state":"raised""#) } == [true])
    }

    @Test func anAlertThatIsTheSameGoesOnWaitingAndStaysRaised() throws {
        var alert = try Self.above("10", name: "same")
        alert.delay = 5 * Self.second
        alert.raiseActions = [try Self.action()]
        alert.clearActions = [try Self.action()]
        let harness = try self.harness([Self.sum(alerts: [alert])])
        let subscriber = self.subscribe("alerts", harness)
        self.publish("20", "clicks", harness)
        self.pass(seconds: 3, harness)
        try harness.change([Self.sum(alerts: [Self.above("1000", name: "other"), alert])])
        self.pass(seconds: 2, harness)
        #expect(subscriber.frames().count == 1, "three seconds before and two after are five")
        try harness.change([Self.sum(alerts: [alert])])
        self.publish("-15", "clicks", harness)
        #expect(subscriber.frames().map { $0["alert"]?.contains(#""state":"cleared""#) } == [true])
    }

    @Test func anAlertThatWaitsIsForgottenWhereTheNewLimitIsNotReached() throws {
        var alert = try Self.above("10")
        alert.delay = 5 * Self.second
        alert.raiseActions = [try Self.action()]
        let harness = try self.harness([Self.sum(alerts: [alert])])
        let subscriber = self.subscribe("alerts", harness)
        self.publish("20", "clicks", harness)
        var higher = try Self.above("100")
        higher.delay = alert.delay
        higher.raiseActions = alert.raiseActions
        try harness.change([Self.sum(alerts: [higher])])
        self.pass(seconds: 20, harness)
        #expect(subscriber.frames().isEmpty)
        self.publish("200", "clicks", harness)
        self.pass(seconds: 6, harness)
        #expect(subscriber.frames().count == 1)
    }

    @Test func silenceIsWatchedFromTheChangeOn() throws {
        var alert = AlertRule(name: "silent", condition: .noData(10 * Self.second, text: "10s"))
        alert.raiseActions = [try Self.action()]
        let harness = try self.harness([])
        let subscriber = self.subscribe("alerts", harness)
        try harness.change([Self.sum(alerts: [alert])])
        self.pass(seconds: 11, harness)
        #expect(subscriber.frames().count == 1)
    }
}
