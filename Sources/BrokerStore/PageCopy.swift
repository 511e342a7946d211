import GRDB
import GRDBSQLite

/// SQLite's online backup, page by page into a new file.
///
/// It reads through the store's own connection. So pages that a commit changes after they were copied are copied again
/// by SQLite itself, within that commit, and the copy is the store as it stands at the last step. Every call has to
/// come from within an access to the store's queue, but for the closing of the copy.
final class PageCopy {
    private var target: OpaquePointer?
    private var backup: OpaquePointer?

    /// Opens an empty file that nobody else knows.
    init(to path: String) throws(DatabaseError) {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &self.target, flags, nil)
        guard code == SQLITE_OK else { throw self.error(code) }
        // The file is worthless until it is complete, and then it is fsynced as a whole. A small cache writes early, so
        // that the last step has little to do.
        let pragmas = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -512"
        let prepared = sqlite3_exec(self.target, pragmas, nil, nil, nil)
        guard prepared == SQLITE_OK else { throw self.error(prepared) }
    }

    deinit { sqlite3_close_v2(self.target) }

    private func error(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: self.target.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }
        )
    }

    /// Copies some pages; whether that was all.
    func step(_ database: Database, pages: Int32) throws(DatabaseError) -> Bool {
        if self.backup == nil {
            self.backup = sqlite3_backup_init(self.target, "main", database.sqliteConnection, "main")
            guard self.backup != nil else { throw self.error(sqlite3_errcode(self.target)) }
        }
        let code = sqlite3_backup_step(self.backup, pages)
        guard code == SQLITE_OK || code == SQLITE_DONE else { throw self.error(code) }
        return code == SQLITE_DONE
    }

    /// Ends it, complete or not.
    func finish() {
        sqlite3_backup_finish(self.backup)
        self.backup = nil
    }

    /// Closes the copy, after ``finish()``.
    func close() throws(DatabaseError) {
        let code = sqlite3_close(self.target)
        guard code == SQLITE_OK else { throw self.error(code) }
        self.target = nil
    }
}
