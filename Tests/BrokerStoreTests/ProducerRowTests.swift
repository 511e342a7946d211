import BrokerCore
import BrokerTestKit
import GRDB
import Logging
import Testing

@testable import BrokerStore

/// Producers and publishes with `once` as they stand in the file: whose they are counts.
@Suite("Rows of producers")
struct ProducerRowTests {
    private let fixture: StoreFixture
    private static let producers = [
        StoreFixture.producer(1), StoreFixture.producer(2, of: "alice"), StoreFixture.producer(3, of: "bob"),
    ]
    private static let onces = [StoreFixture.once(1), StoreFixture.once(2, of: "alice")]

    init() throws { self.fixture = try StoreFixture() }

    private func write() async throws {
        let store = try self.fixture.open()
        var batch = StoreBatch(number: 1, rows: [])
        batch.producers = Self.producers
        batch.onces = Self.onces
        #expect(await store.commit(batch) == .committed)
        store.close()
    }

    @Test func principalsMayShareAName() async throws {
        try await self.write()
        let restored = try self.fixture.open().restore()
        #expect(restored.producers == Self.producers)
        #expect(restored.onces == Self.onces)
    }

    @Test func aPrincipalHasANameOnlyOnce() async throws {
        try await self.write()
        let store = try self.fixture.open()
        var batch = StoreBatch(number: 2, rows: [])
        batch.producers = [StoreFixture.producer(4, of: "alice")]
        guard case .unknown = await store.commit(batch) else {
            Issue.record("a second producer of the same principal and name was stored")
            return
        }
    }

    /// As they were written on the first day of this format; a broker to come has to read them.
    @Test func checksumsStayWhatTheyWere() async throws {
        try await self.write()
        let queue = try DatabaseQueue(path: self.fixture.path)
        let (producers, onces) = try await queue.read { database in
            (
                try Int64.fetchAll(database, sql: "SELECT checksum FROM producer WHERE id < 3 ORDER BY id"),
                try Int64.fetchAll(database, sql: "SELECT checksum FROM once ORDER BY id")
            )
        }
        try queue.close()
        #expect(producers == [3_781_306_221, 90_097_139])
        #expect(onces == [46_716_349, 4_182_416_580])
    }

    @Test(arguments: [
        ("producer", "alice", ""), ("producer", "", "carol"), ("once", "alice", ""), ("once", "", "carol"),
    ])
    func aRowThatIsGivenToSomebodyElseIsDamaged(table: String, from: String, to: String) async throws {
        try await self.write()
        if to.isEmpty { try self.fixture.edit("DELETE FROM \(table) WHERE principal = ''") }
        try self.fixture.edit("UPDATE \(table) SET principal = '\(to)' WHERE principal = '\(from)'")
        let store = try self.fixture.open()
        let label = table == "once" ? "publish with 'once' 'a'" : "producer 'meter'"
        #expect(try store.check().problems == ["\(label): its checksum is wrong"])
        #expect(throws: StoreError.self) { try store.restore() }
    }

    @Test func allOfThemAreSaved() async throws {
        try await self.write()
        let target = self.fixture.folder.file("saved.db")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let salvage = try StoreSalvage.salvage(from: self.fixture.path, to: target, logger: logger)
        #expect(salvage.saved == 5)
        #expect(salvage.lost.isEmpty)
        let restored = try SQLiteStore(path: target, logger: logger).restore()
        #expect(restored.producers == Self.producers)
        #expect(restored.onces == Self.onces)
    }
}
