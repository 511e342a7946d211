package import BrokerWire

/// What a principal may do, and with which topics: the rules, worked out for its identity.
package struct Permissions: Hashable, Sendable {
    /// Where one of the rights holds.
    private struct Reach: Hashable, Sendable {
        var allowed: [TopicFilter] = []
        var denied: [TopicFilter] = []

        func contains(topic: UnsafeRawBufferPointer) -> Bool {
            self.allowed.contains { $0.matches(topic: topic) }
                && !self.denied.contains { $0.matches(topic: topic) }
        }

        /// Whether it holds for each topic that `filter` can ever match.
        func contains(filter: TopicFilter) -> Bool {
            filter.isCovered(by: self.allowed) && !self.denied.contains { $0.overlaps(filter) }
        }
    }

    /// What holds everywhere, for the broker's own topics too. By itself, because it is asked for with every publish.
    private var unlimited: Rights = []
    private var publishing = Reach()
    private var subscribing = Reach()
    private var administering = Reach()

    /// Nothing.
    package init() {}

    /// `rights` everywhere.
    package init(everywhere rights: Rights) { self.unlimited = rights }

    private subscript(right: Rights) -> Reach {
        get {
            switch right {
            case .publish: self.publishing
            case .subscribe: self.subscribing
            default: self.administering
            }
        }
        set {
            switch right {
            case .publish: self.publishing = newValue
            case .subscribe: self.subscribing = newValue
            default: self.administering = newValue
            }
        }
    }

    mutating func allow(_ rights: Rights, _ filter: TopicFilter) {
        for (_, right) in Rights.names where rights.contains(right) { self[right].allowed.append(filter) }
    }

    mutating func deny(_ rights: Rights, _ filter: TopicFilter) {
        for (_, right) in Rights.names where rights.contains(right) { self[right].denied.append(filter) }
    }

    /// Takes away what is not among `rights`.
    mutating func limit(to rights: Rights) {
        self.unlimited.formIntersection(rights)
        for (_, right) in Rights.names where !rights.contains(right) { self[right] = Reach() }
    }

    /// Whether a right holds for every topic there can be, without asking for its name.
    @inline(__always)
    package func everywhere(_ right: Rights) -> Bool { self.unlimited.contains(right) }

    package func may(_ right: Rights, topic: UnsafeRawBufferPointer) -> Bool {
        self.everywhere(right) || self[right].contains(topic: topic)
    }

    package func may(_ right: Rights, filter: TopicFilter) -> Bool {
        self.everywhere(right) || self[right].contains(filter: filter)
    }

    /// Whether there is any topic that the right holds for.
    package func maySomewhere(_ right: Rights) -> Bool { self.everywhere(right) || !self[right].allowed.isEmpty }

    /// Whether the right holds for all topics of the clients: what commands to the broker as a whole need.
    package func mayWithAll(_ right: Rights) -> Bool { self.may(right, filter: Self.allTopics) }

    private static let allTopics = Array("#".utf8).withUnsafeBytes { TopicFilter(unchecked: $0) }
}
