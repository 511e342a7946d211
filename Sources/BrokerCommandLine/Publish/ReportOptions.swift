import ArgumentParser

/// What `wspub` prints while it publishes.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Do not print the running values.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Print the topic before the running value.")
    var verbose = false

    @Option(
        name: [.customShort("F"), .long],
        parsing: .unconditional,
        help: "How to print what each publish is answered with, in the letters of wssub."
    )
    var format: String?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Show how far it is on standard error. (default: on a terminal, for what takes longer than a second)"
        )
    )
    var progress: Bool?

    /// How an answer is printed; `nil` for not at all.
    func messageFormat() throws -> MessageFormat? {
        if self.quiet { return nil }
        guard let text = self.format else { return MessageFormat(isVerbose: self.verbose) }
        do throws(FormatError) {
            return try MessageFormat(text)
        } catch {
            throw ValidationError("In the format \(error).")
        }
    }
}
