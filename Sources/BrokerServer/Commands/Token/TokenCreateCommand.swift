import ArgumentParser

/// `wsbroker token create`
struct TokenCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Prints a new random token, once, and adds its hash to a token file.",
        discussion: """
            The token is nowhere but in what is printed. Several tokens of one name count at once: to replace one, \
            create another, reload the broker, and give it to the client; then let the old entry expire in a minute, \
            reload, and take it out when that is over. Without --file the second line is the entry for a file.
            """
    )

    /// What all tokens begin with, so that tools which look for secrets in repositories find them.
    static let prefix = "wsb_"
    private static let randomBytes = 32

    @Argument(help: "Whom it is for: \(IdentityName.form).")
    var name: String

    @Option(
        help: ArgumentHelp("How long it counts, such as 90d; without it until it is taken away.", valueName: "time")
    )
    var expires: String?

    @Option(help: ArgumentHelp("The token file to add it to; it is made if it is not there.", valueName: "file"))
    var file: String?

    func run() async throws {
        try await reportingErrors {
            if let problem = IdentityName.problem(self.name) { throw ValidationError("the name \(problem)") }
            let token = Self.makeToken()
            let entry = TokenList.Entry(
                name: self.name,
                sha256: TokenList.sha256(token),
                expires: try self.end(at: ProcessResources.wallClock())
            )
            // A token is only told when it counts.
            if let file = self.file { try TokenFile(path: file).add(entry) }
            BrokerOutput.line(token)
            guard let file = self.file else {
                return BrokerOutput.line(String(decoding: entry.document.bytes, as: UTF8.self))
            }
            let end = entry.expires.map { " until \(Timestamp.text($0))" } ?? ""
            BrokerOutput.errorLine("added to \(file) for '\(self.name)'\(end); it counts after: wsbroker reload")
        }
    }

    private static func makeToken() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<Self.randomBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return Self.prefix + Base64URL.text(bytes)
    }

    /// In whole seconds, as the file has it.
    private func end(at now: UInt64) throws -> UInt64? {
        guard let text = self.expires else { return nil }
        guard let nanoseconds = Quantity.duration(text), nanoseconds >= 1_000_000_000 else {
            throw ValidationError("--expires has to be \(Quantity.durationForm), and at least 1s; days are 90d")
        }
        return (now + UInt64(nanoseconds / 1_000_000)) / 1000 * 1000
    }
}
