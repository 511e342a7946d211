import BrokerAggregation
import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Topics that are made from others.
@Suite("Views")
struct ViewTests {
    /// The value of a topic, as everybody gets it.
    private func value(of topic: String, _ harness: CoreHarness) -> String? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first?["data"]
    }

    private func publish(_ data: String, to topic: String, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(data)}"#, from: client).first
    }

    @Test func aViewFoldsWhatIsPublishedToAllItIsMadeFrom() throws {
        let harness = try CoreHarness([TopicRule(view: "all", "sum", from: "clicks/+")])
        #expect(self.publish("2", to: "clicks/a", harness)?.text == #"{"op":"ack","id":1,"offset":1}"#)
        _ = self.publish("3", to: "clicks/b", harness)
        #expect(self.value(of: "all", harness) == "5")
    }

    @Test func levelsAreCarriedOverInTheirOrder() throws {
        let harness = try CoreHarness([TopicRule(view: "by/+/of/+", "count", from: "factory/+/+/power")])
        _ = self.publish("1", to: "factory/hall/press/power", harness)
        #expect(self.value(of: "by/hall/of/press", harness) == "1")
    }

    @Test func aKeyNamesATopicOfItsOwn() throws {
        let harness = try CoreHarness([
            TopicRule(view: "by-page/{key}", "sum", from: "clicks").taking(value: "/n", key: "/page")
        ])
        _ = self.publish(#"{"page":"home","n":2}"#, to: "clicks", harness)
        _ = self.publish(#"{"page":"shop","n":5}"#, to: "clicks", harness)
        _ = self.publish(#"{"page":"home","n":1}"#, to: "clicks", harness)
        #expect(self.value(of: "by-page/home", harness) == "3")
        #expect(self.value(of: "by-page/shop", harness) == "5")
    }

    @Test(arguments: [#""a/b""#, #""""#, #""a b""#, #""+""#, ##""#""##, #""$x""#])
    func aKeyThatCanNotBeALevelIsRefused(key: String) throws {
        let harness = try CoreHarness([
            TopicRule(view: "by-page/{key}", "count", from: "clicks").taking(key: "/page")
        ])
        let refusal = try #require(self.publish(#"{"page":\#(key)}"#, to: "clicks", harness))
        #expect(refusal.code == 4004)
        #expect(refusal.string("why") == "bad_key")
    }

    /// With the key in it the name is as long as a topic may be, and one byte longer.
    @Test(arguments: [247, 248])
    func aKeyMakesANameAsLongAsAllowedAndNotLonger(length: Int) throws {
        let harness = try CoreHarness([
            TopicRule(view: "by-page/{key}", "count", from: "clicks").taking(key: "/page")
        ])
        let page = String(repeating: "p", count: length)
        let answer = try #require(self.publish(#"{"page":"\#(page)"}"#, to: "clicks", harness))
        #expect(answer.string("why") == (length == 247 ? nil : "bad_key"))
    }

    @Test(arguments: ["{}", #"{"page":null}"#, #"{"page":[]}"#])
    func aKeyThatIsNotThereIsRefused(data: String) throws {
        let harness = try CoreHarness([
            TopicRule(view: "by-page/{key}", "count", from: "clicks").taking(key: "/page")
        ])
        let refusal = try #require(self.publish(data, to: "clicks", harness))
        #expect(refusal.string("why") == "missing_key")
        #expect(refusal.text.contains("'/page'"))
    }

    @Test func nobodyPublishesToAView() throws {
        let harness = try CoreHarness([TopicRule(view: "all", "sum", from: "clicks/+")])
        let refusal = try #require(self.publish("5", to: "all", harness))
        #expect(refusal.code == 4002)
        #expect(refusal.text.contains("publish to what it is made from, 'clicks/+'"))
    }

    /// The second view does not take a text, so neither the topic nor the first view has it.
    @Test func aPublishIsAppliedToAllOrToNone() throws {
        let harness = try CoreHarness([
            TopicRule("clicks", "count"), TopicRule(view: "number", "count", from: "clicks"),
            TopicRule(view: "total", "sum", from: "news"), TopicRule(view: "amount", "count", from: "news"),
        ])
        _ = self.publish("1", to: "news", harness)
        let refusal = try #require(self.publish(#""x""#, to: "news", harness))
        #expect(refusal.code == 4004)
        #expect(self.value(of: "total", harness) == "1")
        #expect(self.value(of: "amount", harness) == "1")
        #expect(self.publish("2", to: "news", harness)?.offset == 2, "what was refused used no offset")
    }

    /// The last one of three has no room, and the first two go back.
    @Test func anOverflowInOneViewIsNowhere() throws {
        let harness = try CoreHarness([
            TopicRule("n", "sum", number: .int), TopicRule(view: "a", "count", from: "n"),
            TopicRule(view: "b", "sum", from: "n", number: .decimal),
        ])
        #expect(self.publish("100000000000000000000", to: "n", harness)?.operation == "ack")
        // Within the range of whole numbers, and beyond that of decimals.
        let refusal = try #require(self.publish("100000000000000000000", to: "n", harness))
        #expect(refusal.string("why") == "overflow")
        #expect(self.value(of: "n", harness) == "100000000000000000000")
        #expect(self.value(of: "a", harness) == "1")
    }

    /// A view of an aggregate folds what is published to it; a view of a view folds the values that it has had.
    @Test func aViewOfAViewFoldsItsValues() throws {
        let harness = try CoreHarness([
            TopicRule("clicks", "sum"), TopicRule(view: "largest", "max", from: "clicks"),
            TopicRule(view: "total", "sum", from: "clicks"), TopicRule(view: "highest", "max", from: "total"),
        ])
        for number in ["5", "-3", "4", "-6"] { _ = self.publish(number, to: "clicks", harness) }
        #expect(self.value(of: "clicks", harness) == "0")
        #expect(self.value(of: "largest", harness) == "5")
        #expect(self.value(of: "total", harness) == "0")
        #expect(self.value(of: "highest", harness) == "6")
    }

    @Test func subscribersOfAllThatChangesAreTold() throws {
        let harness = try CoreHarness([
            TopicRule("clicks", "sum"), TopicRule(view: "number", "count", from: "clicks"),
        ])
        let client = harness.connect()
        harness.ask(##"{"op":"sub","id":1,"topic":"#"}"##, from: client)
        let frames = harness.ask(#"{"op":"pub","id":2,"topic":"clicks","data":5}"#, from: client)
        #expect(frames.map(\.operation) == ["ack", "msg", "msg"])
        #expect(Set(frames.dropFirst().map(\.topic)) == ["clicks", "number"])
    }

    /// What is published to an event topic is not stored, but its view is: nothing is told before that.
    @Test func everythingThatOnePublishChangesIsToldWithItsCommit() throws {
        let harness = try CoreHarness([TopicRule(view: "number", "count", from: "news")])
        let client = harness.connect()
        harness.ask(##"{"op":"sub","id":1,"topic":"#"}"##, from: client)
        harness.send(#"{"op":"pub","id":2,"topic":"news","data":"x"}"#, from: client)
        harness.tick()
        #expect(client.frames().isEmpty)
        #expect(harness.storing?.rows.map { String(decoding: $0.name, as: UTF8.self) } == ["number"])
        harness.finishCommit()
        #expect(client.frames().map(\.operation) == ["ack", "msg", "msg"])
    }

    @Test func aFailedCommitTakesAllOfItBack() throws {
        let harness = try CoreHarness([
            TopicRule("clicks", "sum"), TopicRule(view: "number", "count", from: "clicks"),
        ])
        _ = self.publish("5", to: "clicks", harness)
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":2,"topic":"clicks","data":7}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        harness.settle()
        #expect(client.frames().map(\.code) == [4203])
        #expect(self.value(of: "clicks", harness) == "5")
        #expect(self.value(of: "number", harness) == "1")
    }

    @Test func aViewGoesOnAfterARestart() throws {
        let rules = try [TopicRule(view: "number", "count", from: "news")]
        let first = try CoreHarness(rules)
        _ = self.publish("1", to: "news", first)
        let second = try CoreHarness(rules, rows: first.storedRows)
        _ = self.publish("1", to: "news", second)
        #expect(self.value(of: "number", second) == "2")
    }

    /// What every view leaves out is a publish all the same, and waits for no commit.
    @Test func aViewThatLeavesAPublishOutHoldsNothingUp() throws {
        let harness = try CoreHarness([TopicRule(view: "number", "count", from: "news").taking(where: "> 5")])
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":2,"topic":"news","data":1}"#, from: client)
        harness.tick()
        #expect(client.frames().map(\.text) == [#"{"op":"ack","id":2,"offset":1}"#])
        #expect(harness.storing == nil)
    }
}

/// What is stored under other rules than there are now.
@Suite("States of other rules")
struct StateOfOtherRulesTests {
    private static func rule(_ aggregate: String, _ parameters: String) throws -> TopicRule {
        var rule = try TopicRule("t")
        rule.aggregator = try AggregatorRegistry.builtIn.factory(
            name: aggregate,
            parameters: Array(parameters.utf8),
            context: AggregationContext()
        )
        return rule
    }

    private static func rows(of rule: TopicRule) throws -> [TopicRow] {
        let harness = try CoreHarness([rule])
        harness.ask(#"{"op":"pub","id":1,"topic":"t","data":5}"#, from: harness.connect())
        return harness.storedRows
    }

    @Test(arguments: [
        ("histogram", #"{"bounds":[1,2]}"#, #"{"bounds":[1,3]}"#), ("quantile", "{}", #"{"accuracy":0.02}"#),
        ("quantile", "{}", #"{"maxBins":1024}"#), ("distinct", "{}", #"{"precision":12}"#),
        ("topk", "{}", #"{"k":20}"#),
    ])
    func aStateOfOtherParametersIsRefusedAtTheStart(name: String, before: String, after: String) throws {
        let rows = try Self.rows(of: Self.rule(name, before))
        _ = try CoreHarness([Self.rule(name, before)], rows: rows)
        #expect(throws: RestoreError.self) { try CoreHarness([Self.rule(name, after)], rows: rows) }
    }

    /// What only says how a value is shown may change.
    @Test(arguments: [
        ("quantile", "{}", #"{"q":[0.9]}"#), ("max", "{}", #"{"who":false}"#),
        ("stats", "{}", #"{"fields":["avg"]}"#), ("variance", #"{"kind":"sample"}"#, #"{"kind":"population"}"#),
    ])
    func aStateGoesOnUnderParametersThatItDoesNotDependOn(name: String, before: String, after: String) throws {
        let rows = try Self.rows(of: Self.rule(name, before))
        let harness = try CoreHarness([Self.rule(name, after)], rows: rows)
        let answer = harness.ask(#"{"op":"get","id":1,"topic":"t"}"#, from: harness.connect())
        #expect(answer.first?.offset == 1)
        #expect(answer.first?["data"] != nil)
    }
}
