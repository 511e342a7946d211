import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Numbered publishes: each counts once, whatever is lost or sent again.
@Suite("Producers")
struct ProducerTests {
    private static func rules() throws -> [TopicRule] {
        [
            try TopicRule("clicks", "sum", number: .int), try TopicRule("live", "sum", durability: .memory),
            try TopicRule("events"),
        ]
    }

    private func harness(
        rows: CoreHarness? = nil,
        limits: BrokerLimits = BrokerLimits(),
        rights: Rights = [.publish, .subscribe]
    ) throws -> CoreHarness {
        try CoreHarness(Self.rules(), limits: limits, rights: rights, after: rows)
    }

    private func hello(_ members: String = "", _ harness: CoreHarness) -> (CoreHarness.Client, ServerFrame?) {
        let client = harness.connect()
        let hello = #"{"op":"hello","v":1,"producer":{"name":"meter"\#(members.isEmpty ? "" : ",\(members)")}}"#
        return (client, harness.ask(hello, from: client).last)
    }

    private func publish(_ seq: Int, _ data: String = "1", to topic: String = "clicks") -> String {
        #"{"op":"pub","seq":\#(seq),"topic":"\#(topic)","data":\#(data)}"#
    }

    private func total(of topic: String = "clicks", _ harness: CoreHarness) -> String? {
        let client = harness.connect()
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first?["data"]
    }

    private func codes(_ frames: [ServerFrame]) -> [String] {
        frames.map { frame in
            frame.operation == "err"
                ? "\(frame["seq"] ?? "-"):\(frame.code)" : "\(frame.operation) \(frame["seq"] ?? "")"
        }
    }

    // MARK: Counting

    @Test func aNumberedPublishIsAcknowledgedByItsNumber() throws {
        let harness = try self.harness()
        let (client, welcome) = self.hello("", harness)
        #expect(welcome?["producer"] == #"{"name":"meter","epoch":1001,"next":1}"#)
        let ack = harness.ask(self.publish(1, "6"), from: client)
        #expect(ack.map(\.text) == [#"{"op":"ack","seq":1,"topic":"clicks","offset":1,"data":6,"dups":0}"#])
        let event = harness.ask(self.publish(2, #""x""#, to: "events"), from: client)
        #expect(event.map(\.text) == [#"{"op":"ack","seq":2,"topic":"events","offset":1,"dups":0}"#])
    }

    @Test func aResendCountsOnceAndIsToldTheCurrentValue() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        harness.ask(self.publish(1, "6"), from: client)
        harness.ask(self.publish(2, "1"), from: client)
        let again = harness.ask(self.publish(1, "6"), from: client)
        #expect(again.map(\.text) == [#"{"op":"ack","seq":1,"topic":"clicks","offset":2,"data":7,"dups":1}"#])
        #expect(self.total(harness) == "7")
    }

    /// The answer to the resend waits for the commit of the original: nothing that a power cut takes back is told.
    @Test func aResendThatMeetsItsUncommittedOriginalWaits() throws {
        let harness = try self.harness()
        let (first, welcome) = self.hello("", harness)
        let epoch = try #require(welcome?["producer"]?.split(separator: ":")[2].split(separator: ",")[0])
        harness.send(self.publish(1, "6"), from: first)
        harness.tick()
        harness.disconnect(first)
        let second = harness.connect()
        harness.send(
            #"{"op":"hello","producer":{"name":"meter","epoch":\#(epoch)}}"#,
            from: second
        )
        harness.send(self.publish(1, "6"), from: second)
        harness.tick()
        #expect(second.frames().isEmpty)
        // The power is cut here; nobody has been told anything.
        let after = try self.harness(rows: harness)
        #expect(self.total(after) == nil)
        let (third, again) = self.hello("\"epoch\":\(epoch)", after)
        #expect(again?["producer"]?.contains(#""next":1"#) == true)
        after.ask(self.publish(1, "6"), from: third)
        #expect(self.total(after) == "6")
    }

    @Test func whatIsCommittedAndNotAcknowledgedIsKnownAfterARestart() throws {
        let first = try self.harness()
        let (client, _) = self.hello("", first)
        first.ask(self.publish(1, "6"), from: client)
        let second = try self.harness(rows: first)
        let (again, welcome) = self.hello(#""epoch":1001"#, second)
        #expect(welcome?["producer"]?.contains(#""next":2"#) == true)
        let ack = second.ask(self.publish(1, "6"), from: again).first
        #expect(ack?["dups"] == "1" && ack?["data"] == "6")
    }

    @Test func theNumberAndTheValueAreOneTransaction() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        harness.ask(self.publish(1, "6"), from: client)
        let batch = try #require(harness.batches.last)
        #expect(batch.rows.count == 1 && batch.producers.map(\.settled) == [1])
    }

    /// The number is stored, so what it counted in waits for that, though it is kept in memory itself.
    @Test func aTopicInMemoryWaitsForTheNumber() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        let subscriber = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"live"}"#, from: subscriber)
        harness.send(self.publish(1, "6", to: "live"), from: client)
        harness.tick()
        #expect(client.frames().isEmpty && subscriber.frames().isEmpty)
        harness.finishCommit()
        #expect(client.frames().first?["data"] == "6")
        #expect(subscriber.frames().first?["data"] == "6")
    }

    /// The second one gathers while the first is on its way, and goes back to where that one has left the topic.
    @Test func aBatchThatFailsTakesNothingBackOfTheOneBeforeIt() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        for (seq, data) in [(1, "6"), (2, "1")] {
            harness.send(self.publish(seq, data, to: "live"), from: client)
            harness.tick()
        }
        for outcome in [.committed, .full(reason: "")] as [CommitOutcome] { harness.finishCommit(outcome) }
        #expect(self.codes(client.frames()) == ["ack 1", "2:4203"])
        #expect(self.total(of: "live", harness) == "6")
    }

    // MARK: Refusals

    @Test func aRefusalIsAVerdictAndIsJudgedAgain() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        let frames = harness.ask(self.publish(1, #""six""#), from: client)
        #expect(self.codes(frames) == ["1:4004", "ack 1"])
        #expect(frames.last?.text == #"{"op":"ack","seq":1}"#)
        harness.ask(self.publish(2, "5"), from: client)
        // What was refused comes again, corrected, after something later was accepted.
        #expect(harness.ask(self.publish(1, "6"), from: client).first?["data"] == "11")
        #expect(harness.ask(self.publish(1, "6"), from: client).first?["dups"] == "1")
        #expect(self.total(harness) == "11")
    }

    @Test func aRefusalInThePipelineStopsNothing() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        for (seq, data) in ["1", "x1", "3", #"{"a":1}"#, "5"].enumerated() {
            harness.send(self.publish(seq + 1, data == "x1" ? "true" : data), from: client)
        }
        harness.settle()
        #expect(
            self.codes(client.frames()) == ["ack 1", "2:4004", "ack 2", "ack 3", "4:4004", "ack 4", "ack 5"]
        )
        #expect(self.total(harness) == "9")
    }

    @Test func twoThousandRefusalsAndThenAnAcceptance() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        for seq in 1...2000 {
            harness.send(self.publish(seq, "null"), from: client)
            if seq % 100 == 0 { harness.settle() }
        }
        #expect(client.frames().count == 4000)
        #expect(harness.ask(self.publish(2001, "7"), from: client).first?["data"] == "7")
        #expect(harness.ask(self.publish(977, "1"), from: client).first?.code == 4007)
        #expect(harness.ask(self.publish(978, "1"), from: client).first?["data"] == "8")
    }

    /// What is wrong with the envelope is a verdict too, and does not count as an error of the connection.
    @Test func aMalformedNumberedPublishIsSettled() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        for seq in 1...30 {
            harness.send(#"{"op":"pub","seq":\#(seq),"topic":"a//b","data":1}"#, from: client)
            harness.settle()
        }
        #expect(client.connection.closed == nil)
        #expect(harness.ask(self.publish(31, "1"), from: client).last?["data"] == "1")
    }

    @Test func theListOfRefusedNumbersComesWithTheWelcome() throws {
        let harness = try self.harness()
        let (client, _) = self.hello(#""resume":true"#, harness)
        for (seq, data) in ["1", "null", "3", "null"].enumerated() {
            harness.ask(self.publish(seq + 1, data), from: client)
        }
        harness.disconnect(client)
        let (_, welcome) = self.hello(#""resume":true"#, harness)
        #expect(welcome?["producer"] == #"{"name":"meter","epoch":1001,"next":5,"refused":[2,4]}"#)
    }

    // MARK: Out of turn

    @Test func aGapClosesTheConnectionAndCountsNothing() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        harness.send(self.publish(1), from: client)
        harness.send(self.publish(3), from: client)
        harness.send(self.publish(4), from: client)
        harness.settle()
        #expect(self.codes(client.frames()) == ["ack 1", "3:4008"])
        #expect(client.connection.closed?.code.rawValue == 4008)
        #expect(self.total(harness) == "1")
    }

    @Test func aNumberWithoutAProducerIsRefused() throws {
        let harness = try self.harness()
        let client = harness.connect()
        let refusal = harness.ask(self.publish(1), from: client)
        #expect(self.codes(refusal) == ["1:4006"])
    }

    // MARK: Who speaks

    @Test func anotherConnectionTakesOver() throws {
        let harness = try self.harness()
        let (old, _) = self.hello("", harness)
        harness.ask(self.publish(1, "6"), from: old)
        let (new, welcome) = self.hello(#""epoch":1001"#, harness)
        #expect(welcome?["producer"]?.contains(#""next":2"#) == true)
        #expect(old.connection.closed?.code.rawValue == 4105)
        // What the old one had under way counts no more.
        harness.send(self.publish(2, "100"), from: old)
        #expect(harness.ask(self.publish(2, "1"), from: new).first?["data"] == "7")
    }

    @Test func aNewProcessFencesTheOldOneOff() throws {
        let harness = try self.harness()
        let (old, _) = self.hello("", harness)
        harness.ask(self.publish(1, "6"), from: old)
        let (_, welcome) = self.hello("", harness)
        #expect(welcome?["producer"] == #"{"name":"meter","epoch":1002,"next":1}"#)
        #expect(old.connection.closed?.code.rawValue == 4104)
        let (zombie, refusal) = self.hello(#""epoch":1001"#, harness)
        #expect(refusal?.code == 4104)
        #expect(zombie.connection.closed?.code.rawValue == 4104)
    }

    @Test func aProducerThatNobodyKnowsIsNotMadeUp() throws {
        let harness = try self.harness()
        let (client, refusal) = self.hello(#""epoch":5"#, harness)
        #expect(refusal?.code == 4401)
        #expect(client.connection.closed?.code.rawValue == 4401)
    }

    @Test(arguments: [
        #"{}"#, #"{"name":""}"#, #"{"name":"a b"}"#, #"{"name":5}"#, #"5"#, #"{"name":"a","epoch":0}"#,
        #"{"name":"a","acked":-1}"#, #"{"name":"a","resume":1}"#,
    ])
    func aProducerThatIsNoneIsRefused(producer: String) throws {
        let harness = try self.harness()
        let client = harness.connect()
        #expect(harness.ask(#"{"op":"hello","producer":\#(producer)}"#, from: client).first?.code == 4001)
    }

    @Test func aNameHasSixtyFourCharactersAndNotOneMore() throws {
        let harness = try self.harness()
        for (count, code) in [(64, 0), (65, 4001)] {
            let client = harness.connect()
            let name = String(repeating: "n", count: count)
            let answer = harness.ask(#"{"op":"hello","producer":{"name":"\#(name)"}}"#, from: client).first
            #expect(answer?.code == code)
        }
    }

    // MARK: What a backup forgets

    @Test func anOlderStoreIsNoticed() throws {
        let harness = try self.harness()
        let (client, _) = self.hello(#""resume":true"#, harness)
        for seq in 1...3 { harness.ask(self.publish(seq), from: client) }
        harness.disconnect(client)
        let (again, welcome) = self.hello(#""resume":true,"acked":5"#, harness)
        #expect(
            welcome?["producer"] == #"{"name":"meter","epoch":1001,"next":6,"regressed":{"from":4,"to":5}}"#
        )
        // What was lost may come again and counts.
        #expect(harness.ask(self.publish(4, "1"), from: again).first?["data"] == "4")
        #expect(harness.ask(self.publish(6, "1"), from: again).first?["data"] == "5")
    }

    // MARK: Room

    @Test func theOneThatWasUsedLongestAgoIsForgotten() throws {
        var limits = BrokerLimits()
        limits.producers = 2
        let harness = try self.harness(limits: limits)
        func hello(_ name: String, _ members: String = "") -> (CoreHarness.Client, ServerFrame?) {
            let client = harness.connect()
            return (
                client, harness.ask(#"{"op":"hello","producer":{"name":"\#(name)"\#(members)}}"#, from: client).last
            )
        }
        let (a, _) = hello("a")
        harness.disconnect(a)
        let (b, _) = hello("b")
        harness.disconnect(b)
        let (again, _) = hello("a", #","epoch":1001"#)
        harness.disconnect(again)
        let (c, welcome) = hello("c")
        #expect(welcome?.operation == "welcome")
        harness.disconnect(c)
        #expect(hello("b", #","epoch":1002"#).1?.code == 4401)
        #expect(hello("a", #","epoch":1001"#).1?.operation == "welcome")
        #expect(harness.producers.count == 2)
    }

    @Test func theConnectedAndThoseThatResumeAreNeverForgotten() throws {
        var limits = BrokerLimits()
        limits.producers = 2
        let harness = try self.harness(limits: limits)
        func hello(_ name: String, _ members: String = "") -> (CoreHarness.Client, ServerFrame?) {
            let client = harness.connect()
            return (
                client, harness.ask(#"{"op":"hello","producer":{"name":"\#(name)"\#(members)}}"#, from: client).last
            )
        }
        let (file, _) = hello("file", #","resume":true"#)
        harness.disconnect(file)
        let (live, _) = hello("live")
        #expect(hello("c").1?.code == 4205)
        harness.disconnect(live)
        #expect(hello("c").1?.operation == "welcome")
    }

    // MARK: Failed commits

    @Test func aFullDiskSettlesNothingAndGoesOnWhereItStopped() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        harness.ask(self.publish(1), from: client)
        for seq in 2...4 { harness.send(self.publish(seq), from: client) }
        harness.tick()
        // These gather behind the commit that fails.
        for seq in 5...6 { harness.send(self.publish(seq), from: client) }
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        // And these were on their way when it failed.
        harness.send(self.publish(7), from: client)
        harness.settle()
        #expect(self.codes(client.frames()) == ["2:4203"])
        #expect(self.total(harness) == "1")
        for seq in 2...7 { harness.send(self.publish(seq), from: client) }
        harness.settle()
        #expect(self.codes(client.frames()) == (2...7).map { "ack \($0)" })
        #expect(self.total(harness) == "7")
    }

    /// What counted in memory is taken back with the number that is not stored, or the resend would count twice.
    @Test func diskAndMemoryInOneStreamAcrossAFailedCommit() throws {
        let harness = try self.harness()
        let (client, _) = self.hello("", harness)
        harness.ask(self.publish(1, "10", to: "live"), from: client)
        let stranger = harness.connect()
        harness.send(self.publish(2, "1", to: "live"), from: client)
        harness.send(self.publish(3, "1"), from: client)
        harness.tick()
        // Somebody without numbers counts in the same topic meanwhile: it waits, and fails with it.
        harness.send(#"{"op":"pub","id":9,"topic":"live","data":100}"#, from: stranger)
        harness.send(self.publish(4, "1", to: "live"), from: client)
        harness.tick()
        #expect(stranger.frames().isEmpty)
        harness.finishCommit(.full(reason: "test"))
        harness.settle()
        #expect(self.codes(client.frames()) == ["2:4203"])
        #expect(stranger.frames().map(\.code) == [4203])
        #expect(self.total(of: "live", harness) == "10")
        for (seq, topic) in [(2, "live"), (3, "clicks"), (4, "live")] {
            harness.ask(self.publish(seq, "1", to: topic), from: client)
        }
        #expect(self.total(of: "live", harness) == "12")
        #expect(self.total(harness) == "1")
    }

    @Test func aHelloThatIsNotStoredIsNoHello() throws {
        let harness = try self.harness()
        let client = harness.connect()
        harness.send(#"{"op":"hello","producer":{"name":"meter"}}"#, from: client)
        harness.send(self.publish(1), from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "test"))
        harness.settle()
        #expect(client.connection.closed?.code.rawValue == 4203)
        #expect(!client.frames().contains { $0.operation == "welcome" })
        let (_, welcome) = self.hello("", harness)
        #expect(welcome?["producer"]?.contains(#""next":1"#) == true)
    }
}
