public import ArgumentParser
import BrokerClient
import BrokerWire
import NIOCore

/// `wsbench`: drives a broker and measures what it does.
public struct BenchCommand: CommandLineTool {
    public static let toolName = "wsbench"

    @OptionGroup var connection: ConnectionOptions

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The topic to publish to. (default: bench)")
    var topic: String?

    @Option(help: ArgumentHelp("Spread over so many topics, TOPIC/1, TOPIC/2, ...", valueName: "count"))
    var topics = 1

    @Option(help: ArgumentHelp("How many connections publish.", valueName: "count"))
    var publishers = 1

    @Option(help: ArgumentHelp("How many connections subscribe.", valueName: "count"))
    var subscribers = 0

    @Option(help: ArgumentHelp("The size of an event. (default: 128)", valueName: "bytes"))
    var size: Int?

    @Flag(help: "Publish the number 1 instead of events: for topics that add up.")
    var number = false

    @Option(
        help: ArgumentHelp(
            "Closed loop: a publisher has so many unacknowledged, 1 to 1024. (default: 64)",
            valueName: "count"
        )
    )
    var window: Int?

    @Option(
        help: ArgumentHelp(
            "Open loop: so many publishes per second in all, whatever the broker does.",
            valueName: "rate"
        )
    )
    var rate: Double?

    @Flag(help: "Number the publishes: each is stored before it is acknowledged, whatever the topic's rule says.")
    var durable = false

    @Option(help: ArgumentHelp("How long to measure. (default: 10)", valueName: "seconds"))
    var duration: Double?

    @Option(help: ArgumentHelp("How many publishes to measure, instead of how long.", valueName: "count"))
    var messages: Int?

    @Option(
        help: ArgumentHelp(
            "How long to run before. (default: 1, and 0 with --messages)",
            valueName: "seconds"
        )
    )
    var warmUp: Double?

    @Flag(exclusivity: .exclusive)
    var mode: ChoiceOptions.Mode?

    @Option(help: ArgumentHelp("Subscribe to at most so many messages per second of each topic.", valueName: "rate"))
    var maxRate: Double?

    @Option(help: ArgumentHelp("How many threads to use. (default: half of the cores)", valueName: "count"))
    var threads: Int?

    @Option(name: [.customShort("W"), .long], help: ArgumentHelp("How long the whole may take.", valueName: "seconds"))
    var timeout: Double?

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    @Flag(help: "No progress on the terminal.")
    var quiet = false

    public init() {}

    public static let configuration = CommandConfiguration(
        commandName: Self.toolName,
        abstract: "Measure how much a wsbroker does, and how fast.",
        discussion: """
            Publishes, subscribes, and prints publishes, acknowledgements and deliveries per second and how long they \
            took. All times are of this process and one clock.

            With --window (closed loop) a publisher sends the next one when one is acknowledged: it shows the most \
            that goes through. With --rate (open loop) the times of sending are fixed beforehand, and a latency counts \
            from the time at which a publish was to be sent, not from when it could be.

            What an acknowledgement waits for is the rule of the topic in the broker's configuration: by default \
            aggregates are stored first, and events not. --durable makes the broker store something for each publish.

            A delivered event's latency is from when it was to be sent. A delivered total is as old as the newest \
            publish that it holds; those that it skips are not deliveries.

            --number changes the totals of its topics. Nobody else should publish to the topics of a run.

            Examples:
              wsbench --publishers 10 --subscribers 100
              wsbench -t clicks/bench --number --publishers 50 --subscribers 1000 --latest
              wsbench --rate 1000 --subscribers 10 --duration 60 --json

            \(ConnectionOptions.help)

            \(ExitStatus.help)
            """,
        version: "1.0.0",
        helpNames: .long
    )

    public mutating func validate() throws {
        try Validation.checkTimeout(self.timeout)
        try Self.check(self.publishers, "--publishers", 1...100_000)
        try Self.check(self.subscribers, "--subscribers", 0...100_000)
        try Self.check(self.topics, "--topics", 1...10_000)
        try Self.check(self.size, "--size", EventPayload.bytesMin...16_777_216)
        try Self.check(self.window, "--window", 1...1024)
        try Self.check(self.rate, "--rate", 0.001...10_000_000)
        try Self.check(self.messages, "--messages", 1...1_000_000_000_000)
        try Self.check(self.duration, "--duration", 0.001...31_536_000)
        try Self.check(self.warmUp, "--warm-up", 0...31_536_000)
        try Self.check(self.maxRate, "--max-rate", 0.001...1_000_000)
        try Self.check(self.threads, "--threads", 1...1024)
        guard !self.number || self.size == nil else {
            throw ValidationError("--size is of events, and --number publishes none: use one of them.")
        }
        guard self.window == nil || self.rate == nil else {
            throw ValidationError("--window is a closed loop and --rate an open one: use one of them.")
        }
        guard self.duration == nil || self.messages == nil else {
            throw ValidationError("--duration and --messages: use one of them.")
        }
        guard self.maxRate == nil || self.mode != .all else {
            throw ValidationError("--max-rate skips messages, which --all must not: use one of them.")
        }
        // Each subscriber remembers each topic.
        guard self.topics * self.subscribers <= 10_000_000 else {
            throw ValidationError("--topics times --subscribers is at most 10000000.")
        }
        _ = try self.plan()
    }

    private static func check<Value: Comparable>(
        _ value: Value?,
        _ name: String,
        _ range: ClosedRange<Value>
    ) throws {
        guard let value, !range.contains(value) else { return }
        throw ValidationError("\(name) is a number from \(range.lowerBound) to \(range.upperBound).")
    }

    func plan() throws -> BenchPlan {
        let target = try self.connection.target()
        let text = try target.topic(or: self.topic) ?? "bench"
        let connections = self.publishers + self.subscribers
        do throws(TopicError) {
            let base = try Topic(text)
            let topics = self.topics == 1 ? [base] : try Self.topics(under: text, count: self.topics)
            return BenchPlan(
                address: target.address,
                base: base,
                topics: topics,
                filter: try TopicFilter(self.topics == 1 ? text : "\(text)/+"),
                publishers: self.publishers,
                subscribers: self.subscribers,
                payload: self.number ? .number : .event(bytes: self.size ?? 128),
                pace: self.rate.map { .rate($0) } ?? .window(self.window ?? 64),
                goal: self.messages.map { .messages($0) } ?? .duration(seconds: self.duration ?? 10),
                warmUpSeconds: self.warmUp ?? (self.messages == nil ? 1 : 0),
                isDurable: self.durable,
                options: SubscriptionOptions(
                    mode: self.mode.flatMap { SubscriptionOptions.Mode(rawValue: $0.rawValue) },
                    maxRate: self.maxRate,
                    retained: false
                ),
                threads: min(self.threads ?? max(1, System.coreCount / 2), connections)
            )
        } catch {
            throw ValidationError("The topic '\(text)' \(error).")
        }
    }

    private static func topics(under base: String, count: Int) throws(TopicError) -> [Topic] {
        var topics: [Topic] = []
        for number in 1...count { topics.append(try Topic("\(base)/\(number)")) }
        return topics
    }
}
