import ArgumentParser
import BrokerStore
import Logging

/// `wsbroker store`
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Checks, copies and repairs the store.",
        discussion: """
            All of them but 'backup' need a stopped broker.

            wsbroker store backup /backups/monday.db      while the broker runs, too
            wsbroker store check                          everything that is wrong; exits with 65 if anything is
            wsbroker store restore /backups/monday.db     puts a backup in the store's place
            """,
        subcommands: [
            StoreBackupCommand.self, StoreRestoreCommand.self, StoreCheckCommand.self, StoreRecoverCommand.self,
            StoreStatsCommand.self, StoreForgetCommand.self,
        ]
    )

    /// Opens the configured store.
    static func open(
        _ configuration: BrokerConfiguration,
        for purpose: SQLiteStore.Purpose
    ) throws(BrokerError)
        -> SQLiteStore
    {
        try Self.open(configuration.storePath, for: purpose)
    }

    static func open(_ path: String, for purpose: SQLiteStore.Purpose) throws(BrokerError) -> SQLiteStore {
        do throws(StoreError) {
            return try SQLiteStore(path: path, for: purpose, logger: Logger(label: "wsbroker"))
        } catch {
            throw .store(error)
        }
    }

    /// Works on a store and closes it.
    static func with<Result>(
        _ store: SQLiteStore,
        _ body: (SQLiteStore) throws(StoreError) -> Result
    ) throws(BrokerError) -> Result {
        defer { store.close() }
        do throws(StoreError) { return try body(store) } catch { throw .store(error) }
    }
}
