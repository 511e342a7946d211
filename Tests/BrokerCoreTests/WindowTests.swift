import BrokerAggregation
import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Windows in the broker: when they are told, what goes on from them, and what survives.
@Suite("Windows")
struct WindowTests {
    /// A minute begins here.
    private static let minute = BrokerTime(monotonic: 5_000_000_000, wall: 1_795_460_040_000)

    private static func perMinute(
        _ emission: WindowRule.Emission = .both,
        empty: WindowedAccumulator.Plan.Empty = .skip
    ) throws -> TopicRule {
        try TopicRule("clicks", "sum").windowed(.tumbling(size: 60_000), emit: emission, empty: empty)
    }

    private func harness(_ rules: [TopicRule], rows: [TopicRow] = [], time: BrokerTime = minute) throws -> CoreHarness {
        try CoreHarness(rules, rights: [.publish, .subscribe, .admin], rows: rows, time: time)
    }

    @discardableResult
    private func publish(_ data: String, _ harness: CoreHarness, topic: String = "clicks") -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(data)}"#, from: client).first
    }

    private func subscribe(_ topic: String, _ harness: CoreHarness, mode: String = "all") -> CoreHarness.Client {
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"\#(topic)","mode":"\#(mode)"}"#, from: client)
        return client
    }

    private func pass(milliseconds: UInt64, _ harness: CoreHarness) {
        harness.advance(milliseconds: milliseconds)
        harness.settle()
    }

    private func value(_ topic: String, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
    }

    private static func window(_ start: Int, _ end: Int, final: Bool, partial: Bool = false) -> String {
        let base = 1_795_460_040_000
        return #"{"start":\#(base + start),"end":\#(base + end),"final":\#(final),"partial":\#(partial)}"#
    }

    // MARK: Telling

    @Test func aWindowClosesByItselfAtItsEndAndNotBefore() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness)
        let ack = self.publish("5", harness)
        #expect(ack?["data"] == "5")
        #expect(ack?["window"] == Self.window(0, 60_000, final: false))
        self.publish("7", harness)
        #expect(subscriber.frames().map { $0["data"] } == ["5", "12"])
        self.pass(milliseconds: 59_999, harness)
        #expect(subscriber.frames().isEmpty)
        self.pass(milliseconds: 1, harness)
        let close = subscriber.frames()
        #expect(close.map { $0["data"] } == ["12"])
        #expect(close.first?["window"] == Self.window(0, 60_000, final: true))
        #expect(close.first?.offset == 3)
        // And nothing more while nothing comes.
        self.pass(milliseconds: 600_000, harness)
        #expect(subscriber.frames().isEmpty)
        #expect(self.value("clicks", harness)?["window"] == Self.window(0, 60_000, final: true))
    }

    @Test func theNextWindowBeginsAtItsIdentity() throws {
        let harness = try self.harness([Self.perMinute()])
        self.publish("5", harness)
        self.pass(milliseconds: 61_000, harness)
        let ack = self.publish("1", harness)
        #expect(ack?["data"] == "1")
        #expect(ack?["window"] == Self.window(60_000, 120_000, final: false))
        #expect(ack?.offset == 3)
    }

    @Test func onlyClosesAreToldAndCountedWhereThatIsAskedFor() throws {
        let harness = try self.harness([Self.perMinute(.close)])
        let subscriber = self.subscribe("clicks", harness)
        #expect(self.publish("5", harness)?["data"] == "5")
        #expect(self.publish("7", harness)?.offset == 0)
        #expect(self.value("clicks", harness)?.code == 4404)
        #expect(subscriber.frames().isEmpty)
        self.pass(milliseconds: 60_000, harness)
        let close = subscriber.frames()
        #expect(close.map { $0["data"] } == ["12"])
        #expect(close.first?.offset == 1)
        self.publish("1", harness)
        #expect(self.value("clicks", harness)?["data"] == "12")
    }

    @Test func onlyChangesAreToldWhereThatIsAskedFor() throws {
        let harness = try self.harness([Self.perMinute(.change)])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        self.pass(milliseconds: 60_000, harness)
        self.publish("1", harness)
        let frames = subscriber.frames()
        #expect(frames.map { $0["data"] } == ["5", "1"])
        #expect(frames.map(\.offset) == [1, 2])
    }

    /// Who takes only the newest is told each close too, as long as it keeps up.
    @Test func aCloseIsNotSkippedForTheNextValue() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness, mode: "latest")
        let publisher = harness.connect()
        self.publish("5", harness)
        _ = subscriber.frames()
        harness.advance(milliseconds: 60_000)
        // The commit of the close is under way while the next window's first value comes.
        harness.send(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: publisher)
        harness.settle()
        #expect(subscriber.frames().map { $0["data"] } == ["5", "1"])
    }

    @Test func anEmptyWindowIsToldWhereThatIsAskedFor() throws {
        let harness = try self.harness([Self.perMinute(.close, empty: .zero)])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        for _ in 0..<3 { self.pass(milliseconds: 60_000, harness) }
        #expect(subscriber.frames().map { $0["data"] } == ["5", "0", "0"])
    }

    @Test func anEmptyWindowMaySayNull() throws {
        let harness = try self.harness([Self.perMinute(.close, empty: .null)])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        for _ in 0..<2 { self.pass(milliseconds: 60_000, harness) }
        #expect(subscriber.frames().map { $0["data"] } == ["5", "null"])
    }

    @Test func aSlidingWindowForgetsByItself() throws {
        let rule = try TopicRule("clicks", "sum")
            .windowed(.sliding(size: 10_000, resolution: 1000), emit: .change, closes: false)
        let harness = try self.harness([rule])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        self.pass(milliseconds: 4000, harness)
        self.publish("2", harness)
        self.pass(milliseconds: 5999, harness)
        #expect(subscriber.frames().map { $0["data"] } == ["5", "7"])
        self.pass(milliseconds: 1, harness)
        #expect(subscriber.frames().map { $0["data"] } == ["2"])
        self.pass(milliseconds: 4000, harness)
        let last = subscriber.frames()
        #expect(last.map { $0["data"] } == ["0"])
        #expect(last.first?["window"]?.contains(#""final":false"#) == true)
    }

    // MARK: Time in the data

    private static func byTime(late: WindowedAccumulator.Plan.Late = .drop) throws -> TopicRule {
        try TopicRule("clicks", "sum").taking(value: "/n")
            .windowed(.tumbling(size: 60_000), time: "/ts", grace: 2000, late: late)
    }

    private func event(_ number: Int, at offset: Int) -> String {
        #"{"n":\#(number),"ts":\#(1_795_460_040_000 + offset)}"#
    }

    @Test func whatIsLateIsLeftOutAndSaysSo() throws {
        let harness = try self.harness([Self.byTime()])
        let subscriber = self.subscribe("clicks", harness)
        self.publish(self.event(5, at: 1000), harness)
        self.pass(milliseconds: 61_999, harness)
        // In the time of grace it still counts.
        #expect(self.publish(self.event(7, at: 59_999), harness)?["data"] == "12")
        self.pass(milliseconds: 1, harness)
        #expect(subscriber.frames().last?["window"] == Self.window(0, 60_000, final: true))
        let late = try #require(self.publish(self.event(1, at: 59_999), harness))
        #expect(late["applied"] == "false")
        #expect(late.string("why") == "late")
        #expect(late.offset == nil)
        #expect(subscriber.frames().isEmpty)
    }

    @Test func whatIsLateMayCountNow() throws {
        let harness = try self.harness([Self.byTime(late: .current)])
        self.publish(self.event(5, at: 1000), harness)
        self.pass(milliseconds: 62_000, harness)
        let ack = self.publish(self.event(1, at: 59_999), harness)
        #expect(ack?["data"] == "1")
        #expect(ack?["window"] == Self.window(60_000, 120_000, final: false))
    }

    @Test func aClockThatIsAheadIsRefused() throws {
        let harness = try self.harness([Self.byTime()])
        #expect(self.publish(self.event(5, at: 5000), harness)?.operation == "ack")
        let refusal = try #require(self.publish(self.event(5, at: 5001), harness))
        #expect(refusal.code == 4004)
        #expect(refusal.string("why") == "future")
    }

    @Test(arguments: [#"{"n":1}"#, #"{"n":1,"ts":"now"}"#, #"{"n":1,"ts":-1}"#, #"{"n":1,"ts":1.5}"#])
    func aTimeThatIsNoneIsRefused(data: String) throws {
        let harness = try self.harness([Self.byTime()])
        #expect(self.publish(data, harness)?.code == 4004)
    }

    // MARK: The clock

    @Test func aClosedWindowNeverOpensAgainWhenTheClockGoesBack() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        self.pass(milliseconds: 60_000, harness)
        harness.setWall(to: harness.time.wall - 3_600_000)
        harness.sweep()
        #expect(self.publish("1", harness)?["window"] == Self.window(60_000, 120_000, final: false))
        // And windows keep their length.
        self.pass(milliseconds: 60_000, harness)
        #expect(subscriber.frames().map { $0["data"] } == ["5", "5", "1", "1"])
    }

    @Test func aClockThatJumpsAheadEndsTheWindow() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        _ = subscriber.frames()
        harness.setWall(to: harness.time.wall + 365 * 86_400_000)
        harness.sweep()
        harness.settle()
        #expect(subscriber.frames().map { $0["window"] } == [Self.window(0, 60_000, final: true)])
    }

    // MARK: What goes on from a window

    @Test func aViewTakesWhatAWindowClosesWith() throws {
        let rules = [
            try TopicRule(view: "per-minute/+", "sum", from: "clicks/+").windowed(.tumbling(size: 60_000)),
            try TopicRule(view: "busiest", "max", from: "per-minute/+"),
            try TopicRule("clicks/+"),
        ]
        let harness = try self.harness(rules)
        for _ in 0..<3 { self.publish("5", harness, topic: "clicks/home") }
        #expect(self.value("busiest", harness)?.code == 4404)
        self.pass(milliseconds: 60_000, harness)
        #expect(self.value("busiest", harness)?["data"] == "15")
        self.publish("4", harness, topic: "clicks/home")
        self.pass(milliseconds: 60_000, harness)
        #expect(self.value("busiest", harness)?["data"] == "15")
        #expect(self.value("per-minute/home", harness)?["data"] == "4")
    }

    @Test func anAlertLooksAtWhatAWindowClosesWith() throws {
        var alert = AlertRule(name: "quiet", condition: .below(try ExactDecimal("10"), clearAbove: nil))
        alert.raiseActions = [AlertAction("quiet", #""{value}""#)]
        let harness = try self.harness([try Self.perMinute().watched(by: alert)])
        self.publish("5", harness)
        self.publish("6", harness)
        self.pass(milliseconds: 60_000, harness)
        #expect(self.value("quiet", harness)?.code == 4404)
        self.publish("9", harness)
        #expect(self.value("quiet", harness)?.code == 4404)
        self.pass(milliseconds: 60_000, harness)
        #expect(self.value("quiet", harness)?["data"] == "9")
    }

    // MARK: What survives

    @Test func anOpenWindowSurvivesARestartAndSaysThatItIsNotAll() throws {
        let first = try self.harness([Self.perMinute()])
        self.publish("5", first)
        self.pass(milliseconds: 10_000, first)
        let second = try self.harness([Self.perMinute()], rows: first.storedRows, time: first.time)
        let subscriber = self.subscribe("clicks", second)
        #expect(self.publish("7", second)?["data"] == "12")
        self.pass(milliseconds: 50_000, second)
        let close = subscriber.frames().last
        #expect(close?["data"] == "12")
        #expect(close?["window"] == Self.window(0, 60_000, final: true, partial: true))
        self.publish("1", second)
        self.pass(milliseconds: 60_000, second)
        #expect(subscriber.frames().last?["window"] == Self.window(60_000, 120_000, final: true))
    }

    @Test func aWindowThatEndedMeanwhileIsClosedAtTheStart() throws {
        let first = try self.harness([Self.perMinute()])
        self.publish("5", first)
        var later = first.time
        later.wall += 3_600_000
        let second = try self.harness([Self.perMinute()], rows: first.storedRows, time: later)
        self.pass(milliseconds: 1, second)
        let value = self.value("clicks", second)
        #expect(value?["data"] == "5")
        #expect(value?["window"] == Self.window(0, 60_000, final: true, partial: true))
        #expect(value?.offset == 2)
    }

    @Test func aFailedCommitOfACloseIsMadeUpFor() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        _ = subscriber.frames()
        harness.advance(milliseconds: 60_000)
        harness.finishCommit(.full(reason: "test"))
        #expect(subscriber.frames().isEmpty)
        self.pass(milliseconds: 999, harness)
        #expect(subscriber.frames().isEmpty)
        self.pass(milliseconds: 1, harness)
        #expect(subscriber.frames().map { $0["data"] } == ["5"])
    }

    /// Nothing can be stored; the window waits with its close, and nothing goes round in circles meanwhile.
    @Test func withoutRoomAWindowClosesWhenThereIsSome() throws {
        let harness = try self.harness([Self.perMinute()])
        let subscriber = self.subscribe("clicks", harness)
        self.publish("5", harness)
        _ = subscriber.frames()
        harness.broker.storageShortage = "1 MB is left"
        self.pass(milliseconds: 60_000, harness)
        #expect(self.publish("1", harness)?.code == 4203)
        #expect(subscriber.frames().isEmpty)
        harness.broker.storageShortage = nil
        self.pass(milliseconds: 1000, harness)
        #expect(subscriber.frames().map { $0["data"] } == ["5"])
    }

    @Test func aResetEmptiesTheOpenWindow() throws {
        let harness = try self.harness([Self.perMinute()])
        self.publish("5", harness)
        let client = harness.connect()
        harness.ask(#"{"op":"reset","id":1,"topic":"clicks"}"#, from: client)
        #expect(self.publish("1", harness)?["data"] == "1")
    }
}
