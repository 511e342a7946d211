public import ArgumentParser
import BrokerClient
import BrokerWire

/// `wssub`: prints the messages of topics as they come.
public struct SubscribeCommand: CommandLineTool {
    public static let toolName = "wssub"

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: .shortAndLong,
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A topic, or a filter with + and #; may be repeated.", valueName: "filter")
    )
    var topic: [String] = []

    @Option(
        name: [.customShort("T"), .long],
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Leave out the topics that match; may be repeated.", valueName: "filter")
    )
    var filterOut: [String] = []

    @OptionGroup(title: "Which messages") var choice: ChoiceOptions

    @OptionGroup(title: "When to end") var ending: EndingOptions

    @OptionGroup(title: "What to do with them") var display: DisplayOptions

    public init() {}

    public static let configuration = CommandConfiguration(
        commandName: Self.toolName,
        abstract: "Print the messages of a wsbroker's topics as they come.",
        discussion: """
            A message is printed in a line of its own: a JSON string without quotes and escapes, anything else as \
            JSON text. The current value of a topic comes first. After a lost connection wssub connects and \
            subscribes again, for ever.

            EXAMPLES:

            wssub -t clicks

            wssub -t 'factory/+/power' -v --max-rate 1

            wssub -t clicks -C 1 -W 5 -F '%I %V'

            wssub -t clicks --until 'value>=1000' && echo 'a thousand'

            wssub -t 'factory/#' -w

            WSBROKER_TOKEN=... wssub -L wss://broker:8181/clicks

            FORMAT: %t topic, %p value as text, %d value as JSON, %V value with all its digits, %J the message as \
            JSON, %j the same with the value as a string, %o offset, %e epoch, %l length in bytes, %r 1 for what was \
            there before, %x %X in hexadecimal, %I time, %U seconds since 1970, @ and a letter of strftime, %% and \
            @@; between % and the letter a width, such as %-20t, %06l or %.40p. \\n \\t \\r \\a \\e \\0 \\\\ as in C.

            \(ConnectionOptions.help)

            FILES: the options in ~/.config/wssub, one a line, stand before those of the command line.

            \(ExitStatus.help)
            """,
        version: "1.0.0",
        helpNames: .long
    )

    public mutating func validate() throws {
        try self.choice.check()
        try self.ending.check()
        _ = try self.display.format()
        _ = try self.ending.condition()
        _ = try self.excluded()
        _ = try self.target()
        if self.choice.isRetainedOnly, self.choice.noRetained {
            throw ValidationError("-R leaves out what --retained-only wants: use one or the other.")
        }
        if self.display.isWatching, self.ending.exitsWhenSubscribed {
            throw ValidationError("-E ends before there is anything to watch.")
        }
    }

    func target() throws -> (address: BrokerAddress, filters: [TopicFilter]) {
        let target = try self.connection.target()
        // Topics of the command line stand instead of that of the environment, and beside that of a URL with them.
        let isDefault = target.isOfEnvironment && !self.topic.isEmpty
        let texts = self.topic + (isDefault ? [] : target.topic.map { [$0] } ?? [])
        guard !texts.isEmpty else { throw ValidationError("The topic is missing: -t TOPIC.") }
        return (target.address, try Self.filters(texts))
    }

    func excluded() throws -> [TopicFilter] { try Self.filters(self.filterOut) }

    private static func filters(_ texts: [String]) throws -> [TopicFilter] {
        var filters: [TopicFilter] = []
        for text in texts {
            do throws(TopicError) {
                let filter = try TopicFilter(text)
                if !filters.contains(filter) { filters.append(filter) }
            } catch {
                throw ValidationError("The topic filter '\(text)' \(error).")
            }
        }
        return filters
    }

    /// Which of what arrives is shown, and what ends it.
    func selection() throws -> MessageSelection {
        MessageSelection(
            excluded: try self.excluded(),
            isRetainedOnly: self.choice.isRetainedOnly,
            endsWithSnapshot: self.ending.exitsWhenSubscribed,
            countMax: self.ending.count,
            until: try self.ending.condition()
        )
    }
}
