public import ArgumentParser
import BrokerClient
import BrokerWire

/// `wssub`: prints the messages of topics as they come.
public struct SubscribeCommand: CommandLineTool {
    public static let toolName = "wssub"

    enum Mode: String, EnumerableFlag {
        case latest
        case all

        static func help(for value: Self) -> ArgumentHelp? {
            switch value {
            case .latest: "The newest value of each topic; values between may be skipped."
            case .all: "Every message in order."
            }
        }
    }

    @OptionGroup var connection: ConnectionOptions

    @Option(
        name: .shortAndLong,
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A topic, or a filter with + and #; may be repeated.", valueName: "filter")
    )
    var topic: [String] = []

    @Flag(name: .shortAndLong, help: "Print the topic before the value.")
    var verbose = false

    @Option(name: [.customShort("C"), .long], help: "How many messages to print before the end.")
    var count: Int?

    @Option(name: [.customShort("W"), .long], help: ArgumentHelp("How long to run.", valueName: "seconds"))
    var timeout: Double?

    @Option(
        name: [.customShort("F"), .long],
        parsing: .unconditional,
        help: "How to print a message: %t topic, %p payload, %j JSON, %o offset, %% a percent sign; \\n, \\t."
    )
    var format: String?

    @Flag(exclusivity: .exclusive)
    var mode: Mode?

    @Option(help: ArgumentHelp("The most messages per second of each topic.", valueName: "rate"))
    var maxRate: Double?

    @Flag(help: "Leave out what this connection publishes itself.")
    var noEcho = false

    @Flag(name: [.customShort("R"), .long], help: "Leave out what was there before.")
    var noRetained = false

    public init() {}

    public static let configuration = CommandConfiguration(
        commandName: Self.toolName,
        abstract: "Print the messages of a wsbroker's topics as they come.",
        discussion: """
            A message is printed in a line of its own: a JSON string without quotes and escapes, anything else as \
            JSON text. The current value of a topic comes first. After a lost connection wssub connects and \
            subscribes again, for ever.

            Examples:
              wssub -t clicks
              wssub -t 'factory/+/power' -v --max-rate 1
              wssub -t clicks -C 1 -W 5 -F '%o %j'
              WSBROKER_TOKEN=... wssub -L wss://broker:8181/clicks

            \(ConnectionOptions.help)

            \(ExitStatus.help)
            """,
        version: "1.0.0",
        helpNames: .long
    )

    public mutating func validate() throws {
        try Validation.checkTimeout(self.timeout)
        if let count = self.count, count < 1 { throw ValidationError("-C is a positive number.") }
        if let rate = self.maxRate, !(rate >= 0.001 && rate <= 1_000_000) {
            throw ValidationError("--max-rate is a number from 0.001 to 1000000.")
        }
        if self.maxRate != nil, self.mode == .all {
            throw ValidationError("--max-rate skips messages, which --all must not: use one of them.")
        }
        _ = try self.messageFormat()
        _ = try self.target()
    }

    func messageFormat() throws -> MessageFormat {
        guard let format = self.format else { return MessageFormat(isVerbose: self.verbose) }
        do throws(FormatError) {
            return try MessageFormat(format)
        } catch {
            throw ValidationError("In the format \(error).")
        }
    }

    func target() throws -> (address: BrokerAddress, filters: [TopicFilter]) {
        let target = try self.connection.target()
        // Topics of the command line stand instead of that of the environment, and beside that of a URL with them.
        let isDefault = target.isOfEnvironment && !self.topic.isEmpty
        let texts = self.topic + (isDefault ? [] : target.topic.map { [$0] } ?? [])
        guard !texts.isEmpty else { throw ValidationError("The topic is missing: -t TOPIC.") }
        var filters: [TopicFilter] = []
        for text in texts {
            do throws(TopicError) {
                let filter = try TopicFilter(text)
                if !filters.contains(filter) { filters.append(filter) }
            } catch {
                throw ValidationError("The topic filter '\(text)' \(error).")
            }
        }
        return (target.address, filters)
    }

    var options: SubscriptionOptions {
        SubscriptionOptions(
            mode: self.mode.flatMap { SubscriptionOptions.Mode(rawValue: $0.rawValue) },
            maxRate: self.maxRate,
            echo: !self.noEcho,
            retained: !self.noRetained
        )
    }
}
