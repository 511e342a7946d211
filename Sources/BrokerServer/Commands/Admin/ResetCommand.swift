import ArgumentParser

/// `wsbroker reset`
struct ResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Sets a topic's aggregate back to where it begins; its subscribers are told.",
        discussion: AdminCommand.aboutTokens
    )

    @Argument(help: "A topic.")
    var topic: String

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    private struct Answer: Decodable {
        var offset: UInt64
    }

    func run() async throws {
        try await reportingErrors {
            let answer = try await AdminCommand.ask("POST", "/reset", .init(topic: self.topic), self.options)
            guard !self.json else { return BrokerOutput.line(answer) }
            let reset = try AdminCommand.decode(Answer.self, answer)
            BrokerOutput.line("\(self.topic) is reset; its offset is \(reset.offset)")
        }
    }
}
