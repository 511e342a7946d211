public import ArgumentParser
import BrokerClient
import BrokerWire

/// `wspub`: publishes a message, or one for each line of standard input.
public struct PublishCommand: CommandLineTool {
    public static let toolName = "wspub"

    @OptionGroup var connection: ConnectionOptions

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The topic to publish to.")
    var topic: String?

    @OptionGroup(title: "What to publish") var source: SourceOptions

    @Flag(name: .shortAndLong, help: "The broker keeps the message for later subscribers.")
    var retain = false

    @Option(name: .shortAndLong, help: ArgumentHelp("0: fire and forget; 1: acknowledged.", valueName: "0|1"))
    var qos = 1

    @Option(name: [.customShort("W"), .long], help: ArgumentHelp("How long the whole may take.", valueName: "seconds"))
    var timeout: Double?

    @Option(
        name: [.customShort("M"), .long],
        help: ArgumentHelp("How many publishes may be unacknowledged, 1 to 1024.", valueName: "count")
    )
    var maxInflight = 512

    @OptionGroup(title: "Counting once") var producer: ProducerOptions

    @OptionGroup(title: "What to print") var report: ReportOptions

    @Argument(help: "The file that -l, -0 and --json-lines read; without it, or as '-', standard input.")
    var path: String?

    public init() {}

    public static let configuration = CommandConfiguration(
        commandName: Self.toolName,
        abstract: "Publish to a wsbroker, and print the running value that each publish is acknowledged with.",
        discussion: """
            Messages are JSON. One that is not, such as hello, is sent as a JSON string, "hello". The running value \
            that the broker answers with is printed, if the topic has one.

            With -l empty lines are skipped, and a refused line is named on standard error and the rest goes on. \
            After a lost connection wspub connects again, sends again what was not acknowledged, and nothing counts \
            twice. With --json-lines a line is an object with topic and data, as wssub --json prints them.

            With --producer and --resume this holds for the process too: kill it, or the broker, at any moment and \
            run the same command again, and every line counts once. The number of a line is that of its publish, so \
            the file may only grow, and a line that was accepted is never read again. Lines that were refused are \
            named in each run and judged again in the next, as long as they are among the last 1,024. A line that \
            can not be sent, because it is empty, too long or no UTF-8, uses its number up with a publish to no \
            topic, which the broker refuses.

            EXAMPLES:

            wspub -t clicks -m 6

            seq 1000000 | wspub -t clicks -l --quiet

            wspub -L ws://broker:8181/news -m '{"title":"x"}' -r

            wspub -t clicks --producer import-1 --resume -l data.jsonl

            wspub -L wss://broker/clicks --token-file ~/.wsbroker-token -m 6

            wssub -t 'factory/#' --json | wspub -L ws://other:8181 --json-lines

            \(ConnectionOptions.help)

            FILES: the options in ~/.config/wspub, one a line, stand before those of the command line.

            \(ExitStatus.help)
            """,
        version: "1.0.0",
        helpNames: .long
    )

    public mutating func validate() throws {
        try self.source.check(path: self.path)
        guard (0...1).contains(self.qos) else { throw ValidationError("-q is 0 or 1.") }
        guard (1...1024).contains(self.maxInflight) else { throw ValidationError("-M is a number from 1 to 1024.") }
        try self.checkNumbering()
        try Validation.checkTimeout(self.timeout)
        _ = try self.report.messageFormat()
        _ = try self.topicOfAll()
    }

    private func checkNumbering() throws {
        if self.producer.producer != nil {
            guard self.qos == 1 else { throw ValidationError("--producer needs -q 1: fire and forget has no numbers.") }
            guard !self.producer.resume || self.source.isRecords else {
                throw ValidationError("--resume needs -l: the number of a line is that of its publish.")
            }
        }
        guard self.producer.once != nil else { return }
        guard self.qos == 1 else { throw ValidationError("--once needs -q 1: somebody has to say that it counted.") }
        guard !self.source.isRecords, self.source.repeatCount == nil else {
            throw ValidationError("--once names one message; many are numbered without it.")
        }
        guard !self.retain else { throw ValidationError("--once counts, and -r replaces: use one or the other.") }
    }

    /// Where the messages go; `nil` where each record says it.
    func topicOfAll() throws -> Topic? {
        let target = try self.connection.target()
        guard let text = try target.topic(or: self.topic) else {
            if self.source.jsonLines { return nil }
            throw ValidationError("The topic is missing: -t TOPIC.")
        }
        do throws(TopicError) {
            return try Topic(text)
        } catch {
            throw ValidationError("The topic '\(text)' \(error).")
        }
    }
}

/// Rules that several tools share.
enum Validation {
    /// A year; beyond some number of centuries a clock would overflow.
    static let secondsMax = 31_536_000.0

    static func checkTimeout(_ seconds: Double?, _ name: String = "-W") throws {
        guard let seconds else { return }
        guard seconds > 0, seconds <= Self.secondsMax else {
            throw ValidationError("\(name) is a positive number of seconds.")
        }
    }
}
