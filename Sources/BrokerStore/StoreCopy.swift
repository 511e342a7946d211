import GRDB

/// A file with a store in it that only this process knows, so that nothing has to be locked.
final class StoreCopy {
    let path: String
    let queue: DatabaseQueue

    /// - `isUpdated`: Whether an older format is brought up to date.
    init(path: String, isUpdated: Bool = false) throws(StoreError) {
        self.path = path
        var configuration = Configuration()
        configuration.label = "wsbroker.copy"
        configuration.prepareDatabase { database in
            // First of all, or shared memory is used for the log.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY")
            try SQLiteStore.checkFormat(database, path: path)
        }
        do {
            self.queue = try DatabaseQueue(path: path, configuration: configuration)
            if isUpdated { try StoreSchema.migrator.migrate(self.queue) }
        } catch let error as StoreError {
            throw error
        } catch {
            throw SQLiteStore.translate(error, path: path)
        }
    }

    func check(isCancelled: () -> Bool = { false }) throws(StoreError) -> StoreFindings {
        do {
            return try self.queue.writeWithoutTransaction { try StoreCheck.findings($0, isCancelled: isCancelled) }
        } catch {
            throw SQLiteStore.translate(error, path: self.path)
        }
    }

    /// Writes the log back, if there is one, and closes it.
    func close() throws(StoreError) {
        do {
            self.queue.writeWithoutTransaction { _ = try? $0.checkpoint(.truncate) }
            try self.queue.close()
        } catch {
            throw SQLiteStore.translate(error, path: self.path)
        }
    }
}
