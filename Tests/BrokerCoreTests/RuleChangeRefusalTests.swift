import BrokerAggregation
import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// Rules that do not fit what is there, and changes of rules beside commits that fail.
@Suite("Refused changes of rules")
struct RuleChangeRefusalTests: AlertFixture {
    private func refusal(_ rules: [TopicRule], _ harness: CoreHarness) throws -> RuleChangeRefusal {
        try #require(throws: RuleChangeRefusal.self) { try harness.change(rules) }
    }

    @Test func anotherAggregatorIsRefusedWithBothNamesAndChangesNothing() throws {
        let harness = try self.harness([try TopicRule("clicks/+", "sum")])
        for number in 0..<12 { self.publish("5", "clicks/\(number)", harness) }
        let view = try TopicRule(view: "all", "sum", from: "clicks/+")
        let refusal = try self.refusal([try TopicRule("clicks/+", "max"), view], harness)
        #expect(refusal.count == 12)
        #expect(refusal.conflicts.count == RuleChangeRefusal.namedMax)
        #expect(refusal.conflicts.first?.description.contains("'sum', but its rule says 'max'") == true)
        #expect("\(refusal)".contains("and 2 more") && "\(refusal)".contains("wsbroker delete TOPIC"))
        #expect(self.publish("2", "clicks/1", harness)?["data"] == "7")
        #expect(self.value("all", harness)?.code != 0)
    }

    @Test(arguments: ["aggregator", "number", "durability", "key", "window", "none"])
    func whatBelongsToTheStateCanNotChangeUnderAValue(part: String) throws {
        let rule = try TopicRule("clicks", "sum").taking(value: "/n", key: "/page")
        var other = rule
        switch part {
        case "aggregator": other = try TopicRule("clicks", "min").taking(value: "/n", key: "/page")
        case "number": other = try TopicRule("clicks", "sum", number: .int).taking(value: "/n", key: "/page")
        case "durability": other.durability = .memory
        case "key": other = other.taking(value: "/n", key: "/user")
        case "window": other = try other.windowed(.tumbling(size: 60_000))
        default: other = try TopicRule("clicks").taking(value: "/n")
        }
        let harness = try self.harness([rule])
        let data = #"{"n":5,"page":"a","user":"u"}"#
        self.publish(data, "clicks", harness)
        #expect(try self.refusal([other], harness).conflicts.map(\.topic) == ["clicks"])
        #expect(self.publish(data, "clicks", harness)?["data"] == "10")
        // Without a value everything can.
        let client = harness.connect()
        harness.administer(.delete(try TopicFilter("clicks")), from: client)
        try harness.change([other])
        #expect(self.publish(data, "clicks", harness)?.code == 0)
    }

    @Test(arguments: [true, false])
    func aRetainedMessageIsAValueToo(isRetained: Bool) throws {
        let harness = try self.harness([])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":5,"retain":\#(isRetained)}"#, from: client)
        guard isRetained else { return try harness.change([try TopicRule("clicks", "sum")]) }
        let refusal = try self.refusal([try TopicRule("clicks", "sum")], harness)
        #expect(refusal.conflicts.map(\.held) == ["the state of 'a retained message'"])
    }

    @Test func aViewThatIsTakenAwayLeavesItsTopicsBehind() throws {
        let harness = try self.harness([try TopicRule(view: "all", "sum", from: "clicks/+")])
        self.publish("5", "clicks/a", harness)
        let refusal = try self.refusal([], harness)
        #expect(refusal.conflicts.map(\.wanted) == ["'no aggregator'"])
    }

    // MARK: Beside a commit

    /// What a failed commit goes back to counts as well as what is there now.
    @Test func aDeletionThatIsNotCommittedYetDoesNotFreeATopic() throws {
        let harness = try self.harness([try TopicRule("clicks", "sum")])
        self.publish("5", "clicks", harness)
        let client = harness.connect()
        harness.start(.delete(try TopicFilter("clicks")), from: client)
        harness.tick()
        #expect(try self.refusal([try TopicRule("clicks", "max")], harness).count == 1)
        harness.finishCommit()
        try harness.change([try TopicRule("clicks", "max")])
        #expect(self.publish("3", "clicks", harness)?["data"] == "3")
    }

    @Test func aCommitThatFailsAfterAChangeGoesBackToTheValueBefore() throws {
        let harness = try self.harness([try TopicRule("clicks", "sum")])
        self.publish("5", "clicks", harness)
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"clicks","data":3}"#, from: client)
        harness.tick()
        try harness.change([try TopicRule("clicks", "sum", isStrict: true)])
        harness.finishCommit(.full(reason: "no room"))
        harness.settle()
        #expect(client.frames().map(\.code) == [4203])
        #expect(self.value("clicks", harness)?["data"] == "5")
    }

    /// A topic in memory goes back too, where the number of the publish was to be stored.
    @Test func aTotalInMemoryGoesBackToTheValueBefore() throws {
        let harness = try self.harness([try TopicRule("clicks", "sum", durability: .memory)])
        self.publish("5", "clicks", harness)
        let client = harness.connect()
        harness.ask(#"{"op":"hello","v":1,"producer":{"name":"p"}}"#, from: client)
        harness.send(#"{"op":"pub","seq":1,"topic":"clicks","data":3}"#, from: client)
        harness.tick()
        try harness.change([try TopicRule("clicks", "sum", isStrict: true, durability: .memory)])
        harness.finishCommit(.full(reason: "no room"))
        harness.settle()
        #expect(self.value("clicks", harness)?["data"] == "5")
    }

    @Test func aTopicOfEventsThatBecomesATotalGoesBackToNothing() throws {
        let harness = try self.harness([])
        let client = harness.connect()
        harness.ask(#"{"op":"hello","v":1,"producer":{"name":"p"}}"#, from: client)
        harness.send(#"{"op":"pub","seq":1,"topic":"clicks","data":3}"#, from: client)
        harness.tick()
        try harness.change([try TopicRule("clicks", "sum")])
        harness.finishCommit(.full(reason: "no room"))
        harness.settle()
        #expect(self.publish("5", "clicks", harness)?["data"] == "5")
    }
}
