import ArgumentParser

/// `wsbroker delete`
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Removes the values, retained messages and states of all topics that match a filter.",
        discussion: """
            Their subscribers are told, and a topic that comes again begins anew. Of a stopped broker: wsbroker store \
            forget FILTER.

            \(AdminCommand.aboutTokens)
            """
    )

    @Argument(help: "A topic, or a topic filter such as 'clicks/#'.")
    var filter: String

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    private struct Answer: Decodable {
        var deleted: Int
    }

    func run() async throws {
        try await reportingErrors {
            let answer = try await AdminCommand.ask("POST", "/delete", .init(filter: self.filter), self.options)
            guard !self.json else { return BrokerOutput.line(answer) }
            let count = try AdminCommand.decode(Answer.self, answer).deleted
            BrokerOutput.line(count == 1 ? "1 topic deleted" : "\(count) topics deleted")
        }
    }
}
