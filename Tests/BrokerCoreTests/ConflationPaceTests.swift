import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Totals that change all the time, with very many who listen.
@Suite("Conflation pace") struct ConflationPaceTests {
    /// One more than are told without a pause.
    private static let many = ConflationPace.freeDeliveries + 1

    private static func harness(
        subscribers: Int,
        limits: BrokerLimits = BrokerLimits(),
        _ options: String = ""
    ) throws -> (CoreHarness, [CoreHarness.Client], CoreHarness.Client) {
        let harness = try CoreHarness([TopicRule("total", "sum", durability: .memory)], limits: limits)
        let clients = (0..<subscribers).map { _ in harness.connect() }
        for client in clients { harness.ask(#"{"op":"sub","id":1,"topic":"total"\#(options)}"#, from: client) }
        return (harness, clients, harness.connect())
    }

    private static func publish(_ harness: CoreHarness, _ publisher: CoreHarness.Client) {
        harness.ask(#"{"op":"pub","topic":"total","data":1}"#, from: publisher)
    }

    @Test func aChangeAfterAQuietWhileIsToldAtOnce() throws {
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many)
        Self.publish(harness, publisher)
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1"] })
    }

    @Test func whatChangesInThePauseIsToldOnceAtItsEnd() throws {
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many)
        for _ in 0..<10 { Self.publish(harness, publisher) }
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1"] })
        harness.advance(milliseconds: 1)
        #expect(clients.allSatisfy { $0.frames().isEmpty }, "the pause of 65 deliveries takes 1.625 ms")
        harness.advance(milliseconds: 1)
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["10"] })
        harness.advance(milliseconds: 1000)
        #expect(clients.allSatisfy { $0.frames().isEmpty }, "it was told twice")
    }

    @Test func fewHearOfEachChange() throws {
        let (harness, clients, publisher) = try Self.harness(subscribers: ConflationPace.freeDeliveries)
        for _ in 0..<3 { Self.publish(harness, publisher) }
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1", "2", "3"] })
    }

    @Test func thePauseIsNoLongerThanItsLimit() throws {
        var limits = BrokerLimits()
        limits.totalsPauseMax = 1_000_000
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many, limits: limits)
        for _ in 0..<2 { Self.publish(harness, publisher) }
        harness.advance(milliseconds: 1)
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1", "2"] })
    }

    @Test func withoutALimitThereIsNoPause() throws {
        var limits = BrokerLimits()
        limits.totalsPauseMax = 0
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many, limits: limits)
        for _ in 0..<3 { Self.publish(harness, publisher) }
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1", "2", "3"] })
    }

    @Test func whoAskedForEveryMessageGetsItInThePauseToo() throws {
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many)
        let eager = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"total","mode":"all"}"#, from: eager)
        for _ in 0..<3 { Self.publish(harness, publisher) }
        #expect(eager.frames().map { $0["data"] } == ["1", "2", "3"])
        #expect(clients.allSatisfy { $0.frames().map { $0["data"] } == ["1"] })
    }

    @Test func oneWithARateOfItsOwnGoesByThat() throws {
        let (harness, _, publisher) = try Self.harness(subscribers: Self.many)
        let rated = harness.connect()
        harness.ask(#"{"op":"sub","id":1,"topic":"total","maxRate":1000}"#, from: rated)
        for _ in 0..<3 { Self.publish(harness, publisher) }
        harness.advance(milliseconds: 1)
        #expect(rated.frames().map { $0["data"] } == ["1", "3"])
    }

    @Test func whoComesInThePauseIsToldNothingOlderThanItKnows() throws {
        let (harness, _, publisher) = try Self.harness(subscribers: Self.many)
        for _ in 0..<2 { Self.publish(harness, publisher) }
        let late = harness.connect()
        #expect(harness.ask(#"{"op":"sub","id":1,"topic":"total"}"#, from: late).map { $0["data"] } == ["2"])
        harness.advance(milliseconds: 1000)
        #expect(late.frames().isEmpty)
    }

    @Test func whoGoesInThePauseHasTheNewestFirst() throws {
        let (harness, clients, publisher) = try Self.harness(subscribers: Self.many)
        for _ in 0..<2 { Self.publish(harness, publisher) }
        _ = clients[0].frames()
        let frames = harness.ask(#"{"op":"unsub","id":2,"topic":"total"}"#, from: clients[0])
        #expect(frames.map { $0["data"] ?? $0["op"] } == ["2", #""ack""#])
    }

    @Test func ownPublishesAreLeftOutInThePauseToo() throws {
        // One of them is not told.
        let (harness, clients, _) = try Self.harness(subscribers: Self.many + 1, #","echo":false"#)
        Self.publish(harness, clients[0])
        for client in clients { _ = client.frames() }
        Self.publish(harness, clients[0])
        harness.advance(milliseconds: 10)
        #expect(clients[0].frames().isEmpty)
        #expect(clients[1].frames().map { $0["data"] } == ["2"])
        // Of several publishers' changes the newest is for everybody.
        Self.publish(harness, clients[0])
        Self.publish(harness, clients[1])
        harness.advance(milliseconds: 10)
        #expect(clients[0].frames().map { $0["data"] }.last == "4")
        #expect(clients[1].frames().map { $0["data"] }.last == "4")
    }
}
