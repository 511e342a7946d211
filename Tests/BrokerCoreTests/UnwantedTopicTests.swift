import BrokerTestKit
import Testing

@testable import BrokerCore

/// Topics that are there only because somebody has subscribed to them.
@Suite("Topics that nobody wants any more")
struct UnwantedTopicTests {
    private static func subscribe(_ topic: String, _ client: CoreHarness.Client, _ harness: CoreHarness) -> ServerFrame?
    {
        harness.ask(#"{"op":"sub","id":1,"topic":"\#(topic)"}"#, from: client).last
    }

    private static func unsubscribe(_ topic: String, _ client: CoreHarness.Client, _ harness: CoreHarness) {
        harness.ask(#"{"op":"unsub","id":1,"topic":"\#(topic)"}"#, from: client)
    }

    @Test func oneStaysForASubscriberWhoComesAgain() throws {
        let harness = try CoreHarness()
        let first = harness.connect()
        let epoch = try #require(Self.subscribe("a", first, harness)?["epoch"])
        harness.disconnect(first)
        let since = #""since":{"epoch":\#(epoch),"offset":0}"#
        let answers = harness.ask(#"{"op":"sub","id":1,"topic":"a",\#(since)}"#, from: harness.connect())
        #expect(answers.map(\.operation) == ["ack"])
    }

    /// Who may only subscribe could fill the table else, and nobody could publish to a new topic.
    @Test func onlySoManyStayHoweverManyNamesAreMadeUp() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        for number in 0..<Broker.unwantedTopicsMax + 500 {
            let name = "made-up/\(number)"
            _ = Self.subscribe(name, client, harness)
            Self.unsubscribe(name, client, harness)
        }
        #expect(harness.broker.topicCount == Broker.unwantedTopicsMax)
    }

    @Test func oneNameAgainAndAgainTakesNobodyElsesPlace() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        let epoch = Self.subscribe("a", client, harness)?["epoch"]
        Self.unsubscribe("a", client, harness)
        for _ in 0..<Broker.unwantedTopicsMax + 1 {
            _ = Self.subscribe("b", client, harness)
            Self.unsubscribe("b", client, harness)
        }
        #expect(Self.subscribe("a", client, harness)?["epoch"] == epoch)
    }

    @Test func theSameForNamesThatWereGivenUpByLeaving() throws {
        let harness = try CoreHarness()
        var number = 0
        while number < Broker.unwantedTopicsMax + 500 {
            let client = harness.connect()
            for _ in 0..<100 {
                _ = Self.subscribe("made-up/\(number)", client, harness)
                number += 1
            }
            harness.disconnect(client)
        }
        #expect(harness.broker.topicCount == Broker.unwantedTopicsMax)
    }

    @Test func oneThatSomebodyWantsOrHasPublishedToIsNotForgottenForOthers() throws {
        let harness = try CoreHarness()
        let (client, other) = (harness.connect(), harness.connect())
        for name in ["wanted", "used", "rest"] { _ = Self.subscribe(name, client, harness) }
        for name in ["wanted", "used", "rest"] { Self.unsubscribe(name, client, harness) }
        let epoch = Self.subscribe("wanted", other, harness)?["epoch"]
        harness.ask(#"{"op":"pub","id":1,"topic":"used","data":1}"#, from: other)
        for number in 0..<Broker.unwantedTopicsMax {
            let name = "made-up/\(number)"
            _ = Self.subscribe(name, client, harness)
            Self.unsubscribe(name, client, harness)
        }
        // Those made up, and the two: "rest" made room for the last of them.
        #expect(harness.broker.topicCount == Broker.unwantedTopicsMax + 2)
        #expect(Self.subscribe("used", client, harness)?.offset == 1)
        #expect(Self.subscribe("wanted", client, harness)?["epoch"] == epoch)
    }

    // MARK: Many who ask for everything

    /// Each page looks at thousands of topics; between ticks the loop sees to its sockets.
    @Test func oneTickMakesOnlySoManyPages() throws {
        let harness = try CoreHarness()
        for count in [4, 5] {
            for client in (0..<count).map({ _ in harness.connect() }) {
                harness.send(##"{"op":"sub","id":1,"topic":"#"}"##, from: client)
            }
            harness.broker.takeEffects { hub, batch in harness.hubs[hub].apply(batch, at: harness.time.monotonic) }
            #expect(harness.broker.hasWork == (count > 4))
            harness.settle()
            let answers = harness.clients.map { $0.frames().map(\.operation) }
            #expect(answers.allSatisfy { $0 == ["ack"] || $0.isEmpty })
            #expect(answers.filter { !$0.isEmpty }.count == count)
        }
    }
}
