import ArgumentParser

/// What `wssub` does with the messages.
struct DisplayOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Print the topic before the value.")
    var verbose = false

    @Option(
        name: [.customShort("F"), .customLong("format")],
        parsing: .unconditional,
        help: ArgumentHelp("How to print a message, see FORMAT.", valueName: "format")
    )
    var formatText: String?

    @Flag(help: "Print each message as a JSON object in a line, which wspub --json-lines publishes again.")
    var json = false

    @Flag(help: "Spread JSON over lines.")
    var pretty = false

    @Flag(name: [.customShort("N"), .long], help: "Print no newline behind a message.")
    var noNewline = false

    @Flag(
        name: [.customShort("w"), .customLong("watch")],
        help: "A live screen with a line for each topic: its value, its rate and how it went; q ends."
    )
    var isWatching = false

    @Option(
        name: .customLong("exec"),
        help: ArgumentHelp(
            """
            Run a command of the shell for each message: the value is its standard input, and WSSUB_TOPIC, \
            WSSUB_VALUE, WSSUB_OFFSET and WSSUB_TIME are set.
            """,
            valueName: "command"
        )
    )
    var command: String?

    /// How a message is printed.
    func format() throws -> MessageFormat {
        let ways = [self.formatText != nil, self.json, self.isWatching].count { $0 }
        guard ways <= 1 else { throw ValidationError("-F, --json and -w: use one of them.") }
        if self.command != nil, ways > 0 || self.verbose {
            throw ValidationError("--exec prints nothing itself: -v, -F, --json and -w do not go with it.")
        }
        var format = try self.plainFormat()
        format.isPretty = self.pretty
        format.endsLine = !self.noNewline
        return format
    }

    private func plainFormat() throws -> MessageFormat {
        if self.json { return .json }
        guard let text = self.formatText else { return MessageFormat(isVerbose: self.verbose) }
        do throws(FormatError) {
            return try MessageFormat(text)
        } catch {
            throw ValidationError("In the format \(error).")
        }
    }
}
