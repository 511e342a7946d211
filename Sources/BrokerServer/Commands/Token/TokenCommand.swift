import ArgumentParser

/// `wsbroker token`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Makes tokens for clients, and says whose a token is.",
        discussion: """
            wsbroker token create meter-17 --file tokens.json --expires 90d     prints the new token, once
            wsbroker token create meter-17                                      prints its entry too, for a file
            wsbroker token check --file tokens.json < token.txt                 whose it is, or why it is nobody's

            A token file has only hashes. The broker reads it at its start and at every reload.
            """,
        subcommands: [TokenCreateCommand.self, TokenCheckCommand.self]
    )
}
