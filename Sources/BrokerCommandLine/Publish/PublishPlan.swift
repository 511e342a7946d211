import BrokerWire

/// What a run of `wspub` publishes, and how.
struct PublishPlan: Sendable {
    var source: PublishSource
    /// Where to, unless a record says it itself.
    var topic: Topic?
    var retain: Bool
    /// Whether the broker answers each.
    var isAcknowledged: Bool
    /// Whether the number of a record is that of its publish.
    var isResuming: Bool
    /// The name under which a single message counts once.
    var once: String?
    /// How often a single message is published.
    var count: Int
    /// How long to wait between two of them.
    var delay: Duration

    init(_ command: PublishCommand, topic: Topic?) {
        self.source = command.source.source(path: command.path)
        self.topic = topic
        self.retain = command.retain
        self.isAcknowledged = command.qos == 1
        self.isResuming = command.producer.resume
        self.once = command.producer.once
        self.count = command.source.repeatCount ?? 1
        self.delay = .seconds(command.source.repeatDelay ?? 0)
    }
}
