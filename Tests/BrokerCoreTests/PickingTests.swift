import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// What a rule takes out of a publish.
@Suite("Picking values")
struct PickingTests {
    private func publish(_ data: String, to topic: String = "m", with rule: TopicRule) throws -> ServerFrame {
        let harness = try CoreHarness([rule])
        let client = harness.connect()
        let frames = harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(data)}"#, from: client)
        return try #require(frames.first)
    }

    @Test func aPointerFindsTheNumber() throws {
        let rule = try TopicRule("m", "sum").taking(value: "/reading/power")
        #expect(try self.publish(#"{"reading":{"unit":"kW","power":5.5}}"#, with: rule)["data"] == "5.5")
    }

    @Test(arguments: [#"{"reading":{}}"#, "5", "null", "[]", #"{"reading":5}"#])
    func whatIsNotThereIsNamedByItsPointer(data: String) throws {
        let rule = try TopicRule("m", "sum").taking(value: "/reading/power")
        let refusal = try self.publish(data, with: rule)
        #expect(refusal.code == 4004)
        #expect(refusal.string("why") == "missing_value")
        #expect(refusal.text.contains("'/reading/power' of 'data' has to be there"))
    }

    @Test(arguments: [#""5""#, "true", "null", "[5]"])
    func whatIsThereAndNoNumberIsNamedToo(value: String) throws {
        let rule = try TopicRule("m", "sum").taking(value: "/power")
        let refusal = try self.publish(#"{"power":\#(value)}"#, with: rule)
        #expect(refusal.string("why") == "not_a_number")
        #expect(refusal.text.contains("'/power' of 'data' has to be a JSON number"))
    }

    @Test func aLevelOfTheTopicIsANumberToo() throws {
        let rule = try TopicRule("meter/+/+", "sum").taking(value: "+2")
        #expect(try self.publish("{}", to: "meter/a/12.5", with: rule)["data"] == "12.5")
        #expect(try self.publish("{}", to: "meter/a/b", with: rule).string("why") == "not_a_number")
        #expect(try self.publish("{}", to: "meter/a/1x", with: rule).string("why") == "not_a_number")
    }

    @Test func whatAConditionLeavesOutIsSaidAndUsesNoOffset() throws {
        let harness = try CoreHarness([TopicRule("m", "sum").taking(value: "/n", where: #"/state == "on""#)])
        let client = harness.connect()
        func publish(_ data: String) -> String {
            harness.ask(#"{"op":"pub","id":1,"topic":"m","data":\#(data)}"#, from: client).map(\.text).joined()
        }
        #expect(publish(#"{"state":"on","n":5}"#) == #"{"op":"ack","id":1,"offset":1,"data":5}"#)
        #expect(publish(#"{"state":"off","n":7}"#) == #"{"op":"ack","id":1,"applied":false,"why":"where"}"#)
        #expect(publish(#"{"state":"off"}"#) == #"{"op":"ack","id":1,"applied":false,"why":"where"}"#)
        #expect(publish(#"{"state":"on","n":1}"#) == #"{"op":"ack","id":1,"offset":2,"data":6}"#)
    }

    @Test func anEventThatIsLeftOutReachesNobody() throws {
        let harness = try CoreHarness([TopicRule("news").taking(where: #"/level != "debug""#)])
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"news"}"#, from: client)
        #expect(harness.ask(#"{"op":"pub","topic":"news","data":{"level":"debug"}}"#, from: client).isEmpty)
        #expect(harness.ask(#"{"op":"pub","topic":"news","data":{"level":"info"}}"#, from: client).count == 1)
    }

    private static let conditions: [(condition: String, data: String, holds: Bool)] = [
        ("/a == 1", #"{"a":1.0}"#, true), ("/a == 1", #"{"a":"1"}"#, false), ("/a != 1", #"{"a":"1"}"#, true),
        ("/a != 1", "{}", true), ("/a == 1", "{}", false), ("/a > 0.5", #"{"a":0.50001}"#, true),
        ("/a > 0.5", #"{"a":0.5}"#, false), ("/a >= 0.5", #"{"a":0.5}"#, true), ("/a < -1", #"{"a":-1.5}"#, true),
        ("/a <= -1", #"{"a":-1}"#, true), ("/a <= -1", #"{"a":null}"#, false), ("/a > 1", #"{"a":1e999}"#, false),
        (#"/a == "x y""#, #"{"a":"x y"}"#, true), (#"/a == "é""#, #"{"a":"\u00e9"}"#, true),
        (#"/a < "b""#, #"{"a":"a"}"#, true), (#"/a >= "b""#, #"{"a":"a"}"#, false),
        ("/a == true", #"{"a":true}"#, true),
        ("/a != true", #"{"a":false}"#, true), ("/a == null", #"{"a":null}"#, true), ("/a == null", "{}", false),
        ("== 5", "5", true), ("> 5", "6", true), ("/a/0 == 1", #"{"a":[1]}"#, true),
        (#"/a=="==""#, #"{"a":"=="}"#, true),
    ]

    @Test(arguments: Self.conditions)
    func aConditionHoldsOrNot(condition: String, data: String, holds: Bool) throws {
        let condition = try #require(Condition(condition))
        let filter = try TopicFilter("t")
        let result = Array(data.utf8).withUnsafeBytes { data in
            Array("t".utf8).withUnsafeBytes { topic in
                condition.holds(for: Published(data: data, topic: topic, filter: filter))
            }
        }
        #expect(result == holds)
    }

    @Test func aConditionMayAskForALevel() throws {
        let condition = try #require(Condition(#"+2 == "power""#))
        let filter = try TopicFilter("factory/+/+")
        for (topic, holds) in [("factory/press/power", true), ("factory/power/heat", false)] {
            let result = Array("1".utf8).withUnsafeBytes { data in
                Array(topic.utf8).withUnsafeBytes { topic in
                    condition.holds(for: Published(data: data, topic: topic, filter: filter))
                }
            }
            #expect(result == holds, "\(topic)")
        }
    }

    @Test(arguments: [
        "", "/a", "/a =", "/a == ", "a == 1", "/a == x", "/a == 'x'", "/a == [1]", "/a > true", "/a > null", "+0 == 1",
        "+x == 1", "/a == 1 2", "/a ~ 1", "/a == 1e999",
    ])
    func whatIsNoComparisonIsRefused(text: String) {
        #expect(Condition(text) == nil)
    }

    @Test(arguments: ["a", "+", "+0", "+01", "+129", "+-1", "/~", "$x"])
    func whatIsNoPathIsRefused(text: String) {
        #expect(FieldPath(text) == nil)
    }
}
