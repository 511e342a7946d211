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

extension SQLiteStore {
    /// Commits and waits for the outcome.
    func commit(_ rows: [TopicRow]) async -> CommitOutcome {
        await withCheckedContinuation { continuation in
            self.commit(StoreBatch(number: 1, rows: rows)) { continuation.resume(returning: $0) }
        }
    }
}
