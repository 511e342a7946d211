import ArgumentParser
import BrokerStore

/// `wsbroker store restore`
struct StoreRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Puts a backup in the place of the store; the old one is kept beside it.",
        discussion: """
            The backup is copied and verified before anything of the store is touched, and a log beside it \
            ('-wal') belongs to it. Subscribers see a new epoch: no position of before means anything after.
            """
    )

    @Argument(help: "The backup.")
    var from: String

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let path = try self.options.load().storePath
            let restoration: StoreRestoration
            do throws(StoreError) {
                restoration = try StoreRestoration.restore(from: self.from, to: path)
            } catch {
                throw BrokerError.store(error)
            }
            if let former = restoration.formerPath { BrokerOutput.errorLine("the store of before is \(former)") }
            let text = "\(path): \(restoration.rows) rows from \(self.from), verified"
            BrokerOutput.line("\(text); restoration number \(restoration.generation)")
        }
    }
}
