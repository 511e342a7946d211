package import BrokerCore
package import BrokerWire
import Dispatch
// Foundation to make the folder.
import Foundation
import GRDB
import GRDBSQLite
package import Logging
import Synchronization

/// The durable store: one SQLite file, one connection, opened once.
///
/// The connection is exclusive (a second broker is kept out, and there is no shared memory file), writes ahead
/// (`WAL`), and fsyncs every commit (`synchronous=FULL`). All of it happens on the connection's own serial queue, so
/// that no event loop ever waits for a disk.
package final class SQLiteStore: BatchCommitter {
    package let path: String
    /// For tests of a disk that is full.
    let queue: DatabaseQueue
    private let lock: StoreLock
    private let logger: Logger
    private let checkpoints = CheckpointPolicy()
    package let files: StoreFiles
    let standing = Mutex(StoreStanding())
    let backupSlot = BackupSlot()

    /// What somebody who opens a store means to do with it.
    package enum Purpose: Hashable, Sendable {
        /// Makes what is not there, and brings an older format up to date.
        case use
        /// Leaves the format as it is.
        case inspection
    }

    /// Opens the store at `path` and, for use, creates it, with its folder, if it is not there.
    package init(path: String, for purpose: Purpose = .use, logger: Logger) throws(StoreError) {
        self.path = path
        self.logger = logger
        self.files = StoreFiles(path: path)
        if purpose == .use {
            try Self.makeFolder(of: path)
        } else if self.files.isMissing {
            throw .cannotOpen(path: path, reason: "there is no such file")
        }
        self.lock = try StoreLock(path: path)
        var configuration = Configuration()
        configuration.label = "wsbroker.store"
        configuration.busyMode = .immediateError
        configuration.prepareDatabase { database in
            // First of all, or shared memory is used for the log.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            // Before anything is set that would change somebody else's file.
            try Self.checkFormat(database, path: path)
            try Self.prepare(database)
        }
        do {
            self.queue = try DatabaseQueue(path: path, configuration: configuration)
            if purpose == .use {
                try self.queue.writeWithoutTransaction { try StoreSchema.claim($0) }
                try StoreSchema.migrator.migrate(self.queue)
            }
            try self.queue.writeWithoutTransaction { database in
                try Self.verifyPragmas(database)
                guard sqlite3_db_readonly(database.sqliteConnection, "main") == 0 else {
                    throw StorePermission.refusal(path: path, reason: "the file can only be read")
                }
            }
            self.files.note()
        } catch let error as StoreError {
            throw error
        } catch {
            throw Self.translate(error, path: path)
        }
    }

    // MARK: Opening

    static func makeFolder(of path: String) throws(StoreError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StorePermission.refusal(path: path, reason: "its folder \(folder) can not be made")
        }
    }

    private static func prepare(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA wal_autocheckpoint = 0;
                PRAGMA mmap_size = 0;
                PRAGMA temp_store = MEMORY;
                PRAGMA trusted_schema = OFF;
                PRAGMA cell_size_check = ON;
                PRAGMA journal_size_limit = 67108864;
                """
        )
    }

    /// Reads back what was set: a library or a future version that knows better must not weaken it silently.
    private static func verifyPragmas(_ database: Database) throws {
        let expected = [
            ("journal_mode", "wal"), ("synchronous", "2"), ("locking_mode", "exclusive"), ("mmap_size", "0"),
        ]
        for (pragma, value) in expected {
            let found = try String.fetchOne(database, sql: "PRAGMA \(pragma)") ?? ""
            // An SQLite without memory mapping has nothing to say about its size.
            guard found == value || (pragma == "mmap_size" && found.isEmpty) else {
                throw DatabaseError(message: "PRAGMA \(pragma) is '\(found)' and has to be '\(value)'")
            }
        }
    }

    static func checkFormat(_ database: Database, path: String) throws {
        let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == StoreSchema.applicationID || (application == 0 && tables == 0) else {
            throw StoreError.notAStore(path: path, reason: "it is another program's database")
        }
        guard version <= StoreSchema.version else {
            throw StoreError.newerFormat(path: path, found: version, supported: StoreSchema.version)
        }
    }

    static func translate(_ error: any Error, path: String) -> StoreError {
        guard let error = error as? DatabaseError else { return .cannotOpen(path: path, reason: "\(error)") }
        let reason = error.message ?? "\(error.extendedResultCode)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .inUse(path: path, holder: "another process")
        case .SQLITE_NOTADB: return .notAStore(path: path, reason: reason)
        case .SQLITE_CORRUPT: return .corrupt(path: path, reason: reason)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
            return StorePermission.refusal(path: path, reason: reason)
        default: return .cannotOpen(path: path, reason: reason)
        }
    }

    // MARK: Reading

    /// Reads everything that is stored.
    package func restore() throws(StoreError) -> RestoredStore {
        do {
            return try self.queue.writeWithoutTransaction { database in
                let problem = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? ""
                guard problem == "ok" else { throw StoreError.corrupt(path: self.path, reason: problem) }
                let format = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                guard format == StoreSchema.version else {
                    let reason = "its format \(format) is an older one; a start of the broker brings it up to date"
                    throw StoreError.cannotOpen(path: self.path, reason: reason)
                }
                var restored = RestoredStore(epoch: try self.epoch(database))
                restored.deletions = try Deletions.count(database)
                restored.rows.reserveCapacity(try Int.fetchOne(database, sql: "SELECT count(*) FROM topic") ?? 0)
                let rows = try Row.fetchCursor(database, sql: "SELECT * FROM topic ORDER BY id")
                while let row = try rows.next() {
                    guard let topic = TopicRow(row) else {
                        let reason = "the checksum of topic '\(row["name"] ?? "?")' is wrong"
                        throw StoreError.corrupt(path: self.path, reason: reason)
                    }
                    restored.rows.append(topic)
                }
                try self.restoreProducers(database, &restored)
                return restored
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw Self.translate(error, path: self.path)
        }
    }

    private func restoreProducers(_ database: Database, _ restored: inout RestoredStore) throws {
        let producers = try Row.fetchCursor(database, sql: "SELECT * FROM producer ORDER BY id")
        while let row = try producers.next() {
            guard let producer = ProducerRow(row) else {
                let reason = "the checksum of producer '\(row["name"] ?? "?")' is wrong"
                throw StoreError.corrupt(path: self.path, reason: reason)
            }
            restored.producers.append(producer)
        }
        let onces = try Row.fetchCursor(database, sql: "SELECT * FROM once ORDER BY id")
        while let row = try onces.next() {
            guard let once = OnceRow(row) else {
                let reason = "the checksum of a publish with 'once' to '\(row["topic"] ?? "?")' is wrong"
                throw StoreError.corrupt(path: self.path, reason: reason)
            }
            restored.onces.append(once)
        }
    }

    /// The name of this store's life, drawn when it is made.
    private func epoch(_ database: Database) throws -> String {
        if let epoch = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'epoch'") { return epoch }
        let epoch = StoreSchema.newEpoch()
        try database.inTransaction {
            try database.execute(sql: "INSERT INTO meta (key, value) VALUES ('epoch', ?)", arguments: [epoch])
            return .commit
        }
        return epoch
    }

    // MARK: Writing

    /// Writes `batch` in one transaction and fsyncs it, then says how that went, on the store's queue.
    package func commit(_ batch: StoreBatch, completion: @escaping @Sendable (CommitOutcome) -> Void) {
        self.queue.asyncWriteWithoutTransaction { database in
            let outcome = self.guarded { self.write(batch, database) }
            completion(outcome)
            // After the answer: whoever waits for the commit does not wait for this.
            if outcome == .committed {
                self.checkpointIfDue(database, rows: batch.rows.count + batch.forgottenTopics.count)
            }
        }
    }

    private func write(_ batch: StoreBatch, _ database: Database) -> CommitOutcome {
        let begin = DispatchTime.now().uptimeNanoseconds
        do {
            try database.beginTransaction(.immediate)
            // What goes makes room for what comes under the same name.
            try Deletions.delete(batch.forgottenTopics, database)
            if let deletions = batch.deletions { try Deletions.set(deletions, database) }
            let statement = try database.cachedStatement(sql: TopicRow.upsert)
            for row in batch.rows { try statement.execute(arguments: row.arguments) }
            try self.writeProducers(of: batch, database)
            let written = DispatchTime.now().uptimeNanoseconds
            try database.commit()
            self.noteCommit(of: batch, begin: begin, written: written)
            return .committed
        } catch {
            return self.failed(error, database)
        }
    }

    private func writeProducers(of batch: StoreBatch, _ database: Database) throws {
        // What goes makes room for what comes under the same name.
        for (table, ids) in [("producer", batch.forgottenProducers), ("once", batch.forgottenOnces)]
        where !ids.isEmpty {
            let statement = try database.cachedStatement(sql: "DELETE FROM \(table) WHERE id = ?")
            for id in ids { try statement.execute(arguments: [id]) }
        }
        if !batch.producers.isEmpty {
            let statement = try database.cachedStatement(sql: ProducerRow.upsert)
            for row in batch.producers { try statement.execute(arguments: row.arguments) }
        }
        if !batch.onces.isEmpty {
            let statement = try database.cachedStatement(sql: OnceRow.insert)
            for row in batch.onces { try statement.execute(arguments: row.arguments) }
        }
    }

    private func noteCommit(of batch: StoreBatch, begin: UInt64, written: UInt64) {
        let end = DispatchTime.now().uptimeNanoseconds
        self.standing.withLock { standing in
            standing.figures.commits.add(end - begin)
            standing.figures.fsyncs.add(end - written)
            standing.figures.batches.add(UInt64(batch.rows.count + batch.producers.count + batch.onces.count))
        }
    }

    private func failed(_ error: any Error, _ database: Database) -> CommitOutcome {
        self.standing.withLock { $0.figures.failures += 1 }
        let code = (error as? DatabaseError)?.resultCode
        let reason = (error as? DatabaseError)?.message ?? "\(error)"
        self.logger.error("a commit failed", metadata: ["error": "\(error)"])
        if database.isInsideTransaction { try? database.rollback() }
        // No room is a clean failure: SQLite has rolled back. After any other one nobody knows what is on the disk.
        if code == .SQLITE_FULL {
            self.noteFullness()
            return .full(reason: "the disk is full")
        }
        return .unknown(reason: reason)
    }

    private func checkpointIfDue(_ database: Database, rows: Int) {
        guard self.checkpoints.isDue(afterRows: rows) else { return }
        do {
            try database.checkpoint(.passive)
        } catch {
            self.logger.warning("a checkpoint failed", metadata: ["error": "\(error)"])
        }
    }

    /// Writes the log back into the file and closes it, after every commit that was asked for. A store that has failed
    /// is left as it is.
    package func close() {
        self.backupSlot.closeAndWait()
        guard self.failure == nil else { return self.abandon() }
        do {
            try self.queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try self.queue.close()
            self.lock.release()
        } catch {
            self.logger.warning("the store was not closed cleanly", metadata: ["error": "\(error)"])
        }
    }

    /// Removes the topics that match `filter` and returns their names. No broker may be running on the store.
    package func forget(_ filter: TopicFilter) throws(StoreError) -> [String] {
        let restored = try self.restore()
        let names = restored.rows
            .filter { row in row.name.withUnsafeBytes { filter.matches(topic: $0) } }
            .map { String(decoding: $0.name, as: UTF8.self) }
        let deletions = max(restored.deletions, restored.rows.map(\.life).max() ?? 0)
        do {
            try self.queue.write { database in
                guard !names.isEmpty else { return }
                // A topic that comes again begins another life than any that there is.
                try Deletions.set(deletions + 1, database)
                for name in names { try database.execute(sql: "DELETE FROM topic WHERE name = ?", arguments: [name]) }
            }
        } catch {
            throw Self.translate(error, path: self.path)
        }
        return names
    }
}
