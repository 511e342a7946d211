import BrokerWire

/// What the core remembers of one session.
final class CoreSession {
    let id: SessionID
    var principal: Principal
    /// The last batch that something already answered to this session waits for. Nothing later may overtake it.
    var pendingBatch: UInt64 = 0
    /// What it subscribes to, and whether it asked for every message.
    var filters: [TopicFilter: Bool] = [:]
    var hasSpoken = false
    /// The producer that it speaks for.
    var producer: ProducerState?
    /// The number that has to come again, because it could not be judged; what was sent behind it is dropped.
    var awaitedSeq: UInt64?
    /// The topic that it published to last, where most publish again.
    var lastTopic: TopicState?
    /// Whether it is being closed, and nothing that it says counts any more.
    var isEnded = false
    /// The retained messages of a wildcard subscription, on their way page by page.
    var snapshot: Snapshot?

    init(_ id: SessionID, _ principal: Principal) {
        self.id = id
        self.principal = principal
    }

    func may(_ right: Rights) -> Bool { self.principal.rights.contains(right) }
}

/// How far the retained messages of a wildcard subscription have been sent.
struct Snapshot {
    var filter: TopicFilter
    /// The `id` token of the `sub` that is acknowledged at the end.
    var requestID: [UInt8]
    /// The next topic to look at.
    var cursor = 0
    var requestBytes: UInt32
}
