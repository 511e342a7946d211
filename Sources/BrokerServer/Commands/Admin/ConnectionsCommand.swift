import ArgumentParser

/// `wsbroker connections`
struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "Lists who is connected to the running broker.",
        discussion: AdminCommand.aboutTokens
    )

    @Flag(help: "Print the broker's answer as it is.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let answer = try await AdminCommand.ask("GET", "/connections", nil, self.options)
            guard !self.json else { return BrokerOutput.line(answer) }
            var table = TextTable(
                "SESSION",
                "ADDRESS",
                "CLIENT",
                "PRINCIPAL",
                "SINCE",
                "PRODUCER",
                "SUBSCRIPTIONS",
                "PUBLISHED",
                "WAITING"
            )
            for connection in try AdminCommand.decode([BrokerRoutes.Connection].self, answer) {
                table.add(
                    connection.session,
                    connection.address,
                    TextTable.cell(connection.client ?? "-", most: 40),
                    TextTable.cell(connection.principal, most: 40),
                    AdminCommand.time(connection.since),
                    connection.producer ?? "-",
                    "\(connection.subscriptions)",
                    "\(connection.published)",
                    "\(connection.outboxBytes) bytes"
                )
            }
            BrokerOutput.line(table.text)
        }
    }
}
