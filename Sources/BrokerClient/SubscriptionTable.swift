import BrokerWire

/// Which filters a client is subscribed to, how far each has been told to the broker, and who gets which message.
///
/// A pure value. The filters outlive connections: after a loss all of them are unsent again.
struct SubscriptionTable {
    private struct Entry {
        let filter: TopicFilter
        let topic: Topic?
        let owner: UInt64
        let options: SubscriptionOptions
        var phase = Phase.unsent
        var wasAcknowledged = false
        /// Where the topic stood at the last delivery; only of filters without wildcards.
        var position = Position(epoch: "", offset: 0)
    }

    private enum Phase: Equatable {
        case unsent
        case sent
        case active
    }

    /// A `sub` that has to be sent.
    struct Request {
        let filter: TopicFilter
        let options: SubscriptionOptions
    }

    enum Acknowledgement: Equatable {
        /// Nobody wants this filter any more.
        case ignore
        /// The subscription stands; `isNew` when it is the first time.
        case active(owner: UInt64, isNew: Bool, deliversSnapshot: Bool)
    }

    enum RefusedAction: Equatable {
        case ignore
        /// The owner has to be told; its other filters are to be given up.
        case end(owner: UInt64)
        /// The broker had taken the filter before and is only short of something now.
        case sendLater
    }

    private var entries: [Entry] = []
    /// Who got the current message; kept so that routing allocates nothing.
    private var routed: [UInt64] = []

    /// Adds the filters of one subscription; all or none.
    mutating func add(_ filters: [TopicFilter], owner: UInt64, options: SubscriptionOptions) throws(ClientError) {
        for (index, filter) in filters.enumerated() {
            guard !self.entries.contains(where: { $0.filter == filter }), !filters[..<index].contains(filter) else {
                throw ClientError(.alreadySubscribed, "there is a subscription to '\(filter)' already")
            }
        }
        for filter in filters {
            let topic = filter.hasWildcards ? nil : filter.bytes.withUnsafeBytes { Topic(unchecked: $0) }
            self.entries.append(Entry(filter: filter, topic: topic, owner: owner, options: options))
        }
    }

    /// Removes a subscription; returns those of its filters that the broker knows of.
    mutating func remove(owner: UInt64) -> [TopicFilter] {
        let known = self.entries.filter { $0.owner == owner && $0.phase != .unsent }.map(\.filter)
        self.entries.removeAll { $0.owner == owner }
        return known
    }

    /// What has to be sent, which counts as sent from now on.
    mutating func takeUnsent() -> [Request] {
        var requests: [Request] = []
        for index in self.entries.indices where self.entries[index].phase == .unsent {
            self.entries[index].phase = .sent
            requests.append(Request(filter: self.entries[index].filter, options: self.entries[index].options))
        }
        return requests
    }

    /// The connection is gone, and with it what the broker knew.
    mutating func connectionLost() {
        for index in self.entries.indices { self.entries[index].phase = .unsent }
    }

    /// Marks a refused filter as unsent, because its time to be sent again has come.
    mutating func sendAgain(_ filter: TopicFilter) {
        guard let index = self.index(of: filter), self.entries[index].phase == .sent else { return }
        self.entries[index].phase = .unsent
    }

    /// The broker took a `sub`.
    ///
    /// - `position`: Where the topic stands, for a filter without wildcards.
    /// - `hasValue`: Whether the broker sent the topic's value along.
    mutating func acknowledged(_ filter: TopicFilter, at position: Position, hasValue: Bool) -> Acknowledgement {
        guard let index = self.index(of: filter), self.entries[index].phase == .sent else { return .ignore }
        let entry = self.entries[index]
        let isKnown = entry.position == position
        self.entries[index].phase = .active
        self.entries[index].wasAcknowledged = true
        self.entries[index].position = position
        return .active(
            owner: entry.owner,
            isNew: !entry.wasAcknowledged,
            deliversSnapshot: hasValue && !isKnown && entry.topic != nil && entry.options.retained
        )
    }

    /// The broker refused a `sub`.
    mutating func refused(_ filter: TopicFilter, retry: Retry) -> RefusedAction {
        guard let index = self.index(of: filter), self.entries[index].phase == .sent else { return .ignore }
        let entry = self.entries[index]
        return entry.wasAcknowledged && retry == .later ? .sendLater : .end(owner: entry.owner)
    }

    /// Whose filter this is, if anybody's.
    func owner(of filter: TopicFilter) -> UInt64? { self.index(of: filter).map { self.entries[$0].owner } }

    /// Whether all filters of a subscription stand.
    func isComplete(owner: UInt64) -> Bool {
        self.entries.allSatisfy { $0.owner != owner || $0.wasAcknowledged }
    }

    /// Calls `body` once with each subscription that a message is for.
    ///
    /// A retained message answers a `sub`, so it goes to subscriptions whose `sub` awaits its acknowledgement. One
    /// that nobody awaits goes to all that match, rather than to nobody.
    mutating func route(
        topic: UnsafeRawBufferPointer,
        offset: UInt64,
        isRetained: Bool,
        _ body: (_ owner: UInt64, _ topic: Topic?, _ epoch: String) -> Void
    ) {
        let isAwaited = isRetained && self.entries.contains { $0.phase == .sent && $0.filter.matches(topic: topic) }
        self.routed.removeAll(keepingCapacity: true)
        for index in self.entries.indices {
            guard self.entries[index].filter.matches(topic: topic) else { continue }
            if isAwaited, self.entries[index].phase != .sent { continue }
            self.entries[index].position.offset = offset
            let owner = self.entries[index].owner
            guard !self.routed.contains(owner) else { continue }
            self.routed.append(owner)
            body(owner, self.entries[index].topic, self.entries[index].position.epoch)
        }
    }

    private func index(of filter: TopicFilter) -> Int? {
        self.entries.firstIndex { $0.filter == filter }
    }
}
