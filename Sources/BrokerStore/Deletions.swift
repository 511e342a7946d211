import GRDB

/// Rows of topics that go, and how many went: the lives of topics are numbered by that.
enum Deletions {
    private static let key = "deletions"

    /// How often topics were deleted. A store that was put together from a damaged one knows only the lives.
    static func count(_ database: Database) throws -> UInt64 {
        let stored = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = ?", arguments: [Self.key])
        // A damaged number must not begin again at 0: a position would mean two things.
        guard let count = UInt64(stored ?? "0") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'deletions' in 'meta' is no number")
        }
        return count
    }

    static func set(_ count: UInt64, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
        try statement.execute(arguments: [Self.key, String(count)])
    }

    static func delete(_ rows: [Int64], _ database: Database) throws {
        guard !rows.isEmpty else { return }
        let statement = try database.cachedStatement(sql: "DELETE FROM topic WHERE id = ?")
        for row in rows { try statement.execute(arguments: [row]) }
    }
}
