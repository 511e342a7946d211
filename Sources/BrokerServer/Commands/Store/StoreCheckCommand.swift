import ArgumentParser
import BrokerCore
import BrokerStore
import Synchronization

/// `wsbroker store check`
struct StoreCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads the whole store and says everything that is wrong with it; exits with 65 if anything is.",
        discussion: """
            Pages and indexes, the checksum of every row, and whether every state can be read with the configured \
            rules. Nothing is changed.
            """
    )

    @Flag(help: "Leave out whether the indexes fit their tables, which takes most of the time.")
    var quick = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let configuration = try self.options.load()
            let rules = try configuration.rules(registry: BrokerCommand.registry.withLock { $0 })
            let store = try StoreCommand.open(configuration, for: .inspection)
            let findings = try StoreCommand.with(store) { store throws(StoreError) in
                let findings = try store.check(isQuick: self.quick, inspect: StateInspection(rules: rules).problem)
                // A damaged log must not be written into a file that is perhaps sound.
                if let first = findings.problems.first { store.fail(first) }
                return findings
            }
            try self.report(findings, path: configuration.storePath)
        }
    }

    private func report(_ findings: StoreFindings, path: String) throws {
        for problem in findings.problems { BrokerOutput.line(problem) }
        guard findings.problems.isEmpty else {
            let count = findings.problems.count == 1 ? "1 problem" : "\(findings.problems.count) problems"
            BrokerOutput.errorLine("\(path): \(count); keep a copy of it, and see: wsbroker help store")
            throw ExitCode(65)
        }
        if let format = findings.olderFormat {
            let text = "\(path): its pages are sound. Its format is \(format), an older one, so no row was read; "
            return BrokerOutput.line(text + "a broker brings it up to date at its start.")
        }
        BrokerOutput.line("\(path) is sound: \(findings.rowCount) rows")
    }
}
