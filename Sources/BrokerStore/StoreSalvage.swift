import GRDB
package import Logging

/// What could be saved from a damaged store.
package struct StoreSalvage: Hashable, Sendable {
    package var saved = 0
    /// What could not, each in a line.
    package var lost: [String] = []

    /// Reads every row of the store at `source` that can be read and fits its checksum into a new store at `target`.
    ///
    /// It works on a copy, so that nothing of the damaged one is changed, not even by what its log does to it.
    package static func salvage(from source: String, to target: String, logger: Logger) throws(StoreError) -> Self {
        guard FileIdentity(path: source) != nil else {
            throw .cannotOpen(path: source, reason: "there is no such file")
        }
        for path in [target, target + "-wal"] where FileIdentity(path: path) != nil {
            throw .noCopy(path: path, reason: "there is something already, and nothing is ever overwritten")
        }
        let lock = try StoreLock(path: source)
        defer { lock.release() }
        let damaged = NewFile(path: target + ".damaged")
        defer { damaged.remove() }
        try PlainCopy.copy(store: source, to: damaged.temporaryPath)
        do throws(StoreError) {
            let copy = try StoreCopy(path: damaged.temporaryPath)
            defer { try? copy.close() }
            let store = try SQLiteStore(path: target, logger: logger)
            defer { store.close() }
            return try Self.move(from: copy, to: store)
        } catch {
            throw error.about(source)
        }
    }

    private static func move(from copy: StoreCopy, to store: SQLiteStore) throws(StoreError) -> Self {
        do {
            return try copy.queue.writeWithoutTransaction { source in
                let format = try Int.fetchOne(source, sql: "PRAGMA user_version") ?? 0
                guard format == StoreSchema.version else {
                    let text = "its format \(format) is an older one; use the broker that wrote it"
                    throw StoreError.cannotOpen(path: copy.path, reason: text)
                }
                return try store.queue.write { target in
                    var salvage = Self()
                    for table in CheckedTable.all { try salvage.save(table, source, target) }
                    let sql = "INSERT INTO meta (key, value) VALUES ('restoreGeneration', '1')"
                    try target.execute(sql: sql)
                    return salvage
                }
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw SQLiteStore.translate(error, path: copy.path)
        }
    }

    // MARK: Rows

    private mutating func save(_ table: CheckedTable, _ source: Database, _ target: Database) throws {
        let known = KnownKeys(table, source)
        let places = table.columns.map { _ in "?" }.joined(separator: ", ")
        let select = try source.makeStatement(sql: "SELECT \(table.list) FROM \(table.name) WHERE \(table.key) = ?")
        let insert = try target.makeStatement(sql: "INSERT INTO \(table.name) (\(table.list)) VALUES (\(places))")
        for key in known.candidates {
            let row: Row
            do {
                guard let found = try Row.fetchOne(select, arguments: [key]) else {
                    if let name = known.names[key] { self.lost.append("\(table.noun) '\(name)': its row is gone") }
                    continue
                }
                row = found
            } catch {
                let name = known.names[key].map { "'\($0)'" } ?? "\(table.key) \(key), if there was one"
                self.lost.append("\(table.noun) \(name): its page can not be read")
                continue
            }
            if let problem = table.problem(of: row) {
                self.lost.append("\(table.label(of: row)): \(problem)")
                continue
            }
            do {
                try insert.execute(arguments: StatementArguments(row.databaseValues))
                self.saved += 1
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                self.lost.append("\(table.label(of: row)): it is there twice")
            }
        }
    }
}
