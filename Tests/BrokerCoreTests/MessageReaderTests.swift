import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// The two dialects, and what bad messages get.
@Suite struct MessageReaderTests {
    // MARK: Plain mode

    @Test func aBareNumberIsAnsweredWithTheBareTotal() throws {
        let harness = try CoreHarness([TopicRule("total", "sum")])
        let client = harness.connect()
        #expect(harness.ask("6", from: client).map(\.text) == ["6"])
        #expect(harness.ask(" 10.5 ", from: client).map(\.text) == ["16.5"])
    }

    @Test func aPlainAnswerWaitsForItsCommit() throws {
        let harness = try CoreHarness([TopicRule("total", "sum")])
        let client = harness.connect()
        harness.send("6", from: client)
        harness.tick()
        #expect(client.frames().isEmpty)
        harness.finishCommit()
        #expect(client.frames().map(\.text) == ["6"])
    }

    @Test(arguments: ["six", #"{"op":"ping"}"#, "01", "6 7", ""])
    func whatIsNoNumberInPlainModeIsNotCounted(text: String) throws {
        let harness = try CoreHarness([TopicRule("total", "sum")])
        let client = harness.connect()
        harness.ask("6", from: client)
        #expect(harness.ask(text, from: client).map(\.code) == [4004])
        #expect(harness.ask("1", from: client).map(\.text) == ["7"])
    }

    @Test func anEnvelopeFirstMakesANumberAnError() throws {
        let harness = try CoreHarness([TopicRule("total", "sum")])
        let client = harness.connect()
        harness.ask(#"{"op":"ping","id":1}"#, from: client)
        #expect(harness.ask("6", from: client).map(\.code) == [4001])
    }

    @Test func plainAnswersAreRefusedWhenTheDiskIsFull() throws {
        let harness = try CoreHarness([TopicRule("total", "sum")])
        let client = harness.connect()
        harness.send("6", from: client)
        harness.tick()
        harness.finishCommit(.full(reason: "no room"))
        #expect(client.frames().map(\.code) == [4203])
        #expect(harness.ask("1", from: client).map(\.text) == ["1"])
    }

    // MARK: Errors

    @Test func nineteenErrorsInTenSecondsAreBorne() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        for _ in 0..<19 { harness.ask("nonsense", from: client) }
        #expect(client.connection.closed == nil)
    }

    @Test func theTwentiethErrorClosesTheConnection() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        for _ in 0..<20 { harness.send("nonsense", from: client) }
        harness.settle()
        #expect(client.frames().map(\.code) == Array(repeating: 4000, count: 20))
        #expect(client.connection.closed?.code == CloseCode(.tooManyErrors))
    }

    @Test func errorsAreForgottenAfterTenSeconds() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        for _ in 0..<19 { harness.ask("nonsense", from: client) }
        harness.advance(milliseconds: 10_000)
        for _ in 0..<19 { harness.ask("nonsense", from: client) }
        #expect(client.connection.closed == nil)
    }

    @Test(arguments: [
        #"{"op":"sub","id":1,"topic":"a//b"}"#,
        #"{"op":"pub","id":1,"topic":"clicks","data":"six"}"#,
        #"{"op":"get","id":1,"topic":"nothing"}"#,
        #"{"op":"pub","topic":"$sys/a","data":6}"#,
    ])
    func verdictsOnRequestsNeverClose(text: String) throws {
        let harness = try CoreHarness([TopicRule("clicks", "sum")])
        let client = harness.connect()
        for _ in 0..<50 { harness.ask(text, from: client) }
        #expect(client.connection.closed == nil)
    }
}
