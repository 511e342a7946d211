import ArgumentParser
import BrokerStore
import Logging

/// `wsbroker store recover`
struct StoreRecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Saves what can be read of a damaged store into a new one, and names what was lost.",
        discussion: """
            The damaged store is not changed; a copy of it is made beside the new one meanwhile. Look at what was \
            lost, and then move the new one to the store's place.

            Exit status: 0 if everything was saved, 65 if something was lost.
            """
    )

    @Option(help: ArgumentHelp("The damaged store.", valueName: "file"))
    var from: String

    @Option(help: ArgumentHelp("The new one. Nothing is ever overwritten.", valueName: "file"))
    var to: String

    func run() async throws {
        try await reportingErrors {
            let salvage: StoreSalvage
            do throws(StoreError) {
                salvage = try StoreSalvage.salvage(from: self.from, to: self.to, logger: Logger(label: "wsbroker"))
            } catch {
                throw BrokerError.store(error)
            }
            for line in salvage.lost { BrokerOutput.line("lost: \(line)") }
            BrokerOutput.errorLine("\(self.to): \(salvage.saved) rows saved, \(salvage.lost.count) lost")
            guard salvage.lost.isEmpty else { throw ExitCode(65) }
        }
    }
}
