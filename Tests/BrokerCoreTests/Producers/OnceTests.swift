import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Stateless publishers: the same `once` counts once.
@Suite("Once")
struct OnceTests {
    private func harness(after earlier: CoreHarness? = nil, limits: BrokerLimits = BrokerLimits()) throws -> CoreHarness
    {
        try CoreHarness([try TopicRule("clicks", "sum", number: .int)], limits: limits, after: earlier)
    }

    private func total(_ harness: CoreHarness) -> String? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"clicks"}"#, from: client).first?["data"]
    }

    private func once(_ key: String, data: String = "1", _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(
            #"{"op":"pub","id":4,"once":"\#(key)","topic":"clicks","data":\#(data)}"#,
            from: client
        ).first
    }

    @Test func theSameOnceCountsOnce() throws {
        let harness = try self.harness()
        #expect(self.once("order-1", data: "5", harness)?.text == #"{"op":"ack","id":4,"offset":1,"data":5}"#)
        #expect(self.once("order-2", data: "1", harness)?["data"] == "6")
        #expect(
            self.once("order-1", data: "5", harness)?.text == #"{"op":"ack","id":4,"offset":2,"data":6,"dup":true}"#
        )
        #expect(self.once("order-1", data: "6", harness)?.code == 4009)
        #expect(self.total(harness) == "6")
    }

    @Test func aOnceIsForgottenWhenItsTimeIsOverAndNotBefore() throws {
        let harness = try self.harness()
        _ = self.once("a", harness)
        harness.advance(milliseconds: 119_999)
        harness.sweep()
        harness.settle()
        #expect(self.once("a", harness)?["dup"] == "true")
        harness.advance(milliseconds: 1)
        harness.sweep()
        harness.settle()
        #expect(harness.onces.isEmpty)
        #expect(self.once("a", harness)?["dup"] == nil)
        #expect(self.total(harness) == "2")
    }

    /// Its time is the store's: setting the clock, and the time that the broker is away, change nothing.
    @Test func aOnceDoesNotCareForTheClock() throws {
        let first = try self.harness()
        _ = self.once("a", first)
        first.setWall(to: first.time.wall + 31_536_000_000)
        first.sweep()
        first.settle()
        #expect(self.once("a", first)?["dup"] == "true")
        let second = try self.harness(after: first)
        second.advance(milliseconds: 119_000)
        second.sweep()
        second.settle()
        #expect(self.once("a", second)?["dup"] == "true")
        #expect(self.total(second) == "1")
    }

    @Test func aOnceThatWasNotStoredIsNotRemembered() throws {
        let harness = try self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":4,"once":"a","topic":"clicks","data":1}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        harness.settle()
        #expect(client.frames().map(\.code) == [4203])
        #expect(self.once("a", harness)?["dup"] == nil)
        #expect(self.total(harness) == "1")
    }

    @Test func aRefusedOnceIsJudgedAgain() throws {
        let harness = try self.harness()
        #expect(self.once("a", data: "true", harness)?.code == 4004)
        #expect(self.once("a", data: "1", harness)?["data"] == "1")
    }

    @Test func thereIsRoomForSoManyAndNotOneMore() throws {
        var limits = BrokerLimits()
        limits.onces = 2
        let harness = try self.harness(limits: limits)
        for key in ["a", "b"] { #expect(self.once(key, harness)?.operation == "ack") }
        #expect(self.once("c", harness)?.code == 4205)
        #expect(self.once("a", harness)?["dup"] == "true")
    }
}
