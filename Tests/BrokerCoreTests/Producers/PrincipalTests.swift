import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Names of producers and `once` belong to whoever gave them: another principal's under the same name is another one.
@Suite("Producers of principals")
struct PrincipalTests {
    private func harness(after earlier: CoreHarness? = nil) throws -> CoreHarness {
        try CoreHarness([try TopicRule("clicks", "sum", number: .int)], after: earlier)
    }

    private func hello(
        _ members: String = "",
        as name: String?,
        _ harness: CoreHarness
    ) -> (CoreHarness.Client, ServerFrame?) {
        let client = harness.connect(as: name.map { Identity(name: $0, proof: .token(sha256: [1])) })
        let hello = #"{"op":"hello","v":1,"producer":{"name":"meter"\#(members.isEmpty ? "" : ",\(members)")}}"#
        return (client, harness.ask(hello, from: client).last)
    }

    private func publish(_ seq: Int, _ harness: CoreHarness, _ client: CoreHarness.Client) -> ServerFrame? {
        harness.ask(#"{"op":"pub","seq":\#(seq),"topic":"clicks","data":1}"#, from: client).last
    }

    private func once(_ data: Int, as name: String?, _ harness: CoreHarness) -> ServerFrame? {
        let client = harness.connect(as: name.map { Identity(name: $0, proof: .token(sha256: [1])) })
        defer { harness.disconnect(client) }
        return harness.ask(#"{"op":"pub","id":4,"once":"a","topic":"clicks","data":\#(data)}"#, from: client).last
    }

    @Test(arguments: [nil, "bob"]) func anotherPrincipalsProducerOfTheSameNameIsLeftAlone(other: String?) throws {
        let harness = try self.harness()
        let (alice, first) = self.hello(as: "alice", harness)
        #expect(first?["producer"] == #"{"name":"meter","epoch":1001,"next":1}"#)
        let (bob, second) = self.hello(as: other, harness)
        #expect(second?["producer"] == #"{"name":"meter","epoch":1002,"next":1}"#)
        #expect(alice.connection.closed == nil)
        #expect(self.publish(1, harness, alice)?.text.contains(#""data":1,"dups":0"#) == true)
        #expect(self.publish(1, harness, bob)?.text.contains(#""data":2,"dups":0"#) == true)
        #expect(self.publish(2, harness, alice)?.text.contains(#""data":3,"dups":0"#) == true)
        #expect(alice.frames().isEmpty)
    }

    @Test func itsEpochIsNoKeyToIt() throws {
        let harness = try self.harness()
        _ = self.hello(as: "alice", harness)
        #expect(self.hello(#""epoch":1001"#, as: "bob", harness).1?.code == 4401)
        #expect(self.hello(#""resume":true"#, as: "bob", harness).1?["producer"]?.contains("1001") == false)
        #expect(self.hello(#""epoch":1001"#, as: "alice", harness).1?["producer"]?.contains("1001") == true)
    }

    @Test(arguments: [nil, "alice"]) func theSamePrincipalTakesOver(name: String?) throws {
        let harness = try self.harness()
        let (first, _) = self.hello(as: name, harness)
        let (_, welcome) = self.hello(#""epoch":1001"#, as: name, harness)
        #expect(welcome?["producer"]?.contains("1001") == true)
        #expect(first.frames().last?.code == 4105)
    }

    @Test func bothGoOnAfterARestart() throws {
        let first = try self.harness()
        for name in ["alice", "bob", nil] {
            let (client, _) = self.hello(as: name, first)
            _ = self.publish(1, first, client)
        }
        #expect(Set(first.producers.values.map(\.principal)) == [Array("alice".utf8), Array("bob".utf8), []])
        let second = try self.harness(after: first)
        for (name, epoch) in [("alice", 1001), ("bob", 1002), (nil, 1003)] {
            let (client, welcome) = self.hello(#""epoch":\#(epoch)"#, as: name, second)
            #expect(welcome?["producer"] == #"{"name":"meter","epoch":\#(epoch),"next":2}"#)
            #expect(self.publish(1, second, client)?.text.contains(#""data":3,"dups":1"#) == true)
        }
    }

    @Test func aOnceIsOnesOwn() throws {
        let first = try self.harness()
        #expect(self.once(1, as: "alice", first)?["data"] == "1")
        #expect(self.once(1, as: "bob", first)?["data"] == "2")
        #expect(self.once(5, as: nil, first)?["data"] == "7", "another content is no conflict either")
        #expect(Set(first.onces.values.map(\.principal)) == [Array("alice".utf8), Array("bob".utf8), []])
        let second = try self.harness(after: first)
        for harness in [first, second] {
            #expect(self.once(1, as: "alice", harness)?["dup"] == "true")
            #expect(self.once(1, as: "bob", harness)?["dup"] == "true")
            #expect(self.once(5, as: nil, harness)?["dup"] == "true")
            #expect(self.once(2, as: "alice", harness)?.code == 4009)
        }
    }
}
