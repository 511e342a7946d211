import GRDB

/// The store's tables, and how older ones become them. A released migration is never edited.
enum StoreSchema {
    /// "wsbk": tells the file from other programs' databases.
    static let applicationID = 0x7773_626B
    /// The format this broker writes, in SQLite's `user_version`.
    static let version = 5

    /// A name for a life of a store that no other life has.
    static func newEpoch() -> String { "k" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36) }

    /// Marks an empty file as ours before anything else is in it. GRDB makes a table of its own before the first
    /// migration, and a broker that is killed right after that would not know its own store again.
    static func claim(_ database: Database) throws {
        let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard application == 0 else { return }
        try database.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
    }

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
        migrator.registerMigration("2-alerts") { database in
            // Where a topic's alerts stand, and what is told beside its retained message. An open window of which only
            // the end is told is stored before its topic has had a change, so the offset may be 0.
            try database.execute(
                sql: """
                    CREATE TABLE topic2 (
                        id INTEGER NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE,
                        offset INTEGER NOT NULL CHECK (offset >= 0),
                        changedAt INTEGER NOT NULL,
                        aggregator TEXT,
                        number TEXT,
                        stateVersion INTEGER,
                        content BLOB,
                        siblings BLOB,
                        alerts BLOB,
                        checksum INTEGER NOT NULL,
                        CHECK ((aggregator IS NULL) = (stateVersion IS NULL)),
                        CHECK ((aggregator IS NULL) = (number IS NULL)),
                        CHECK (aggregator IS NULL OR content IS NOT NULL),
                        CHECK (siblings IS NULL OR aggregator IS NULL)
                    ) STRICT;
                    INSERT INTO topic2
                        SELECT id, name, offset, changedAt, aggregator, number, stateVersion, content, NULL, NULL,
                            checksum
                        FROM topic;
                    DROP TABLE topic;
                    ALTER TABLE topic2 RENAME TO topic;
                    PRAGMA user_version = 2;
                    """
            )
        }
        migrator.registerMigration("3-producers") { database in
            // Who numbers its publishes, and how far; and the publishes of stateless publishers that may come again.
            try database.execute(
                sql: """
                    CREATE TABLE producer (
                        id INTEGER NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE,
                        epoch INTEGER NOT NULL CHECK (epoch > 0),
                        settled INTEGER NOT NULL CHECK (settled >= 0),
                        accepted BLOB NOT NULL CHECK (length(accepted) = 128),
                        resumes INTEGER NOT NULL CHECK (resumes IN (0, 1)),
                        lastUse INTEGER NOT NULL,
                        checksum INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE once (
                        id INTEGER NOT NULL PRIMARY KEY,
                        topic TEXT NOT NULL,
                        once TEXT NOT NULL,
                        content INTEGER NOT NULL,
                        time INTEGER NOT NULL,
                        checksum INTEGER NOT NULL
                    ) STRICT;
                    PRAGMA user_version = 3;
                    """
            )
        }
        migrator.registerMigration("4-lives") { database in
            // A topic that is deleted and comes again begins another life, so that no position means two things. How
            // many deletions there were stands in `meta`.
            try database.execute(
                sql: """
                    ALTER TABLE topic ADD COLUMN life INTEGER NOT NULL DEFAULT 0 CHECK (life >= 0);
                    PRAGMA user_version = 4;
                    """
            )
        }
        migrator.registerMigration("5-principals") { database in
            // Whose a producer or a `once` is: two of different principals may have one name. Nobody's own name is
            // empty, so that is anonymous, as everybody was. The producer's name comes first in the index, by which a
            // damaged table is read.
            try database.execute(
                sql: """
                    CREATE TABLE producer2 (
                        id INTEGER NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL,
                        epoch INTEGER NOT NULL CHECK (epoch > 0),
                        settled INTEGER NOT NULL CHECK (settled >= 0),
                        accepted BLOB NOT NULL CHECK (length(accepted) = 128),
                        resumes INTEGER NOT NULL CHECK (resumes IN (0, 1)),
                        lastUse INTEGER NOT NULL,
                        checksum INTEGER NOT NULL,
                        principal TEXT NOT NULL DEFAULT '',
                        UNIQUE (name, principal)
                    ) STRICT;
                    INSERT INTO producer2
                        SELECT id, name, epoch, settled, accepted, resumes, lastUse, checksum, '' FROM producer;
                    DROP TABLE producer;
                    ALTER TABLE producer2 RENAME TO producer;
                    ALTER TABLE once ADD COLUMN principal TEXT NOT NULL DEFAULT '';
                    PRAGMA user_version = 5;
                    """
            )
        }
        return migrator
    }
}
