import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Which producers are remembered, when many want to be.
@Suite("Room for producers")
struct ProducerRoomTests {
    private static func harness(_ rules: [AccessRule]? = nil, producers: Int = 4) throws -> CoreHarness {
        var limits = BrokerLimits()
        limits.producers = producers
        return try CoreHarness(
            [try TopicRule("clicks", "sum", number: .int)],
            limits: limits,
            access: AccessRules(rules)
        )
    }

    private static func rules(publishers: String) throws -> [AccessRule] {
        [
            try AccessRuleTests.rule(.allow, .publish, publishers, "#"),
            try AccessRuleTests.rule(.allow, .subscribe, "*", "#"),
        ]
    }

    private static func connect(_ name: String, _ harness: CoreHarness) -> CoreHarness.Client {
        harness.connect(as: Identity(name: name, proof: .token(sha256: [1])))
    }

    private static func hello(
        _ producer: String,
        _ members: String = "",
        from client: CoreHarness.Client,
        _ harness: CoreHarness
    ) -> ServerFrame? {
        harness.ask(#"{"op":"hello","producer":{"name":"\#(producer)"\#(members)}}"#, from: client).last
    }

    /// Connects, says hello and goes.
    private static func visit(
        _ name: String,
        _ producer: String,
        _ harness: CoreHarness,
        _ members: String = ""
    ) -> ServerFrame? {
        let client = Self.connect(name, harness)
        defer { harness.disconnect(client) }
        return Self.hello(producer, members, from: client, harness)
    }

    private static func publish(_ seq: Int, from client: CoreHarness.Client, _ harness: CoreHarness) -> [ServerFrame] {
        harness.ask(#"{"op":"pub","seq":\#(seq),"topic":"clicks","data":1}"#, from: client)
    }

    // MARK: Shares

    @Test func whoMakesEverMoreMakesOnlyItsOwnBeForgotten() throws {
        let harness = try Self.harness()
        let epoch = Self.visit("alice", "meter", harness)?["producer"]
        #expect(epoch == #"{"name":"meter","epoch":1001,"next":1}"#)
        for number in 1...40 { #expect(Self.visit("bob", "p\(number)", harness)?.operation == "welcome") }
        #expect(Self.visit("alice", "meter", harness, #","epoch":1001"#)?["producer"] == epoch)
        #expect(Self.visit("bob", "p38", harness, #","epoch":1039"#)?.operation == "welcome")
        #expect(Self.visit("bob", "p37", harness, #","epoch":1038"#)?.code == 4401)
        #expect(harness.producers.count == 4)
    }

    @Test func whoHasLessThanItsShareTakesTheOneThatWasUsedLongestAgo() throws {
        let harness = try Self.harness()
        for number in 1...4 { _ = Self.visit("bob", "p\(number)", harness) }
        #expect(Self.visit("alice", "meter", harness)?.operation == "welcome")
        #expect(Self.visit("bob", "p1", harness, #","epoch":1001"#)?.code == 4401)
        #expect(Self.visit("bob", "p2", harness, #","epoch":1002"#)?.operation == "welcome")
        #expect(Self.visit("alice", "meter", harness, #","epoch":1005"#)?.operation == "welcome")
    }

    @Test func roomForANewcomerIsMadeByWhoeverHasMost() throws {
        let harness = try Self.harness()
        _ = Self.visit("carol", "c", harness)
        for number in 1...3 { _ = Self.visit("alice", "a\(number)", harness) }
        #expect(Self.visit("bob", "b", harness)?.operation == "welcome")
        #expect(Self.visit("carol", "c", harness, #","epoch":1001"#)?.operation == "welcome")
        #expect(Self.visit("alice", "a1", harness, #","epoch":1002"#)?.code == 4401)
    }

    @Test func whoHasItsShareInConnectedOnesGetsNoMore() throws {
        let harness = try Self.harness()
        _ = Self.visit("alice", "meter", harness)
        for number in 1...3 { _ = Self.hello("p\(number)", from: Self.connect("bob", harness), harness) }
        #expect(Self.visit("bob", "p4", harness)?.code == 4205)
        #expect(Self.visit("alice", "other", harness)?.operation == "welcome")
    }

    // MARK: Who may not publish

    @Test func whoMayPublishNothingHasAProducerThatIsNotRemembered() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        for number in 1...5 {
            let welcome = Self.visit("viewer", "p\(number)", harness, #","resume":true"#)
            #expect(welcome?["producer"] == #"{"name":"p\#(number)","epoch":\#(1000 + number),"next":1}"#)
        }
        #expect(harness.producers.isEmpty)
        #expect(Self.visit("meter-1", "p", harness)?.operation == "welcome")
        #expect(harness.producers.count == 1)
    }

    @Test func itsPublishesAreRefusedOneByOneAndItsEpochGoesOn() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        let client = Self.connect("viewer", harness)
        _ = Self.hello("p", from: client, harness)
        for seq in 1...2 {
            let answers = Self.publish(seq, from: client, harness)
            #expect(answers.map(\.operation) == ["err", "ack"] && answers.first?.code == 4103)
        }
        harness.disconnect(client)
        let again = Self.visit("viewer", "p", harness, #","epoch":1001,"acked":2"#)
        #expect(again?["producer"]?.hasPrefix(#"{"name":"p","epoch":1001,"next":3"#) == true, "it is let in")
        #expect(harness.producers.isEmpty)
    }

    @Test func whoMayPublishFromNowOnIsRememberedFromNowOn() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        let client = Self.connect("viewer", harness)
        _ = Self.hello("p", from: client, harness)
        _ = Self.publish(1, from: client, harness)
        harness.change(AccessRules(try Self.rules(publishers: "*")))
        harness.settle()
        #expect(harness.producers.count == 1)
        #expect(Self.publish(2, from: client, harness).last?["data"] == "1")
        let later = try CoreHarness([try TopicRule("clicks", "sum", number: .int)], after: harness)
        let welcome = Self.visit("viewer", "p", later, #","epoch":1001"#)
        #expect(welcome?["producer"] == #"{"name":"p","epoch":1001,"next":3,"refused":[1]}"#)
    }

    /// It may be of a producer that was forgotten, and have numbers that were counted.
    @Test func anEpochThatOnlyTheClientKnowsIsNeverKept() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        let client = Self.connect("viewer", harness)
        #expect(Self.hello("p", #","epoch":77,"acked":0"#, from: client, harness)?.operation == "welcome")
        harness.change(AccessRules(try Self.rules(publishers: "*")))
        harness.settle()
        #expect(client.connection.closed?.code == CloseCode(.restarting))
        #expect(harness.producers.isEmpty)
        #expect(Self.visit("viewer", "p", harness, #","epoch":77"#)?.code == 4401)
    }

    @Test func underSuchAnEpochNoNumberGetsAVerdict() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        let client = Self.connect("viewer", harness)
        _ = Self.hello("p", #","epoch":77,"acked":0"#, from: client, harness)
        #expect(Self.publish(1, from: client, harness).map(\.code) == [4401])
        #expect(client.connection.closed?.code == CloseCode(.producerUnknown))
    }

    @Test func whoseProducerCanNotBeStoredAfterAllIsClosed() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        let client = Self.connect("viewer", harness)
        _ = Self.hello("p", from: client, harness)
        harness.change(AccessRules(try Self.rules(publishers: "*")))
        harness.finishCommit(.full(reason: "no room"))
        harness.settle()
        #expect(client.connection.closed?.code == CloseCode(.storageFull))
        #expect(harness.producers.isEmpty)
    }

    @Test func onAFullDiskWhoMayNotPublishIsWelcomeAndWhoMayIsNot() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"))
        harness.broker.storageShortage = "the disk is full"
        #expect(Self.visit("meter-1", "p", harness)?.code == 4203)
        let viewer = Self.connect("viewer", harness)
        #expect(Self.hello("p", from: viewer, harness)?.operation == "welcome")
        harness.change(AccessRules(try Self.rules(publishers: "*")))
        harness.settle()
        #expect(viewer.connection.closed?.code == CloseCode(.restarting))
    }

    @Test func whereThatCanNotBeItConnectsAgain() throws {
        let harness = try Self.harness(Self.rules(publishers: "meter-*"), producers: 1)
        let meter = Self.connect("meter-1", harness)
        _ = Self.hello("m", from: meter, harness)
        let client = Self.connect("viewer", harness)
        _ = Self.hello("p", from: client, harness)
        harness.change(AccessRules(try Self.rules(publishers: "*")))
        harness.settle()
        #expect(client.connection.closed?.code == CloseCode(.restarting))
        #expect(Self.visit("viewer", "p", harness)?.code == 4205)
    }
}
