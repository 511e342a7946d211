import BrokerAggregation
import Testing

@testable import BrokerServer

/// What a rule may say about windows and alerts, and what it is told when that is wrong.
@Suite("Windows and alerts in rules")
struct WindowConfigurationTests {
    private func problems(_ rules: String) -> [String] {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(#"{"topics":[\#(rules)]}"#.utf8), named: "config.json")
        return (loader.problems + loader.configuration.problems(registry: .builtIn)).map(\.description)
    }

    private func window(_ members: String, aggregate: String = #""sum""#) -> [String] {
        self.problems(#"{"topic":"a","aggregate":\#(aggregate),"window":{\#(members)}}"#)
    }

    private func alert(_ members: String, rule: String = #""aggregate":"sum""#) -> [String] {
        self.problems(#"{"topic":"a",\#(rule),"alerts":[{"name":"x",\#(members)}]}"#)
    }

    private static let keyed = #""from":"b/+","key":"+1","perKey":"last","aggregate":"max","staleAfter":"10s""#

    // MARK: Windows

    @Test(arguments: [
        #""type":"tumbling","size":"1m""#, #""type":"tumbling","size":"1d","zone":"Europe/Berlin""#,
        #""type":"tumbling","size":"1m","time":"/ts","grace":"5s","late":"current","empty":"zero","emit":"close""#,
        #""type":"hopping","size":"5m","every":"1m","empty":"last""#, #""type":"sliding","size":"1m""#,
        #""type":"sliding","size":"1m","resolution":"1s","emit":"change""#,
        #""type":"tumbling","size":"100ms""#, #""type":"tumbling","size":"366d""#,
    ])
    func theseAreRight(members: String) {
        #expect(self.window(members) == [])
    }

    @Test(arguments: [
        (#""size":"1m""#, #"window.type: has to be one of "tumbling", "hopping", "sliding""#),
        (#""type":"session","size":"1m""#, "window.type: has to be one of"),
        (#""type":"tumbling""#, "window.size: is missing"),
        (#""type":"tumbling","size":60"#, "window.size: can not be a number"),
        (#""type":"tumbling","size":"1 minute""#, "window.size: has to be a duration"),
        (#""type":"tumbling","size":"99ms""#, "window.size: has to be at least 100ms"),
        (#""type":"tumbling","size":"367d""#, "window.size: has to be at most 366d"),
        (#""type":"tumbling","size":"1m","every":"1s""#, "window.every: has no meaning here"),
        (#""type":"tumbling","size":"1m","resolution":"1s""#, "window.resolution: has no meaning here"),
        (#""type":"tumbling","size":"1m","grace":"1s""#, "window.grace: has no meaning here"),
        (#""type":"tumbling","size":"1m","late":"drop""#, "window.late: has no meaning here"),
        (#""type":"tumbling","size":"7h","zone":"Europe/Berlin""#, "window.zone: goes with a size"),
        (#""type":"tumbling","size":"1d","zone":"Berlin""#, "window.zone: 'Berlin' is no time zone"),
        (#""type":"hopping","size":"5m""#, "window.every: is missing"),
        (#""type":"hopping","size":"5m","every":"2m""#, "window.every: has to divide the size"),
        (#""type":"hopping","size":"5m","every":"1m","zone":"UTC""#, "window.zone: has no meaning here"),
        (#""type":"sliding","size":"1m","emit":"close""#, "window.emit: has no meaning here"),
        (#""type":"sliding","size":"1m","empty":"zero""#, "window.empty: has no meaning here"),
        (#""type":"tumbling","size":"1m","emit":"all""#, "window.emit: has to be one of"),
        (#""type":"tumbling","size":"1m","time":"ts""#, "window.time: has to be a JSON pointer"),
        (#""type":"tumbling","size":"1h","time":"/ts","grace":"61m""#, "window.grace: has to be at most 1h"),
        (#""type":"tumbling","size":"1m","sise":"1m""#, "window.sise: unknown key; did you mean"),
    ])
    func theseWindowsAreWrongAndNamed(members: String, start: String) {
        #expect(self.window(members).contains { $0.hasPrefix("topics[0].\(start)") }, "\(self.window(members))")
    }

    @Test func aRateNeedsAWindowAndHasOne() {
        #expect(self.window(#""type":"sliding","size":"1m""#, aggregate: #""rate""#) == [])
    }

    @Test func withKeysOnlyTumblingWindowsArePossible() {
        let keyed = #""topic":"a","from":"b/+","key":"+1","perKey":"sum","aggregate":"max""#
        #expect(self.problems(#"{\#(keyed),"window":{"type":"tumbling","size":"1m"}}"#) == [])
        let problems = self.problems(#"{\#(keyed),"window":{"type":"sliding","size":"1m"}}"#)
        #expect(problems.first?.hasPrefix("topics[0].window.type: with 'perKey' only tumbling") == true)
    }

    // MARK: Alerts

    @Test(arguments: [
        #""above":5"#, #""above":5,"clearBelow":5"#, #""below":-5.5,"clearAbove":-5"#,
        #""outside":[1,2],"clearInside":[1.2,1.8]"#, #""noData":"30s""#,
        #""above":5,"for":"2s","clearFor":"10s","repeatEvery":"1m""#, #""above":5,"latch":true"#,
        #""above":5,"raise":[{"to":"b","data":{"v":"{value}"}}],"clear":[{"to":"b","data":null,"retain":false}]"#,
    ])
    func theseAlertsAreRight(members: String) {
        #expect(self.alert(members) == [])
    }

    @Test(arguments: [
        (#""for":"2s""#, #"alerts[0]: needs one of "above""#),
        (#""above":5,"below":3"#, #"alerts[0]: needs one of"#),
        (#""above":5,"clearBelow":5.1"#, "alerts[0].clearBelow: must not be above"),
        (#""below":5,"clearAbove":4.9"#, "alerts[0].clearAbove: must not be below"),
        (#""above":5,"clearAbove":4"#, "alerts[0].clearAbove: has no meaning with 'above'"),
        (#""outside":[2,1]"#, "alerts[0].outside: has to be the lower limit"),
        (#""outside":[2]"#, "alerts[0].outside: can not be a list"),
        (#""outside":[1,2],"clearInside":[0,2]"#, "alerts[0].clearInside: has to lie within"),
        (#""above":"5""#, "alerts[0].above: can not be a string"),
        (#""above":5,"for":2"#, "alerts[0].for: can not be a number"),
        (#""above":5,"for":"soon""#, "alerts[0].for: has to be a duration"),
        (#""above":5,"repeatEvery":"999ms""#, "alerts[0].repeatEvery: has to be a duration"),
        (#""above":5,"scope":"all""#, #"alerts[0].scope: has to be one of "across", "key""#),
        (#""above":5,"scope":"key""#, #"alerts[0].scope: "key" needs 'perKey'"#),
        (#""noData":"30s","for":"1s""#, "alerts[0].for: has no meaning with 'noData'"),
        (#""above":5,"expect":["a"]"#, "alerts[0].expect: has no meaning without 'noData'"),
        (#""noData":"30s","expect":["a"]"#, #"alerts[0].expect: needs "scope": "key""#),
        (#""above":5,"raise":[{"data":1}]"#, "alerts[0].raise[0].to: is missing"),
        (#""above":5,"raise":[{"to":"b"}]"#, "alerts[0].raise[0].data: is missing"),
        (#""above":5,"raise":[{"to":"b/+","data":1}]"#, "alerts[0].raise[0].to: names one topic"),
        (#""above":5,"raise":[{"to":"b//c","data":1}]"#, "alerts[0].raise[0].to: 'b//c'"),
        (#""above":5,"raise":[{"to":"b/{key}","data":1}]"#, "alerts[0].raise[0]: names '{key}'"),
        (#""above":5,"raise":[{"to":"b","data":1,"retian":true}]"#, "alerts[0].raise[0].retian: unknown key"),
        (#""above":5,"raise":[{"to":"stop-{key}","data":1}]"#, "alerts[0].raise[0].to: only '{key}' is filled in"),
        (#""above":9007199254740993"#, "alerts[0].above: has to lie within ±2^53"),
        (#""above":5,"latch":true,"clearFor":"1s""#, "alerts[0].clearFor: has no meaning with 'latch'"),
        (#""noData":"9s","raise":[{"to":"b","data":"{value}"}]"#, "alerts[0].raise[0].data: names '{value}'"),
        (#""above":5,"rise":[]"#, "alerts[0].rise: unknown key; did you mean 'topics[0].alerts[0].raise'?"),
    ])
    func theseAlertsAreWrongAndNamed(members: String, start: String) {
        #expect(self.alert(members).contains { $0.hasPrefix("topics[0].\(start)") }, "\(self.alert(members))")
    }

    @Test func anAlertOfAKeyNeedsItsScope() {
        let action = #""raise":[{"to":"b/{key}/cmd","data":1}]"#
        #expect(self.alert(#""above":5,"scope":"key",\#(action)"#, rule: Self.keyed) == [])
        let problems = self.alert(#""above":5,\#(action)"#, rule: Self.keyed)
        #expect(problems.first?.contains(#"needs "scope": "key""#) == true)
    }

    @Test func whatIsExpectedIsAKeyOfOneTopic() {
        let rule = Self.keyed
        #expect(self.alert(#""noData":"30s","scope":"key","expect":["press"]"#, rule: rule) == [])
        let problems = self.alert(#""noData":"30s","scope":"key","expect":["a/b"]"#, rule: rule)
        #expect(problems == ["topics[0].alerts[0].expect: 'a/b' can not be a level of a topic"])
    }

    @Test func alertsAreStoredAndSoIsWhatTheyWatch() {
        let problems = self.alert(#""above":5"#, rule: #""aggregate":"sum","durability":"memory""#)
        #expect(problems.first?.hasPrefix("topics[0].alerts: need \"durability\"") == true)
        #expect(self.problems(#"{"topic":"a","alerts":[{"name":"x","above":1}]}"#).count == 1)
    }

    /// A publish to a view is nobody's right, an alert's neither.
    @Test func anAlertPublishesToWhatIsPublishedTo() {
        let rules =
            #"{"topic":"a","aggregate":"sum","alerts":[{"name":"x","above":1,"raise":[{"to":"v","data":1}]}]},"#
            + #"{"topic":"v","from":"b","aggregate":"sum"}"#
        #expect(self.problems(rules).map { $0.prefix(35) } == ["topics[0].alerts[0].raise[0].to: 'v"])
    }

    /// The value may have decimals where the numbers have none.
    @Test func aLimitMayHaveDecimals() {
        for aggregate in ["count", "avg", "distinct", "stats", "max"] {
            #expect(self.alert(#""above":2.5"#, rule: #""aggregate":"\#(aggregate)","number":"int""#) == [])
        }
    }

    /// What a window closes with is about the key that its topic's name says, or about none.
    @Test func aKeyOfAWindowIsInItsTopic() {
        let rest =
            #""aggregate":"sum","window":{"type":"tumbling","size":"1m"},"#
            + #""alerts":[{"name":"x","above":1,"raise":[{"to":"stop/{key}","data":1}]}]"#
        #expect(self.problems(#"{"topic":"a/+","key":"+1",\#(rest)}"#) == [])
        #expect(self.problems(#"{"topic":"a","key":"/k",\#(rest)}"#).count == 1)
    }

    @Test func twoAlertsOfARuleDifferInName() {
        let rule = #"{"topic":"a","aggregate":"sum","alerts":[{"name":"x","above":1},{"name":"x","above":2}]}"#
        #expect(self.problems(rule) == ["topics[0].alerts[1].name: 'x' is there twice"])
    }

    @Test func whatFullKeysDoIsChosen() {
        let keyed = Self.keyed
        for choice in ["reject", "evict", "other"] {
            #expect(self.problems(#"{"topic":"a",\#(keyed),"onFull":"\#(choice)"}"#) == [])
        }
        #expect(self.problems(#"{"topic":"a",\#(keyed),"onFull":"evict","maxKeys":100000}"#) == [])
        #expect(self.problems(#"{"topic":"a",\#(keyed),"onFull":"evict","maxKeys":100001}"#).count == 1)
        let problems = self.problems(#"{"topic":"a",\#(keyed),"onFull":"drop"}"#)
        #expect(problems == [#"topics[0].onFull: has to be one of "reject", "evict", "other""#])
    }
}
