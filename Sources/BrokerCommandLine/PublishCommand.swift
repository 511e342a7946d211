public import ArgumentParser
import BrokerClient
import BrokerWire

/// `wspub`: publishes a message, or one for each line of standard input.
public struct PublishCommand: CommandLineTool {
    public static let toolName = "wspub"

    @OptionGroup var connection: ConnectionOptions

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The topic to publish to.")
    var topic: String?

    @Option(
        name: .shortAndLong,
        parsing: .unconditional,
        help: "The message; what is not JSON is sent as a JSON string."
    )
    var message: String?

    @Flag(
        name: [.customShort("l"), .customLong("stdin-line")],
        help: "A message for each line of standard input, or of the file."
    )
    var lines = false

    @Flag(name: [.customShort("s"), .customLong("stdin-file")], help: "All of standard input as one message.")
    var file = false

    @Flag(
        name: [.customShort("n"), .customLong("null-message")],
        help: "The message null; with -r it clears what is kept."
    )
    var null = false

    @Flag(name: .shortAndLong, help: "The broker keeps the message for later subscribers.")
    var retain = false

    @Option(name: .shortAndLong, help: ArgumentHelp("0: fire and forget; 1: acknowledged.", valueName: "0|1"))
    var qos = 1

    @Flag(help: "Do not print the running values.")
    var quiet = false

    @Option(name: [.customShort("W"), .long], help: ArgumentHelp("How long the whole may take.", valueName: "seconds"))
    var timeout: Double?

    @Option(
        name: [.customShort("M"), .long],
        help: ArgumentHelp("How many publishes may be unacknowledged, 1 to 1024.", valueName: "count")
    )
    var maxInflight = 512

    @OptionGroup var producer: ProducerOptions

    @Argument(help: "The file whose lines -l publishes; without it, or as '-', standard input.")
    var path: String?

    public init() {}

    public static let configuration = CommandConfiguration(
        commandName: Self.toolName,
        abstract: "Publish to a wsbroker, and print the running value that each publish is acknowledged with.",
        discussion: """
            Messages are JSON. One that is not, such as hello, is sent as a JSON string, "hello".

            With -l empty lines are skipped, and a refused line is named on standard error and the rest goes on. \
            After a lost connection wspub connects again, sends again what was not acknowledged, and nothing counts \
            twice.

            With --producer and --resume this holds for the process too: kill it, or the broker, at any moment and \
            run the same command again, and every line counts once. The number of a line is that of its publish, so \
            the file may only grow, and a line that was accepted is never read again. Lines that were refused are \
            named in each run and judged again in the next, as long as they are among the last 1,024. A line that \
            can not be sent, because it is empty, too long or no UTF-8, uses its number up with a publish to no \
            topic, which the broker refuses.

            Examples:
              wspub -t clicks -m 6
              seq 1000000 | wspub -t clicks -l --quiet
              wspub --url ws://broker:8181/news -m '{"title":"x"}' -r
              wspub -t clicks --producer import-1 --resume -l data.jsonl
              wspub -L wss://broker/clicks --token-file ~/.wsbroker-token -m 6

            \(ConnectionOptions.help)

            \(ExitStatus.help)
            """,
        version: "1.0.0",
        helpNames: .long
    )

    public mutating func validate() throws {
        let sources = [self.message != nil, self.lines, self.file, self.null].filter { $0 }.count
        guard sources == 1 else { throw ValidationError("Say what to publish with one of -m, -l, -s and -n.") }
        guard (0...1).contains(self.qos) else { throw ValidationError("-q is 0 or 1.") }
        guard (1...1024).contains(self.maxInflight) else { throw ValidationError("-M is a number from 1 to 1024.") }
        guard self.path == nil || self.lines else { throw ValidationError("A file needs -l.") }
        if self.producer.producer != nil {
            guard self.qos == 1 else { throw ValidationError("--producer needs -q 1: fire and forget has no numbers.") }
            guard !self.producer.resume || self.lines else {
                throw ValidationError("--resume needs -l: the number of a line is that of its publish.")
            }
        }
        try Validation.checkTimeout(self.timeout)
        _ = try self.target()
    }

    /// The file whose lines are published, unless they come from standard input.
    var linesPath: String? { self.path == "-" ? nil : self.path }

    func target() throws -> (address: BrokerAddress, topic: Topic) {
        let target = try self.connection.target()
        guard let text = try target.topic(or: self.topic) else {
            throw ValidationError("The topic is missing: -t TOPIC.")
        }
        do throws(TopicError) {
            return (target.address, try Topic(text))
        } catch {
            throw ValidationError("The topic '\(text)' \(error).")
        }
    }
}

/// Rules that several tools share.
enum Validation {
    static func checkTimeout(_ seconds: Double?) throws {
        guard let seconds else { return }
        // A year; beyond some number of centuries a clock would overflow.
        guard seconds > 0, seconds <= 31_536_000 else { throw ValidationError("-W is a positive number of seconds.") }
    }
}
