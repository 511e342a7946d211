import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// What a publisher gets, and when.
@Suite struct PublishingTests {
    @Test func anAckCarriesTheRunningValue() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":6}"#, from: client)
        let frames = harness.ask(#"{"op":"pub","id":2,"topic":"clicks","data":10.5}"#, from: client)
        #expect(frames.map(\.text) == [#"{"op":"ack","id":2,"offset":2,"data":16.5}"#])
    }

    @Test func anAckOnATopicWithoutAggregatorCarriesNoValue() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        let frames = harness.ask(#"{"op":"pub","id":"a","topic":"news","data":{"x":1}}"#, from: client)
        #expect(frames.map(\.text) == [#"{"op":"ack","id":"a","offset":1}"#])
    }

    @Test func nothingIsToldBeforeTheCommit() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let (publisher, subscriber) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: subscriber)
        harness.send(#"{"op":"pub","id":1,"topic":"clicks","data":6}"#, from: publisher)
        harness.tick()
        #expect(publisher.frames().isEmpty && subscriber.frames().isEmpty)
        harness.finishCommit()
        #expect(publisher.frames().count == 1 && subscriber.frames().count == 1)
    }

    @Test func aMemoryTopicIsToldAtOnce() throws {
        let harness = try CoreHarness([TopicRule("m", "sum", durability: .memory)])
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"m","data":6}"#, from: client)
        harness.tick()
        #expect(client.frames().map { $0["data"] } == ["6"])
        #expect(harness.storing == nil)
    }

    @Test(arguments: [Durability.disk, .memory])
    func thePublishersAckComesBeforeItsOwnMessage(durability: Durability) throws {
        for mode in ["latest", "all"] {
            let harness = try CoreHarness([TopicRule("t", "sum", durability: durability)])
            let client = harness.connect()
            harness.ask(#"{"op":"sub","id":1,"topic":"t","mode":"\#(mode)"}"#, from: client)
            let frames = harness.ask(#"{"op":"pub","id":2,"topic":"t","data":6}"#, from: client)
            #expect(frames.map(\.operation) == ["ack", "msg"])
        }
    }

    /// The publisher's ack waits for its earlier publish; what somebody else makes known must not overtake it.
    @Test func anAckThatWaitsStillComesBeforeItsOwnMessage() throws {
        let harness = try CoreHarness([TopicRule("d", "sum"), TopicRule("m", "sum", durability: .memory)])
        let (client, other) = (harness.connect(), harness.connect())
        harness.ask(#"{"op":"sub","id":1,"topic":"m"}"#, from: client)
        harness.send(#"{"op":"pub","topic":"d","data":1}"#, from: client)
        harness.send(#"{"op":"pub","topic":"m","data":1}"#, from: other)
        harness.send(#"{"op":"pub","id":2,"topic":"m","data":10}"#, from: client)
        harness.settle()
        let frames = client.frames().map { "\($0.operation) \($0["data"] ?? "")" }
        #expect(frames == ["msg 1", "ack 11", "msg 11"])
    }

    @Test func answersComeInTheOrderOfRequests() throws {
        let harness = try CoreHarness([TopicRule("d", "sum"), TopicRule("m", "sum", durability: .memory)])
        let client = harness.connect()
        harness.send(#"{"op":"pub","id":1,"topic":"d","data":1}"#, from: client)
        harness.send(#"{"op":"ping","id":2}"#, from: client)
        harness.send(#"{"op":"pub","id":3,"topic":"m","data":1}"#, from: client)
        harness.send("nonsense", from: client)
        harness.send(#"{"op":"get","id":4,"topic":"m"}"#, from: client)
        harness.tick()
        #expect(client.frames().isEmpty)
        harness.finishCommit()
        #expect(client.frames().map { $0["id"] } == ["1", "2", "3", nil, "4"])
    }

    @Test func aGetAfterFireAndForgetPublishesSeesThem() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        for _ in 0..<3 { harness.send(#"{"op":"pub","topic":"clicks","data":2}"#, from: client) }
        let frames = harness.ask(#"{"op":"get","id":1,"topic":"clicks"}"#, from: client)
        #expect(frames.map { $0["data"] } == ["6"])
    }

    @Test func aFireAndForgetPublishIsNotAnswered() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        #expect(harness.ask(#"{"op":"pub","topic":"clicks","data":2}"#, from: client).isEmpty)
    }

    @Test func aRefusedFireAndForgetPublishNamesItsTopic() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        let frames = harness.ask(#"{"op":"pub","topic":"clicks","data":"six"}"#, from: client)
        #expect(frames.map(\.topic) == ["clicks"])
        #expect(frames.map { $0.string("why") } == ["not_a_number"])
    }

    @Test func aFireAndForgetPublishThatIsNotStoredNamesItsTopic() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        harness.send(#"{"op":"pub","topic":"clicks","data":2}"#, from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        let frames = client.frames()
        #expect(frames.map(\.topic) == ["clicks"])
        #expect(frames.map(\.code) == [4203])
    }

    @Test func aRefusedNumberLeavesTheTotalAlone() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum", number: .int)])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"clicks","data":2}"#, from: client)
        let refused = harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1.5}"#, from: client)
        #expect(refused.map(\.code) == [4004])
        let frames = harness.ask(#"{"op":"get","id":2,"topic":"clicks"}"#, from: client)
        #expect(frames.map { $0["data"] } == ["2"])
        #expect(frames.map(\.offset) == [1])
    }

    @Test func anOverflowLeavesTheTotalAlone() throws {
        let harness = try CoreHarness([TopicRule("big", "sum", number: .int)])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"big","data":17e37}"#, from: client)
        let refused = harness.ask(#"{"op":"pub","id":1,"topic":"big","data":17e37}"#, from: client)
        #expect(refused.map { $0.string("why") } == ["overflow"])
        let frames = harness.ask(#"{"op":"get","id":2,"topic":"big"}"#, from: client)
        #expect(frames.first?["data"] == "17" + String(repeating: "0", count: 37))
    }

    @Test func countTakesAnything() throws {
        let harness = try CoreHarness([TopicRule("visits", "count")])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","topic":"visits","data":{"page":"a"}}"#, from: client)
        let frames = harness.ask(#"{"op":"pub","id":1,"topic":"visits","data":null}"#, from: client)
        #expect(frames.map { $0["data"] } == ["2"])
    }

    @Test func retainOnAnAggregateIsRefused() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        let frames = harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1,"retain":true}"#, from: client)
        #expect(frames.map(\.code) == [4001])
    }

    @Test func aPublishWithSeqWithoutProducerIsRefused() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        let frames = harness.ask(#"{"op":"pub","seq":1,"topic":"a","data":1}"#, from: client)
        #expect(frames.map(\.code) == [4006])
    }

    @Test(arguments: [
        (#"{"op":"pub","id":1,"topic":"a","data":1}"#, Rights.subscribe),
        (#"{"op":"sub","id":1,"topic":"a"}"#, Rights.publish),
        (#"{"op":"get","id":1,"topic":"a"}"#, Rights.publish),
        (#"{"op":"reset","id":1,"topic":"a"}"#, Rights([.publish, .subscribe])),
    ])
    func whatIsNotAllowedIsForbidden(request: String, rights: Rights) throws {
        let harness = try CoreHarness([TopicRule("a", "sum")], rights: rights)
        #expect(harness.ask(request, from: harness.connect()).map(\.code) == [4103])
    }

    @Test func publishingToAReservedTopicIsForbidden() throws {
        let harness = try CoreHarness()
        let frames = harness.ask(#"{"op":"pub","id":1,"topic":"$sys/a","data":1}"#, from: harness.connect())
        #expect(frames.map(\.code) == [4103])
    }

    @Test func everyAnswerGivesTheAllowanceBack() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        harness.send(#"{"op":"pub","topic":"clicks","data":1}"#, from: client)
        harness.send(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: client)
        harness.send("nonsense", from: client)
        harness.ask(##"{"op":"sub","id":2,"topic":"#"}"##, from: client)
        #expect(client.session?.unacknowledgedMessages == 0)
        #expect(client.session?.unacknowledgedBytes == 0)
    }

    // MARK: Reset

    @Test func aResetIsOneMoreChange() throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")], rights: [.publish, .subscribe, .admin])
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: client)
        harness.ask(#"{"op":"pub","topic":"clicks","data":5}"#, from: client)
        let frames = harness.ask(#"{"op":"reset","id":2,"topic":"clicks"}"#, from: client)
        #expect(frames.map(\.operation) == ["ack", "msg"])
        #expect(frames.map(\.offset) == [2, 2])
        #expect(frames.map { $0["data"] } == ["0", "0"])
    }

    @Test func aTopicWithoutAggregateCanNotBeReset() throws {
        let harness = try CoreHarness(rights: [.publish, .subscribe, .admin])
        #expect(harness.ask(#"{"op":"reset","id":1,"topic":"a"}"#, from: harness.connect()).map(\.code) == [4404])
    }

    // MARK: Hello

    @Test func helloIsAnsweredWithWelcome() throws {
        let harness = try CoreHarness()
        let frames = harness.ask(#"{"op":"hello","v":1}"#, from: harness.connect())
        #expect(frames.map(\.operation) == ["welcome"])
        #expect(frames.first?.integer("messageBytesMax") == 65_536)
    }

    @Test func anUnknownVersionIsRefusedAndClosed() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        #expect(harness.ask(#"{"op":"hello","v":2}"#, from: client).map(\.code) == [4005])
        #expect(client.connection.closed?.code.rawValue == 4005)
    }

    @Test func aLateHelloIsRefused() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        harness.ask(#"{"op":"ping","id":1}"#, from: client)
        #expect(harness.ask(#"{"op":"hello","v":1}"#, from: client).map(\.code) == [4001])
    }
}
