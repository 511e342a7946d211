import BrokerCore
import BrokerStore
import BrokerTestKit
import GRDB
import Logging
import Synchronization

/// A folder with a store in it.
struct StoreFixture {
    let folder: TemporaryDirectory
    var path: String { self.folder.file("data/store.db") }

    init() throws { self.folder = try TemporaryDirectory() }

    func open() throws(StoreError) -> SQLiteStore {
        try SQLiteStore(path: self.path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Does something to the file behind the broker's back.
    func edit(_ sql: String) throws {
        let queue = try DatabaseQueue(path: self.path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    static func row(_ id: Int64, _ name: String, offset: UInt64 = 1, _ content: TopicRow.Content) -> TopicRow {
        TopicRow(id: id, name: Array(name.utf8), offset: offset, timestamp: 1_795_460_000_123, content: content)
    }

    static func sum(_ id: Int64, _ name: String, offset: UInt64 = 1, state: [UInt8] = [1, 2, 3]) -> TopicRow {
        Self.row(id, name, offset: offset, .aggregate(name: "sum", version: 1, state: state))
    }
}

extension StoreFixture {
    /// One that is called `meter` and has one number accepted.
    static func producer(_ id: Int64, of principal: String = "") -> ProducerRow {
        ProducerRow(
            id: id,
            principal: Array(principal.utf8),
            name: Array("meter".utf8),
            epoch: 1001,
            settled: 1,
            accepted: [2] + [UInt8](repeating: 0, count: 127),
            resumes: false,
            lastUse: 3
        )
    }

    static func once(_ id: Int64, of principal: String = "") -> OnceRow {
        OnceRow(
            id: id,
            principal: Array(principal.utf8),
            topic: Array("clicks".utf8),
            once: [0x61],
            content: 77,
            time: 5000
        )
    }
}

extension SQLiteStore {
    func commit(_ rows: [TopicRow]) async -> CommitOutcome { await self.commit(StoreBatch(number: 1, rows: rows)) }

    /// Commits and waits for the outcome.
    func commit(_ batch: StoreBatch) async -> CommitOutcome {
        await withCheckedContinuation { continuation in
            self.commit(batch) { continuation.resume(returning: $0) }
        }
    }
}
