import BrokerCore
import BrokerStore
import BrokerTestKit
import BrokerWire
import Testing

/// Rows that go.
@Suite("Deletions in the store") struct DeletionTests {
    private let fixture: StoreFixture

    init() throws { self.fixture = try StoreFixture() }

    @Test func aRowThatGoesMakesRoomForOneOfTheSameName() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit([StoreFixture.sum(1, "a"), StoreFixture.sum(2, "b")]) == .committed)
        var again = StoreFixture.sum(3, "a", state: [9])
        again.life = 1
        var batch = StoreBatch(number: 2, rows: [again])
        batch.forgottenTopics = [1]
        batch.deletions = 1
        #expect(await store.commit(batch) == .committed)
        let restored = try store.restore()
        #expect(restored.rows == [StoreFixture.sum(2, "b"), again])
        #expect(restored.deletions == 1)
        store.close()
        let reopened = try self.fixture.open().restore()
        #expect(reopened.deletions == 1)
        #expect(reopened.rows == restored.rows)
    }

    @Test func aLifeIsPartOfTheChecksum() async throws {
        let store = try self.fixture.open()
        var row = StoreFixture.sum(1, "a")
        row.life = 7
        #expect(await store.commit([row]) == .committed)
        store.close()
        try self.fixture.edit("UPDATE topic SET life = 6")
        #expect(throws: StoreError.self) { try self.fixture.open().restore() }
    }

    @Test func forgettingBeginsAnotherLifeThanAnyThatThereIs() async throws {
        let store = try self.fixture.open()
        var row = StoreFixture.sum(1, "a")
        row.life = 7
        #expect(await store.commit([row, StoreFixture.sum(2, "b")]) == .committed)
        #expect(try store.forget(TopicFilter("b")) == ["b"])
        #expect(try store.restore().deletions == 8)
        #expect(try store.forget(TopicFilter("nothing")).isEmpty)
        #expect(try store.restore().deletions == 8)
    }
}
