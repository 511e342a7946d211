package import BrokerWire
package import NIOCore

/// One thing for a hub to do. A plain value without references, because there is one for every acknowledgement.
package struct HubEntry: Sendable {
    package enum Kind: UInt8, Sendable {
        /// Finished bytes for one session: the answer to one of its requests.
        case reply
        /// Finished bytes for one session that answer no request: a page of retained messages.
        case push
        /// Nothing to send if all goes well, but a refusal if the batch fails: a publish that asked for no answer.
        case silent
        /// Finished bytes for whoever subscribes to a topic.
        case deliver
        /// Change a session's subscriptions; the change is `topic` in ``HubBatch/subscriptions``.
        case subscription
        /// Say goodbye to a session, with the close code in `topic`.
        case close
    }

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The bytes are among ``HubBatch/acks``, not ``HubBatch/frames``.
        package static let isAck = Self(rawValue: 1)
        /// The topic has an aggregator.
        package static let isAggregate = Self(rawValue: 2)
        /// It is true only if the batch is committed.
        package static let needsCommit = Self(rawValue: 4)
        /// The session asks the core for more once all its bytes are on their way.
        package static let reportsDrain = Self(rawValue: 8)
        /// The session was not read while this answer was on its way.
        package static let resumes = Self(rawValue: 16)
        /// It is the last word about a window.
        package static let isFinal = Self(rawValue: 32)
        /// It answers a numbered publish: the number stands where others have an `id`.
        package static let isNumbered = Self(rawValue: 64)
        /// Without it the session is no use to its client.
        package static let closesIfRefused = Self(rawValue: 128)
    }

    package var kind: Kind
    package var flags: Flags = []
    /// How long the `id` token is that a refusal has to repeat.
    package var idBytes: UInt16 = 0
    /// The topic's key, or an index.
    package var topic: UInt32 = 0
    /// Who is answered; for `deliver`, who published.
    package var session: SessionID
    package var start: UInt32 = 0
    package var count: UInt32 = 0
    /// How long the request was, which its answer gives back to the session's allowance.
    package var requestBytes: UInt32 = 0

    /// Says goodbye with `code`, which travels in `topic`.
    package static func close(_ session: SessionID, _ code: CloseCode) -> Self {
        var entry = Self(.close, session: session)
        entry.topic = UInt32(code.rawValue)
        return entry
    }

    package init(_ kind: Kind, session: SessionID) {
        self.kind = kind
        self.session = session
    }
}

/// A change of one session's subscriptions.
package struct SubscriptionChange: Sendable {
    package var session: SessionID
    package var filter: TopicFilter
    /// `nil` takes the subscription away.
    package var options: SubscriptionOptions?
    /// Whether the subscription that this one replaces, if there is one, asked for every message.
    var replacesAll: Bool?
}

/// How a subscription wants its messages.
package struct SubscriptionOptions: Hashable, Sendable {
    /// `nil` means `latest` on topics with an aggregator and `all` on others.
    package var mode: Request.Mode?
    /// The shortest time between two messages of one topic, in nanoseconds.
    package var interval: UInt64 = 0
    /// Whether the session's own publishes come back to it.
    package var echo = true

    package init(mode: Request.Mode? = nil, interval: UInt64 = 0, echo: Bool = true) {
        self.mode = mode
        self.interval = interval
        self.echo = echo
    }
}

/// What a hub has to do, in order, with the finished bytes that it takes.
package struct HubBatch: Sendable {
    /// What had to be put in order already.
    package fileprivate(set) var ordered: [HubEntry] = []
    /// What comes after that: answers, all of them before the deliveries.
    package fileprivate(set) var replies: [HubEntry] = []
    /// And at last messages for subscribers.
    package fileprivate(set) var deliveries: [HubEntry] = []
    package fileprivate(set) var acks = ByteBuffer()
    package fileprivate(set) var frames = ByteBuffer()
    package fileprivate(set) var subscriptions: [SubscriptionChange] = []
    /// Topics that the hub has not heard of: key and name.
    package fileprivate(set) var names: [(key: UInt32, name: [UInt8])] = []
    /// Keys of topics that are gone.
    package fileprivate(set) var forgotten: [UInt32] = []
    package init() {}

    package var isEmpty: Bool {
        self.ordered.isEmpty && self.replies.isEmpty && self.deliveries.isEmpty && self.names.isEmpty
            && self.forgotten.isEmpty
    }

    /// Makes it as good as new, with the memory that it has.
    package mutating func clear() {
        self.ordered.removeAll(keepingCapacity: true)
        self.replies.removeAll(keepingCapacity: true)
        self.deliveries.removeAll(keepingCapacity: true)
        self.subscriptions.removeAll(keepingCapacity: true)
        self.names.removeAll(keepingCapacity: true)
        self.forgotten.removeAll(keepingCapacity: true)
        self.acks.clear()
        self.frames.clear()
    }
}

/// Building, in the core.
extension HubBatch {
    /// Everything so far comes before everything that follows.
    ///
    /// Between two such points all answers come before all deliveries, so that a publisher's acknowledgement comes
    /// before its own message, and so that the bytes for one session lie together and go out in one piece.
    mutating func putInOrder() {
        self.ordered += self.replies
        self.ordered += self.deliveries
        self.replies.removeAll(keepingCapacity: true)
        self.deliveries.removeAll(keepingCapacity: true)
    }

    /// Adds an answer whose bytes `write` writes.
    mutating func reply(_ entry: consuming HubEntry, _ write: (inout ByteBuffer) -> Void) {
        let start = self.acks.writerIndex
        write(&self.acks)
        entry.flags.insert(.isAck)
        entry.start = UInt32(truncatingIfNeeded: start)
        entry.count = UInt32(truncatingIfNeeded: self.acks.writerIndex - start)
        self.replies.append(entry)
    }

    mutating func append(_ entry: HubEntry) { self.replies.append(entry) }

    /// Adds a message for the subscribers of a topic and returns where its bytes are.
    mutating func deliver(_ entry: consuming HubEntry, _ write: (inout ByteBuffer) -> Void) {
        let start = self.frames.writerIndex
        write(&self.frames)
        entry.start = UInt32(truncatingIfNeeded: start)
        entry.count = UInt32(truncatingIfNeeded: self.frames.writerIndex - start)
        self.deliveries.append(entry)
    }

    mutating func subscribe(_ change: SubscriptionChange, flags: HubEntry.Flags) {
        var entry = HubEntry(.subscription, session: change.session)
        entry.topic = UInt32(self.subscriptions.count)
        entry.flags = flags
        self.subscriptions.append(change)
        self.replies.append(entry)
    }

    mutating func name(_ key: UInt32, _ name: [UInt8]) { self.names.append((key, name)) }

    mutating func forget(_ key: UInt32) { self.forgotten.append(key) }

    /// Turns everything that a failed commit made untrue into refusals, each in its place.
    ///
    /// - `awaited`: The sessions that know which number has to come again. Only the first one is refused: what follows
    ///     it comes again anyway.
    func refused(with refusal: Refusal, awaited: inout Set<SessionID>) -> HubBatch {
        var refused = HubBatch()
        refused.names = self.names
        refused.forgotten = self.forgotten
        refused.subscriptions = self.subscriptions
        // Refusals stay where the answers were, among those that are still true.
        for entry in self.ordered + self.replies + self.deliveries {
            guard entry.flags.contains(.needsCommit) else {
                refused.copy(entry, from: self)
                continue
            }
            var entry = entry
            entry.flags.remove(.needsCommit)
            switch entry.kind {
            case .reply:
                let id = self.id(of: entry)
                let isNumbered = entry.flags.contains(.isNumbered)
                let isDropped = isNumbered && !awaited.insert(entry.session).inserted
                refused.reply(entry) { buffer in
                    guard !isDropped else { return }
                    let none = UnsafeRawBufferPointer(start: nil, count: 0)
                    guard !isNumbered else { return buffer.writeError(refusal, id: none, seq: id) }
                    id.withUnsafeBytes { buffer.writeError(refusal, id: $0) }
                }
                refused.putInOrder()
                if entry.flags.contains(.closesIfRefused) {
                    refused.ordered.append(.close(entry.session, CloseCode(refusal.code)))
                }
            case .silent:
                entry.kind = .reply
                let topic = self.acks.getBytes(at: Int(entry.start), length: Int(entry.count)) ?? []
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                refused.reply(entry) { $0.writeError(refusal, id: none, topic: topic) }
                refused.putInOrder()
            case .push:
                // A page of retained messages has holes now; a client that reconnects gets a whole one.
                refused.ordered.append(.close(entry.session, CloseCode(refusal.code)))
            case .deliver, .subscription, .close:
                break
            }
        }
        return refused
    }

    private mutating func copy(_ entry: HubEntry, from other: HubBatch) {
        var entry = entry
        let source = entry.flags.contains(.isAck) ? other.acks : other.frames
        if let bytes = source.getSlice(at: Int(entry.start), length: Int(entry.count)) {
            entry.start = UInt32(truncatingIfNeeded: self.acks.writerIndex)
            self.acks.writeImmutableBuffer(bytes)
            entry.flags.insert(.isAck)
        }
        self.ordered.append(entry)
    }

    /// The `id` token in an answer, which begins `{"op":"ack","id":` or `{"op":"err","id":` behind its header; the
    /// number of a numbered one, which has `seq` there.
    private func id(of entry: HubEntry) -> [UInt8] {
        guard entry.idBytes > 0 else { return [] }
        let length = self.acks.getInteger(at: Int(entry.start) + 1, as: UInt8.self) ?? 0
        let headerBytes = length < 126 ? 2 : length == 126 ? 4 : 10
        let name = entry.flags.contains(.isNumbered) ? #"{"op":"ack","seq":"# : #"{"op":"ack","id":"#
        let start = Int(entry.start) + headerBytes + name.utf8.count
        return self.acks.getBytes(at: start, length: Int(entry.idBytes)) ?? []
    }
}
