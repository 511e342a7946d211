import BrokerWire
import NIOCore

/// What the hub keeps for one connected client.
package final class HubSession {
    package let id: SessionID
    /// The connection; let go of when it ends, because the two hold each other.
    package internal(set) var connection: (any SessionConnection)?

    /// When it began, in milliseconds since 1970.
    package var since: UInt64 = 0
    /// What the client says that it is, cut to ``clientBytesMax``.
    package var client = ""
    /// How many publishes it has sent.
    package private(set) var published: UInt64 = 0

    /// More of a name than this is nobody's business to be kept.
    package static let clientBytesMax = 128

    /// Requests without an answer.
    package private(set) var unacknowledgedMessages = 0
    package private(set) var unacknowledgedBytes = 0
    /// Set while the retained messages of a wildcard subscription are on their way: the answers to later requests
    /// would come before its own, so the client is not read.
    package var isHeld = false

    /// What this tick's batches have for it, in order.
    var segments: [OutputSegment] = []
    /// What could not be sent yet, in order, ahead of anything in ``segments``.
    var backlog = ByteBuffer()
    /// Topics whose newest value is due to it.
    var due = DueTopics()
    /// Whether it stands in the hub's list of those to be written.
    var isListed = false
    /// Whether the core waits to hear that all its bytes are gone.
    var reportsDrain = false
    var isClosing = false
    var filters: [TopicFilter: SubscriptionOptions] = [:]
    /// When the next message of a topic may be sent, for subscriptions with a rate.
    var nextSend: [UInt32: UInt64] = [:]
    /// Topics that wait for that time.
    var waiting: Set<UInt32> = []
    /// The last delivery that was merged for it, and what its subscriptions together ask of it.
    var mergeMark: UInt64 = 0
    var merged = SubscriptionOptions()

    init(id: SessionID, connection: any SessionConnection) {
        self.id = id
        self.connection = connection
    }

    /// A publish is on its way to the core.
    package func notePublish() { self.published &+= 1 }

    /// A request is on its way to the core.
    package func asked(bytes: Int) {
        self.unacknowledgedMessages += 1
        self.unacknowledgedBytes += max(1, bytes)
    }

    func answered(bytes: Int) {
        self.unacknowledgedMessages -= 1
        self.unacknowledgedBytes -= bytes
    }

    /// The newest values of what is due were sent, and so they are of what waits for its time.
    func dueIsSent() {
        if !self.waiting.isEmpty { self.waiting.subtract(self.due.topics) }
        self.due.removeAll()
    }

    /// The newest value of `topic` is sent by another way.
    func forgetOwed(_ topic: UInt32) {
        if !self.due.isEmpty { self.due.removeAll { $0 == topic } }
        if !self.waiting.isEmpty { self.waiting.remove(topic) }
    }

    /// Bytes that wait in memory for the socket.
    package var pendingBytes: Int { self.backlog.readableBytes }

    /// How many topics' newest values are due to it.
    package var dueTopicCount: Int { self.due.topics.count }
}

/// A run of bytes in one of the batches of the current tick.
struct OutputSegment {
    var batch: Int32
    var isAck: Bool
    var start: UInt32
    var end: UInt32
}

/// A set of topics that keeps its order and is cheap while it is small, as it nearly always is.
struct DueTopics {
    private(set) var topics: [UInt32] = []
    private var members: Set<UInt32> = []

    /// Up to this many, looking through the list is cheaper than a set.
    private static let listMax = 16

    var isEmpty: Bool { self.topics.isEmpty }

    /// Adds `topic` unless it is there; returns whether it was not.
    @discardableResult
    mutating func insert(_ topic: UInt32) -> Bool {
        if self.topics.count < Self.listMax {
            if self.topics.contains(topic) { return false }
        } else {
            if self.members.isEmpty { self.members = Set(self.topics) }
            if !self.members.insert(topic).inserted { return false }
        }
        self.topics.append(topic)
        return true
    }

    mutating func removeAll(where isUnwanted: (UInt32) -> Bool) {
        self.topics.removeAll(where: isUnwanted)
        self.members = self.members.isEmpty ? [] : Set(self.topics)
    }

    mutating func removeAll() {
        self.topics.removeAll(keepingCapacity: self.topics.count <= Self.listMax)
        if !self.members.isEmpty { self.members = [] }
    }
}
