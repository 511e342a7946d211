import ArgumentParser

/// `wsbroker kick`
struct KickCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kick",
        abstract: "Closes a connection with 1008. It does not keep the client from coming again.",
        discussion: AdminCommand.aboutTokens
    )

    @Argument(help: "A session, as 'wsbroker connections' names it.")
    var session: String

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let answer = try await AdminCommand.ask("POST", "/kick", .init(session: self.session), self.options)
            BrokerOutput.line(self.json ? answer : "\(self.session) is closed")
        }
    }
}
