import ArgumentParser

/// `wsbroker reload`
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract:
            "Has the running broker read its configuration again: topic rules, tokens, certificates and log.level.",
        discussion: """
            The broker reads the file that it was started with, and certificates and keys again each time. A wrong \
            one, and rules that do not fit what topics hold, change nothing. Keys that need a restart are named.

            \(AdminCommand.aboutTokens)
            """
    )

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let answer = try await AdminCommand.ask("POST", "/reload", .init(), self.options)
            guard !self.json else { return BrokerOutput.line(answer) }
            let outcome = try AdminCommand.decode(Reloader.Outcome.self, answer)
            let rules = outcome.topics == 1 ? "1 topic rule" : "\(outcome.topics) topic rules"
            let changed = outcome.changed.isEmpty ? "nothing" : outcome.changed.joined(separator: ", ")
            BrokerOutput.line("\(rules) in force; changed: \(changed)")
            guard !outcome.needsRestart.isEmpty else { return }
            BrokerOutput.line("needs a restart: \(outcome.needsRestart.joined(separator: ", "))")
        }
    }
}
