import ArgumentParser

/// When `wssub` has seen enough.
struct EndingOptions: ParsableArguments {
    @Option(name: [.customShort("C"), .long], help: "How many messages to print before the end.")
    var count: Int?

    @Option(
        name: [.customShort("W"), .long],
        help: ArgumentHelp("How long to run; status 27 if nothing else ended it.", valueName: "seconds")
    )
    var timeout: Double?

    @Option(help: ArgumentHelp("End, with status 0, when nothing has come for so long.", valueName: "seconds"))
    var idle: Double?

    @Flag(
        name: [.customShort("E"), .customLong("exit-when-subscribed")],
        help: "End when the broker has taken the subscriptions."
    )
    var exitsWhenSubscribed = false

    @Option(
        help: ArgumentHelp(
            """
            End, with status 0, with the message whose value makes it true, such as 'value>90' or \
            'value/level=="critical"'; compared with > >= < <= == or !=.
            """,
            valueName: "condition"
        )
    )
    var until: String?

    func check() throws {
        try Validation.checkTimeout(self.timeout)
        try Validation.checkTimeout(self.idle, "--idle")
        if let count = self.count, count < 1 { throw ValidationError("-C is a positive number.") }
    }

    func condition() throws -> UntilCondition? {
        guard let text = self.until else { return nil }
        do throws(FormatError) {
            return try UntilCondition(text)
        } catch {
            throw ValidationError("In --until \(error).")
        }
    }
}
