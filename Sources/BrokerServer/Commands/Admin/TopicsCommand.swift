import ArgumentParser

/// `wsbroker topics`
struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "Lists the topics of the running broker with their values, in the order of their names.",
        discussion: AdminCommand.aboutTokens
    )

    @Argument(help: "A topic filter, such as 'clicks/#'.")
    var filter = "#"

    @Option(help: "The most topics, up to \(BrokerQuestions.listMax).")
    var limit = BrokerQuestions.listDefault

    @Option(help: ArgumentHelp("Only topics that come after this one.", valueName: "topic"))
    var after: String?

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    private struct List: Decodable {
        var topics: [Topic]
        var next: String?
    }

    private struct Topic: Decodable {
        var topic: String
        var aggregate: String?
        var offset: UInt64
        var ts: UInt64?
        var data: JSONValue?
        var exact: String?

        var value: String { self.exact ?? self.data.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "" }
    }

    func run() async throws {
        try await reportingErrors {
            var path = "/topics?filter=\(PercentEncoding.encode(self.filter))&limit=\(self.limit)"
            if let after = self.after { path += "&after=\(PercentEncoding.encode(after))" }
            let answer = try await AdminCommand.ask("GET", path, nil, self.options)
            guard !self.json else { return BrokerOutput.line(answer) }
            let list = try AdminCommand.decode(List.self, answer)
            var table = TextTable("TOPIC", "AGGREGATE", "OFFSET", "CHANGED", "VALUE")
            for topic in list.topics {
                table.add(
                    TextTable.cell(topic.topic, most: 255),
                    topic.aggregate ?? "-",
                    "\(topic.offset)",
                    AdminCommand.time(topic.ts),
                    TextTable.cell(topic.value)
                )
            }
            BrokerOutput.line(table.text)
            if let next = list.next { BrokerOutput.errorLine("there are more: --after '\(next)'") }
        }
    }
}
