import BrokerTestKit
import BrokerWire
import Testing

@testable import BrokerCore

/// Every kind of request, with each of the rights by itself.
@Suite("Requests and their rights")
struct RequestAccessTests {
    private static let meter = Identity(name: "meter-1", proof: .token(sha256: [1]))

    /// A broker where one client may do one thing with one topic, which adds up to 5.
    private struct Fixture {
        let harness: CoreHarness
        let admin: CoreHarness.Client
        let client: CoreHarness.Client

        init(_ right: Rights) throws {
            let access = AccessRules([try AccessRuleTests.rule(.allow, right, "meter-*", "a/1")])
            self.harness = try CoreHarness([TopicRule("a/+", "sum")], access: access, plainTopic: "a/1")
            self.admin = self.harness.connect(as: .administrator)
            self.harness.ask(#"{"op":"pub","id":1,"topic":"a/1","data":5}"#, from: self.admin)
            self.client = self.harness.connect(as: RequestAccessTests.meter)
        }

        var total: String? {
            self.harness.ask(#"{"op":"get","id":1,"topic":"a/1"}"#, from: self.admin).first?["data"]
        }
    }

    @Test(arguments: [
        (#"{"op":"pub","id":2,"topic":"a/1","data":1}"#, "publish", "6"),
        (#"{"op":"pub","id":2,"once":"x","topic":"a/1","data":1}"#, "publish", "6"),
        (#"{"op":"pub","seq":1,"topic":"a/1","data":1}"#, "publish", "6"),
        ("1", "publish", "6"),
        (#"{"op":"get","id":2,"topic":"a/1"}"#, "subscribe", "5"),
        (#"{"op":"sub","id":2,"topic":"a/1"}"#, "subscribe", "5"),
        (#"{"op":"reset","id":2,"topic":"a/1"}"#, "admin", "0"),
    ])
    func aRequestIsCarriedOutWithItsRightAndWithNoOther(request: String, needed: String, total: String) throws {
        for (name, right) in Rights.names {
            let fixture = try Fixture(right)
            if request.contains("seq") {
                fixture.harness.ask(#"{"op":"hello","v":1,"producer":{"name":"p"}}"#, from: fixture.client)
            }
            let codes = fixture.harness.ask(request, from: fixture.client).map(\.code)
            #expect(codes.contains(4103) == (name != needed), "\(name)")
            #expect(fixture.total == (name == needed ? total : "5"), "\(name)")
        }
    }

    @Test func aListIsForWhoMaySubscribeAndADeletionForWhoMayAdminister() throws {
        for (name, right) in Rights.names {
            let fixture = try Fixture(right)
            func codes(_ command: TopicCommand) -> [Int] {
                fixture.harness.start(command, from: fixture.client, as: Self.meter)
                fixture.harness.settle()
                return fixture.client.frames().map(\.code)
            }
            let topic = try TopicFilter("a/1")
            #expect(codes(.list(filter: topic, limit: 1, after: [])) == [name == "subscribe" ? 0 : 4103], "\(name)")
            // The right to one topic is none to others.
            #expect(codes(.delete(try TopicFilter("a/+"))) == [4103])
            #expect(codes(.delete(try TopicFilter("a/2"))) == [4103])
            #expect(fixture.total == "5")
            #expect(codes(.delete(topic)) == [name == "admin" ? 0 : 4103], "\(name)")
        }
    }
}
