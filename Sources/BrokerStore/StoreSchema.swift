import GRDB

/// The store's tables, and how older ones become them. A released migration is never edited.
enum StoreSchema {
    /// "wsbk": tells the file from other programs' databases.
    static let applicationID = 0x7773_626B
    /// The format this broker writes, in SQLite's `user_version`.
    static let version = 1

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-topic") { database in
            // One row for each topic that has a value: an aggregate's state, or a retained message, or neither after
            // it was cleared, because the offset goes on.
            try database.execute(
                sql: """
                    CREATE TABLE meta (
                        key TEXT NOT NULL PRIMARY KEY,
                        value TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE topic (
                        id INTEGER NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE,
                        offset INTEGER NOT NULL CHECK (offset > 0),
                        changedAt INTEGER NOT NULL,
                        aggregator TEXT,
                        number TEXT,
                        stateVersion INTEGER,
                        content BLOB,
                        checksum INTEGER NOT NULL,
                        CHECK ((aggregator IS NULL) = (stateVersion IS NULL)),
                        CHECK ((aggregator IS NULL) = (number IS NULL)),
                        CHECK (aggregator IS NULL OR content IS NOT NULL)
                    ) STRICT;
                    PRAGMA application_id = \(Self.applicationID);
                    PRAGMA user_version = 1;
                    """
            )
        }
        return migrator
    }
}
