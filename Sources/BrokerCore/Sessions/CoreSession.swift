import BrokerWire

/// What the core remembers of one session.
final class CoreSession {
    let id: SessionID
    private(set) var principal: Principal
    /// Whether it may publish wherever it likes; by itself, because every publish asks.
    private var publishesEverywhere: Bool
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
    /// Whether it knows that its credentials end soon.
    var isWarned = false
    /// The retained messages of a wildcard subscription, on their way page by page.
    var snapshot: Snapshot?

    init(_ id: SessionID, _ principal: Principal) {
        self.id = id
        self.principal = principal
        self.publishesEverywhere = principal.permissions.everywhere(.publish)
    }

    /// Has what it does from now on judged by what another principal may do.
    func speak(for principal: Principal) {
        self.principal = principal
        self.publishesEverywhere = principal.permissions.everywhere(.publish)
        // That it went there says no more that it may.
        self.lastTopic = nil
    }

    /// Whether it may publish to `topic`; most often that is where its last publish went, which it might.
    @inline(__always)
    func mayPublish(to topic: UnsafeRawBufferPointer) -> Bool {
        if self.publishesEverywhere { return true }
        if let last = self.lastTopic, last.isNamed(topic) { return true }
        return self.principal.permissions.may(.publish, topic: topic)
    }

    /// Whether there is any topic that it may publish to.
    var mayPublishSomewhere: Bool { self.principal.permissions.maySomewhere(.publish) }

    func may(_ right: Rights, topic: UnsafeRawBufferPointer) -> Bool {
        self.principal.permissions.may(right, topic: topic)
    }

    func may(_ right: Rights, filter: TopicFilter) -> Bool { self.principal.permissions.may(right, filter: filter) }
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
