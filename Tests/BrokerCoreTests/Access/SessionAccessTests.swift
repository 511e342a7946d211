import BrokerTestKit
import BrokerWire
import Foundation
import Testing

@testable import BrokerCore

/// What sessions may do, and what becomes of them when that changes.
@Suite("Sessions and their rights")
struct SessionAccessTests {
    private static func rules(_ rules: AccessRule...) -> AccessRules { AccessRules(rules) }

    private static let meter = Identity(name: "meter-1", proof: .token(sha256: [1]))

    private static func harness(_ access: AccessRules) throws -> CoreHarness {
        try CoreHarness([TopicRule("a/+", "sum"), TopicRule("clicks", "sum")], access: access)
    }

    private static func pass(_ milliseconds: UInt64, _ harness: CoreHarness) {
        harness.advance(milliseconds: milliseconds)
        harness.sweep()
    }

    private static func texts(_ frames: [ServerFrame]) -> [String] { frames.map(\.text) }

    // MARK: Requests

    @Test func aPublishWithoutTheRightIsForbiddenAndSaysNotWhetherTheTopicIsThere() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .publish, "meter-*", "a/1")))
        let client = harness.connect(as: Self.meter)
        #expect(harness.ask(#"{"op":"pub","id":1,"topic":"a/1","data":2}"#, from: client).map(\.operation) == ["ack"])
        let there = harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":2}"#, from: client)
        let notThere = harness.ask(#"{"op":"pub","id":1,"topic":"clacks","data":2}"#, from: client)
        #expect(there.map(\.code) == [4103])
        #expect(
            Self.texts(there).first == Self.texts(notThere).first?.replacingOccurrences(of: "clacks", with: "clicks")
        )
    }

    @Test func afterAnAllowedPublishAnotherTopicIsJudgedByItself() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .publish, "*", "a/1")))
        let client = harness.connect(as: Self.meter)
        let answers = ["a/1", "a/1", "a/2", "a/1", "a/11"].map { topic in
            harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":1}"#, from: client).first?.code
        }
        #expect(answers == [0, 0, 4103, 0, 4103])
    }

    @Test(arguments: ["#", "a/#", "+/1", "clicks", "$sys/#"])
    func aSubscriptionHasToBeContainedInWhatIsAllowed(filter: String) throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .subscribe, "*", "a/+")))
        let client = harness.connect(as: Self.meter)
        #expect(harness.ask(#"{"op":"sub","id":1,"topic":"\#(filter)"}"#, from: client).map(\.code) == [4103])
        #expect(harness.ask(#"{"op":"sub","id":1,"topic":"a/+"}"#, from: client).map(\.operation) == ["ack"])
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"clicks"}"#, from: client).map(\.code) == [4103])
    }

    @Test func aListHasOnlyWhatMayBeRead() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "a/1")))
        let admin = harness.connect(as: .administrator)
        for topic in ["a/1", "a/2", "clicks"] {
            harness.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":1}"#, from: admin)
        }
        let client = harness.connect(as: Self.meter)
        harness.start(.list(filter: try TopicFilter("#"), limit: 10, after: []), from: client, as: Self.meter)
        harness.settle()
        let text = Self.texts(client.frames()).joined()
        #expect(text.contains("a/1") && !text.contains("a/2") && !text.contains("clicks"))
        harness.start(.delete(try TopicFilter("a/#")), from: client, as: Self.meter)
        harness.settle()
        #expect(client.frames().map(\.code) == [4103])
    }

    /// A number that was accepted under one topic comes again with the name of another one, to be told its value.
    @Test func aDuplicateTellsNoValueOfATopicThatIsNotTheClients() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .publish, "*", "a/1")))
        let admin = harness.connect(as: .administrator)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":4711}"#, from: admin)
        let client = harness.connect(as: Self.meter)
        harness.ask(#"{"op":"hello","v":1,"producer":{"name":"p"}}"#, from: client)
        harness.ask(#"{"op":"pub","seq":1,"topic":"a/1","data":2}"#, from: client)
        let again = Self.texts(harness.ask(#"{"op":"pub","seq":1,"topic":"clicks","data":2}"#, from: client)).joined()
        #expect(again.contains(#""seq":1"#) && !again.contains("4711"))
    }

    // MARK: Changes

    @Test func aSubscriptionThatIsNotAllowedAnyMoreEnds() throws {
        let wide = Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "#"))
        let narrow = Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "a/#"))
        let harness = try Self.harness(wide)
        let client = harness.connect(as: Self.meter)
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: client)
        harness.ask(#"{"op":"sub","id":2,"topic":"a/+"}"#, from: client)
        harness.ask(#"{"op":"pub","id":3,"topic":"clicks","data":1}"#, from: client)
        harness.change(narrow)
        let ends = Self.texts(client.frames())
        #expect(ends.count == 1)
        #expect(ends.first?.hasPrefix(#"{"op":"unsub","topic":"clicks","code":4103,"name":"forbidden""#) == true)
        let admin = harness.connect(as: .administrator)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: admin)
        #expect(client.frames().isEmpty)
        harness.ask(#"{"op":"pub","id":1,"topic":"a/1","data":1}"#, from: admin)
        #expect(client.frames().count == 1)
        #expect(harness.broker.figures.refusals[4103] == 1)
        // And what it published to before, it publishes to no more.
        #expect(harness.ask(#"{"op":"pub","id":3,"topic":"clicks","data":1}"#, from: client).map(\.code) == [4103])
    }

    @Test func whoMightPublishEverywhereMayWhatTheNewRulesSay() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect(as: Self.meter)
        let publish = #"{"op":"pub","id":1,"topic":"clicks","data":1}"#
        #expect(harness.ask(publish, from: client).map(\.code) == [0])
        harness.change(Self.rules(try AccessRuleTests.rule(.allow, .publish, "*", "a/#")))
        #expect(harness.ask(publish, from: client).map(\.code) == [4103])
    }

    @Test func whoHasNoCredentialsMayWhatTheNewRulesSay() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: client)
        harness.change(AccessRules(anonymous: [.publish]))
        #expect(client.frames().map(\.code) == [4103])
        for client in [client, harness.connect()] {
            #expect(harness.ask(#"{"op":"sub","id":2,"topic":"clicks"}"#, from: client).map(\.code) == [4103])
            #expect(harness.ask(#"{"op":"pub","id":3,"topic":"clicks","data":1}"#, from: client).map(\.code) == [0])
        }
    }

    @Test func aSubscriptionWhoseMessagesAreOnTheirWayIsRefusedAndTheClientGoesOn() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "#")))
        let admin = harness.connect(as: .administrator)
        let text = String(repeating: "x", count: 40_000)
        for index in 0..<8 {
            harness.ask(#"{"op":"pub","id":1,"topic":"n/\#(index)","data":"\#(text)","retain":true}"#, from: admin)
        }
        let client = harness.connect(as: Self.meter)
        harness.setWritable(false, client)
        harness.send(#"{"op":"sub","id":1,"topic":"n/#"}"#, from: client)
        harness.settle()
        harness.change(Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "a/#")))
        harness.setWritable(true, client)
        harness.settle()
        let frames = client.frames()
        #expect(frames.filter { $0.code == 4103 && $0.text.contains(#""id":1"#) }.count == 1)
        #expect(harness.ask(#"{"op":"ping","id":2}"#, from: client).count == 1)
    }

    @Test func whoseTokenWasTakenAwayIsClosed() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect(as: Self.meter)
        let other = harness.connect(as: Identity(name: "meter-2", proof: .token(sha256: [2])))
        harness.ask(#"{"op":"ping","id":1}"#, from: client)
        harness.ask(#"{"op":"ping","id":1}"#, from: other)
        harness.change(AccessRules()) { $0.proof == .token(sha256: [1]) ? .ended : .counts($0) }
        #expect(client.frames().map(\.code) == [4102])
        #expect(client.connection.closed?.code == CloseCode(.tokenInvalid))
        #expect(other.connection.closed?.code == nil)
    }

    /// What it had sent already, and what was read of it, comes behind its end.
    @Test func whatAClosedClientSaysCountsNothing() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect(as: Self.meter)
        harness.broker.changeAccess(AccessRules(), at: harness.time) {
            $0.proof == .token(sha256: [1]) ? .ended : .counts($0)
        }
        harness.send(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: client)
        harness.settle()
        #expect(client.frames().map(\.code) == [4102])
        let admin = harness.connect(as: .administrator)
        #expect(harness.ask(#"{"op":"get","id":1,"topic":"clicks"}"#, from: admin).map(\.code) == [4404])
    }

    /// Verified before a reload and registered after it.
    @Test func whoseTokenWasTakenAwayMeanwhileIsNotLetIn() throws {
        let harness = try Self.harness(AccessRules())
        harness.change(AccessRules()) { $0.proof == .token(sha256: [1]) ? .ended : .counts($0) }
        let client = harness.connect(as: Self.meter)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: client)
        #expect(client.connection.closed?.code == CloseCode(.tokenInvalid))
        var late = Identity(name: "meter-2", proof: .token(sha256: [2]))
        late.expires = harness.time.wall
        let other = harness.connect(as: late)
        harness.ask(#"{"op":"ping","id":1}"#, from: other)
        #expect(other.connection.closed?.code == CloseCode(.tokenExpired))
    }

    /// The same of a token that renews.
    @Test func freshCredentialsThatWereTakenAwayMeanwhileEndTheConnection() throws {
        let harness = try Self.harness(AccessRules())
        harness.change(AccessRules()) { $0.proof == .token(sha256: [2]) ? .ended : .counts($0) }
        var late = Self.meter
        late.expires = harness.time.wall
        for (identity, code) in [
            (Identity(name: Self.meter.name, proof: .token(sha256: [2])), ErrorCode.tokenInvalid),
            (late, .tokenExpired),
        ] {
            let client = harness.connect(as: Self.meter)
            harness.ask(#"{"op":"ping","id":1}"#, from: client)
            harness.renew(client, as: identity)
            harness.settle()
            #expect(client.connection.closed?.code == CloseCode(code))
        }
    }

    /// It may count again, and nobody can tell without seeing it.
    @Test func whoHasToShowItAgainIsToldToConnectAgain() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect(as: Self.meter)
        harness.change(AccessRules()) { _ in .isUnknown }
        let last = client.frames().last
        #expect(last?.code == 4300 && last?.text.contains(#""retry":"reconnect""#) == true)
        #expect(client.connection.closed?.code == CloseCode(.restarting))
    }

    @Test func anEndThatAReloadBringsCountsForWhoIsConnected() throws {
        let harness = try Self.harness(AccessRules())
        let client = harness.connect(as: Self.meter)
        let end = harness.time.wall + 40_000
        harness.change(AccessRules()) { identity in
            var identity = identity
            identity.expires = end
            return .counts(identity)
        }
        Self.pass(10_000, harness)
        #expect(client.frames().map(\.operation) == ["notice"])
        Self.pass(30_000, harness)
        #expect(client.frames().map(\.code) == [4101])
    }

    @Test func anEndThatAReloadTakesAwayIsNone() throws {
        let harness = try Self.harness(AccessRules())
        var identity = Self.meter
        identity.expires = harness.time.wall + 40_000
        let client = harness.connect(as: identity)
        harness.change(AccessRules()) { _ in .counts(Self.meter) }
        Self.pass(50_000, harness)
        #expect(client.frames().isEmpty && client.connection.closed == nil)
    }

    /// Three subscriptions at once, of which the first is refused: the others wait for their turn.
    @Test func aRefusedSubscriptionEndsNoOtherOnesHold() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "a/#")))
        let client = harness.connect(as: Self.meter)
        harness.ask(#"{"op":"pub","id":1,"topic":"a/1","data":1}"#, from: client)
        for (id, topic) in [(2, "no"), (3, "a/#"), (4, "a/+")] {
            harness.send(#"{"op":"sub","id":\#(id),"topic":"\#(topic)"}"#, from: client)
        }
        harness.settle()
        let answers = client.frames().filter { $0.operation != "msg" }
        #expect(answers.compactMap { $0.integer("id") } == [2, 3, 4])
    }

    // MARK: Time

    @Test func whoseCredentialsEndIsWarnedOnceAndThenClosed() throws {
        let harness = try Self.harness(AccessRules())
        var identity = Self.meter
        identity.expires = harness.time.wall + 60_000
        let client = harness.connect(as: identity)
        harness.ask(#"{"op":"ping","id":1}"#, from: client)
        Self.pass(29_999, harness)
        #expect(client.frames().isEmpty)
        Self.pass(1, harness)
        #expect(Self.texts(client.frames()) == [#"{"op":"notice","code":4101,"name":"token_expired","afterMs":30000}"#])
        Self.pass(29_999, harness)
        #expect(client.frames().isEmpty && client.connection.closed?.code == nil)
        Self.pass(1, harness)
        #expect(client.frames().map(\.code) == [4101])
        #expect(client.connection.closed?.code == CloseCode(.tokenExpired))
    }

    @Test func freshCredentialsRenewItAndSubscriptionsStay() throws {
        let harness = try Self.harness(AccessRules())
        var identity = Self.meter
        identity.expires = harness.time.wall + 40_000
        let client = harness.connect(as: identity)
        harness.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#, from: client)
        Self.pass(20_000, harness)
        #expect(client.frames().count == 1)
        identity.expires = harness.time.wall + 60_000
        harness.renew(client, as: identity)
        #expect(
            harness.ask(#"{"op":"hello","token":"x"}"#, from: client).map(\.text).first?.contains("welcome") == true
        )
        Self.pass(29_999, harness)
        #expect(client.connection.closed?.code == nil && client.frames().isEmpty)
        let admin = harness.connect(as: .administrator)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks","data":1}"#, from: admin)
        #expect(client.frames().count == 1)
        Self.pass(1, harness)
        #expect(client.frames().count == 1, "it is warned again")
    }

    /// Its claims say less than before, under the same name.
    @Test func freshCredentialsThatMayLessEndWhatIsNotAllowedAnyMore() throws {
        let harness = try Self.harness(Self.rules(try AccessRuleTests.rule(.allow, .all, "*", "{claim.area}/#")))
        var identity = Self.meter
        identity.claims = ["area": "a"]
        let client = harness.connect(as: identity)
        harness.ask(#"{"op":"sub","id":1,"topic":"a/1"}"#, from: client)
        identity.claims = ["area": "b"]
        harness.renew(client, as: identity)
        harness.settle()
        #expect(Self.texts(client.frames()).first?.hasPrefix(#"{"op":"unsub","topic":"a/1","code":4103"#) == true)
        #expect(harness.ask(#"{"op":"pub","id":2,"topic":"a/1","data":1}"#, from: client).map(\.code) == [4103])
        #expect(harness.ask(#"{"op":"pub","id":3,"topic":"b/1","data":1}"#, from: client).map(\.code) == [0])
    }
}
