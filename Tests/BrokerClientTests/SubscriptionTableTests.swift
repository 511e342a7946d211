import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Subscription table")
struct SubscriptionTableTests {
    private static func filter(_ text: String) throws -> TopicFilter { try TopicFilter(text) }

    private func table(_ filters: [(String, UInt64)], isActive: Bool = true) throws -> SubscriptionTable {
        var table = SubscriptionTable()
        for (filter, owner) in filters {
            try table.add([Self.filter(filter)], owner: owner, options: SubscriptionOptions())
        }
        if isActive {
            for request in table.takeUnsent() {
                _ = table.acknowledged(request.filter, at: Position(epoch: "k", offset: 0), hasValue: false)
            }
        }
        return table
    }

    private func route(
        _ table: inout SubscriptionTable,
        _ topic: String,
        offset: UInt64 = 1,
        isRetained: Bool = false
    ) -> [UInt64] {
        var owners: [UInt64] = []
        topic.bytes.withUnsafeBytes { bytes in
            table.route(topic: bytes, offset: offset, isRetained: isRetained) { owner, _, _ in owners.append(owner) }
        }
        return owners
    }

    @Test func aMessageGoesOnceToEachSubscriptionThatMatches() throws {
        var table = SubscriptionTable()
        try table.add([Self.filter("a/+"), Self.filter("a/#")], owner: 1, options: SubscriptionOptions())
        try table.add([Self.filter("a/b")], owner: 2, options: SubscriptionOptions())
        #expect(self.route(&table, "a/b") == [1, 2])
        #expect(self.route(&table, "a/c") == [1])
        #expect(self.route(&table, "c") == [])
    }

    @Test func aFilterIsAddedOnceAndASubscriptionWholeOrNotAtAll() throws {
        var table = try self.table([("a", 1)])
        #expect(throws: ClientError.self) {
            try table.add([Self.filter("b"), Self.filter("a")], owner: 2, options: SubscriptionOptions())
        }
        #expect(throws: ClientError.self) {
            try table.add([Self.filter("c"), Self.filter("c")], owner: 2, options: SubscriptionOptions())
        }
        #expect(self.route(&table, "b") == [])
        #expect(self.route(&table, "c") == [])
    }

    @Test func afterALossEverythingIsSentAgain() throws {
        var table = try self.table([("a", 1), ("b", 2)])
        #expect(table.takeUnsent().isEmpty)
        table.connectionLost()
        #expect(try table.takeUnsent().map(\.filter) == [Self.filter("a"), Self.filter("b")])
        #expect(table.takeUnsent().isEmpty)
    }

    @Test func aValueThatWasDeliveredIsNotDeliveredAgain() throws {
        var table = try self.table([("a", 1)])
        _ = self.route(&table, "a", offset: 5)
        for (epoch, offset, isNews) in [("k", 5, false), ("k", 6, true), ("k", 6, false), ("j", 6, true)] {
            table.connectionLost()
            _ = table.takeUnsent()
            let position = Position(epoch: epoch, offset: UInt64(offset))
            let action = try table.acknowledged(Self.filter("a"), at: position, hasValue: true)
            #expect(action == .active(owner: 1, isNew: false, deliversSnapshot: isNews))
        }
    }

    @Test func whoWantsNoRetainedMessagesGetsNoValueFirst() throws {
        var table = SubscriptionTable()
        try table.add([Self.filter("a")], owner: 1, options: SubscriptionOptions(retained: false))
        _ = table.takeUnsent()
        let action = try table.acknowledged(Self.filter("a"), at: Position(epoch: "k", offset: 1), hasValue: true)
        #expect(action == .active(owner: 1, isNew: true, deliversSnapshot: false))
    }

    @Test func retainedMessagesGoToWhoeverAsked() throws {
        var table = try self.table([("a/#", 1)])
        try table.add([Self.filter("a/+")], owner: 2, options: SubscriptionOptions())
        _ = table.takeUnsent()
        #expect(self.route(&table, "a/b", isRetained: true) == [2])
        #expect(self.route(&table, "a/b") == [1, 2])
        _ = try table.acknowledged(Self.filter("a/+"), at: Position(epoch: "", offset: 0), hasValue: false)
        #expect(self.route(&table, "a/b", isRetained: true) == [1, 2])
    }

    @Test func aRefusalEndsASubscriptionUnlessItPasses() throws {
        var table = try self.table([("a", 1)])
        #expect(try table.refused(Self.filter("a"), retry: .no) == .ignore)
        table.connectionLost()
        _ = table.takeUnsent()
        #expect(try table.refused(Self.filter("a"), retry: .later) == .sendLater)
        try table.sendAgain(Self.filter("a"))
        #expect(table.takeUnsent().count == 1)
        #expect(try table.refused(Self.filter("a"), retry: .no) == .end(owner: 1))

        var new = try self.table([("b", 2)], isActive: false)
        _ = new.takeUnsent()
        #expect(try new.refused(Self.filter("b"), retry: .later) == .end(owner: 2))
    }

    @Test func onlyFiltersTheBrokerKnowsAreGivenBack() throws {
        var table = SubscriptionTable()
        try table.add([Self.filter("a")], owner: 1, options: SubscriptionOptions())
        #expect(table.remove(owner: 1) == [])
        try table.add([Self.filter("a")], owner: 1, options: SubscriptionOptions())
        _ = table.takeUnsent()
        #expect(try table.remove(owner: 1) == [Self.filter("a")])
        #expect(
            try table.acknowledged(Self.filter("a"), at: Position(epoch: "k", offset: 1), hasValue: true) == .ignore
        )
    }
}
