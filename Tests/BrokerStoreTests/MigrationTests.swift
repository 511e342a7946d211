import BrokerCore
import Foundation
import GRDB
import Testing

@testable import BrokerStore

/// Stores that older brokers wrote.
@Suite("Migrations")
struct MigrationTests {
    private let fixture: StoreFixture

    init() throws { self.fixture = try StoreFixture() }

    private func emptyDatabase() throws -> DatabaseQueue {
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: self.fixture.path).deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        return try DatabaseQueue(path: self.fixture.path)
    }

    /// As the first version wrote it, checksums and all.
    private func writeFirstVersion() throws {
        let queue = try self.emptyDatabase()
        try StoreSchema.migrator.migrate(queue, upTo: "1-topic")
        try queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO topic VALUES
                        (1, 'clicks', 7, 1795460000123, 'sum', 'int', 1, x'2A', 996495064),
                        (2, 'news', 3, 1795460000123, NULL, NULL, NULL, x'7B7D', 1580752787)
                    """
            )
        }
        try queue.close()
    }

    /// Killed between the first table of the library and the first of ours; chaos.py does it for real.
    @Test func aStoreThatWasBarelyBegunIsGoneOnWith() throws {
        let queue = try self.emptyDatabase()
        try queue.writeWithoutTransaction { try StoreSchema.claim($0) }
        try queue.write { database in
            try database.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        }
        try queue.close()
        #expect(try self.fixture.open().restore().rows.isEmpty)
    }

    @Test func theFirstVersionIsReadAndWrittenOn() async throws {
        try self.writeFirstVersion()
        let store = try self.fixture.open()
        let rows = try store.restore().rows
        #expect(
            rows == [
                StoreFixture.row(
                    1,
                    "clicks",
                    offset: 7,
                    .aggregate(name: "sum", number: "int", version: 1, state: [42])
                ),
                StoreFixture.row(2, "news", offset: 3, .retained(Array("{}".utf8))),
            ]
        )
        let alerting = StoreFixture.row(3, "alerts", .retained([0x31], siblings: Array(#","alert":{}"#.utf8)))
        var watched = StoreFixture.row(4, "power", .aggregate(name: "max", version: 1, state: [1]))
        watched.alerts = [1, 2, 3]
        #expect(await store.commit([alerting, watched]) == .committed)
        #expect(try store.restore().rows == rows + [alerting, watched])
    }

    /// Before topics had lives; the checksums are those of then.
    @Test func theThirdVersionIsReadAndItsTopicsAreInTheirFirstLife() async throws {
        try self.writeFirstVersion()
        let queue = try DatabaseQueue(path: self.fixture.path)
        try StoreSchema.migrator.migrate(queue, upTo: "3-producers")
        try queue.close()
        let store = try self.fixture.open()
        let restored = try store.restore()
        #expect(restored.deletions == 0)
        #expect(restored.rows.map(\.life) == [0, 0])
    }

    /// Before producers belonged to anybody; the checksums are those of then.
    @Test func theFourthVersionIsReadAndItsProducersAreAnonymous() async throws {
        let queue = try self.emptyDatabase()
        try StoreSchema.migrator.migrate(queue, upTo: "4-lives")
        let accepted = Data([2] + [UInt8](repeating: 0, count: 127))
        try await queue.write { database in
            try database.execute(
                sql: "INSERT INTO producer VALUES (1, 'meter', 1001, 1, ?, 0, 3, 3781306221)",
                arguments: [accepted]
            )
            try database.execute(sql: "INSERT INTO once VALUES (1, 'clicks', 'a', 77, 5000, 46716349)")
        }
        try queue.close()
        let store = try self.fixture.open()
        let restored = try store.restore()
        let anonymous = StoreFixture.producer(1)
        #expect(restored.producers == [anonymous])
        #expect(restored.onces == [StoreFixture.once(1)])
        let alice = StoreFixture.producer(2, of: "alice")
        var batch = StoreBatch(number: 1, rows: [])
        batch.producers = [anonymous, alice]
        #expect(await store.commit(batch) == .committed)
        #expect(try store.restore().producers == [anonymous, alice])
    }
}
