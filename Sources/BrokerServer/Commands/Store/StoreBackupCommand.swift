import ArgumentParser
import BrokerStore
// FoundationEssentials for JSON and the working folder.
import FoundationEssentials

/// `wsbroker store backup`
struct StoreBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copies the store to a new file and verifies the copy; publishing goes on meanwhile.",
        discussion: """
            A running broker is asked on its admin listener and writes the copy itself, as its own user. Where none \
            runs, the command copies the store by itself.

            \(AdminCommand.aboutTokens)
            """
    )

    @Argument(help: "The new file. Nothing is ever overwritten.")
    var to: String

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let configuration = try self.options.load()
            let target = Self.absolute(self.to)
            let body = BackupRoute.Body(to: target, store: Self.absolute(configuration.storePath))
            let json = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
            let client = AdminClient(configuration)
            if let answer = await client.ask("POST", "/backup", json: json, timeout: nil) {
                return try Self.report(answer, of: client, target)
            }
            try self.copy(configuration, to: target)
        }
    }

    private static func report(_ answer: AdminClient.Answer, of client: AdminClient, _ target: String) throws {
        let data = Data(answer.body.utf8)
        if answer.status == 200, let made = try? JSONDecoder().decode(BackupRoute.Answer.self, from: data) {
            let size = "\(made.bytes) bytes, \(made.rows) rows, \(made.milliseconds) ms"
            return BrokerOutput.line("\(made.path): \(size), verified; made by the running broker")
        }
        let reason = client.reason(of: answer)
        throw BrokerError.backupRefused(reason: reason ?? "the answer to POST /backup has status \(answer.status)")
    }

    /// Nobody answers: then the store belongs to nobody, or the lock says to whom.
    private func copy(_ configuration: BrokerConfiguration, to target: String) throws(BrokerError) {
        let store: SQLiteStore
        do throws(BrokerError) {
            store = try StoreCommand.open(configuration, for: .inspection)
        } catch .store(.inUse(let path, let holder)) {
            let admin = AdminClient(configuration).url
            throw .store(.inUse(path: path, holder: "\(holder), which does not answer at \(admin) (admin.port)"))
        }
        let made = try StoreCommand.with(store) { store throws(StoreError) in try store.backup(to: target) }
        BrokerOutput.line("\(made.path): \(made.bytes) bytes, \(made.rows) rows, verified; no broker is running")
    }

    /// A broker has another working folder.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
