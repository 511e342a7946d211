public import BrokerWire

/// One message of a topic, as a subscriber gets it.
public struct Message: Hashable, Sendable {
    /// The topic that it was published to.
    public var topic: Topic
    /// Which life of the topic the offset belongs to; `nil` where the broker did not say, which it does for
    /// subscriptions without wildcards.
    public var epoch: String?
    /// The topic's count of changes; 0 never occurs.
    public var offset: UInt64
    /// When the broker accepted it, in milliseconds since 1970; absent in the snapshot that opens a subscription.
    public var timestampMilliseconds: UInt64?
    /// The value as JSON text.
    public var data: [UInt8]
    /// The digits of `data`, where a program that reads JSON numbers as doubles would get others.
    public var exact: String?
    /// Whether it was there before the subscription, rather than published meanwhile.
    public var isRetained: Bool

    /// A message of its parts, for tests of programs that read them.
    public init(
        topic: Topic,
        epoch: String? = nil,
        offset: UInt64,
        timestampMilliseconds: UInt64? = nil,
        data: [UInt8],
        exact: String? = nil,
        isRetained: Bool = false
    ) {
        self.topic = topic
        self.epoch = epoch
        self.offset = offset
        self.timestampMilliseconds = timestampMilliseconds
        self.data = data
        self.exact = exact
        self.isRetained = isRetained
    }

    /// What the message counts for in a bounded buffer: its own bytes and about what holds them together.
    package var bufferedBytes: Int { self.data.count + 128 }
}

/// The broker's answer to a publish that it accepted.
public struct PublishAcknowledgement: Hashable, Sendable {
    /// The topic's count of changes after this publish; 0 where the broker did not say, because it acknowledged this
    /// publish together with a later one, or on an earlier connection. There is no value then either.
    public var offset: UInt64
    /// The topic's running value as JSON text; absent on topics without an aggregator.
    public var data: [UInt8]?
    /// The digits of `data`, where a program that reads JSON numbers as doubles would get others.
    public var exact: String?
    /// Whether the broker had counted this publish before, and did not count it again.
    public var isDuplicate: Bool
    /// Whether the publish changed the topic; a filter or its lateness may have left it out.
    public var isApplied: Bool
    /// Why it was left out.
    public var why: String?

    /// An acknowledgement of its parts, for tests of programs that get one.
    public init(
        offset: UInt64,
        data: [UInt8]? = nil,
        exact: String? = nil,
        isDuplicate: Bool = false,
        isApplied: Bool = true,
        why: String? = nil
    ) {
        self.offset = offset
        self.data = data
        self.exact = exact
        self.isDuplicate = isDuplicate
        self.isApplied = isApplied
        self.why = why
    }
}

/// What became of a publish.
public enum PublishOutcome: Hashable, Sendable {
    /// The broker applied it.
    case acknowledged(PublishAcknowledgement)
    /// The broker refused it; nothing was applied.
    case refused(BrokerRefusal)
    /// It was sent, and whether it was applied can not be found out any more: without a producer because the connection
    /// was lost before its answer, with one because the client ended, or the broker has forgotten its producer.
    case unknown
    /// It never left the client, or nothing came of it; nothing was applied.
    case notSent(ClientError)
}
