import GRDB

/// What is in a store, in numbers.
package struct StoreStatistics: Hashable, Sendable, Codable {
    package struct Kind: Hashable, Sendable, Codable {
        /// The aggregator's name with its parameters; `nil` for messages that are retained.
        package var aggregator: String?
        package var topics: Int
        /// What their states or messages take.
        package var bytes: Int
    }

    package var path: String
    package var format: Int
    package var epoch: String?
    package var restoreGeneration: Int
    package var topics: [Kind]
    /// How many rows there are, by table.
    package var rows: [String: Int]
    package var fileBytes: Int
    package var logBytes: Int
    package var pageBytes: Int
    package var pages: Int
    /// Pages that nothing is in, which new rows take first.
    package var freePages: Int
    /// Milliseconds since 1970.
    package var oldestChange: Int?
    package var newestChange: Int?
    package var freeDiskBytes: Int?
}

extension SQLiteStore {
    /// Counts what is stored.
    package func statistics() throws(StoreError) -> StoreStatistics {
        do {
            return try self.queue.writeWithoutTransaction { try self.statistics($0) }
        } catch {
            throw Self.translate(error, path: self.path)
        }
    }

    private func statistics(_ database: Database) throws -> StoreStatistics {
        let kinds = try Row.fetchAll(
            database,
            sql: """
                SELECT aggregator, count(*), coalesce(sum(length(content)), 0) FROM topic
                GROUP BY aggregator ORDER BY aggregator
                """
        )
        let meta = try Row.fetchAll(database, sql: "SELECT key, value FROM meta")
            .reduce(into: [String: String]()) { $0[$1[0]] = $1[1] }
        let times = try Row.fetchOne(database, sql: "SELECT min(changedAt), max(changedAt) FROM topic")
        func pragma(_ name: String) throws -> Int { try Int.fetchOne(database, sql: "PRAGMA \(name)") ?? 0 }
        return StoreStatistics(
            path: self.path,
            format: try pragma("user_version"),
            epoch: meta["epoch"],
            restoreGeneration: meta["restoreGeneration"].flatMap { Int($0) } ?? 0,
            topics: kinds.map { StoreStatistics.Kind(aggregator: $0[0], topics: $0[1], bytes: $0[2]) },
            rows: try StoreCheck.countRows(database),
            fileBytes: FileIdentity(path: self.path)?.bytes ?? 0,
            logBytes: self.files.logBytes,
            pageBytes: try pragma("page_size"),
            pages: try pragma("page_count"),
            freePages: try pragma("freelist_count"),
            oldestChange: times?[0],
            newestChange: times?[1],
            freeDiskBytes: StoreVolume(folder: self.files.folder)?.freeBytes
        )
    }
}
