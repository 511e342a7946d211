package import BrokerWire

/// What can be asked about many topics at once; not over a socket, but by HTTP and by whoever administers the broker.
package enum TopicCommand: Sendable {
    /// The topics that match `filter`, in the order of their bytes.
    ///
    /// - `after`: Only those that come after this one; empty for all.
    case list(filter: TopicFilter, limit: Int, after: [UInt8])
    /// Removes the values, retained messages and states of the topics that match.
    case delete(TopicFilter)

    var filter: TopicFilter {
        switch self {
        case .list(let filter, _, _), .delete(let filter): filter
        }
    }
}

/// A command that looks at every topic, a step at a time, so that a million topics hold up nobody.
struct TopicSearch {
    let command: TopicCommand
    let session: SessionID
    /// Who asks.
    let principal: String
    /// The `id` token of its answer.
    let requestID: [UInt8]
    /// The next topic to look at.
    var cursor = 0
    /// Of a list, the first ones so far, in order; one more than it asks for, to know whether there are more.
    var found: [TopicState] = []
    /// Of a deletion, how many it has deleted.
    var deleted = 0
    /// The last batch that the answer waits for.
    var needs: UInt64 = 0
    /// How many commits had failed when it began.
    let failures: Int

    init(_ command: TopicCommand, _ session: CoreSession, requestID: [UInt8], failures: Int) {
        self.command = command
        self.session = session.id
        self.principal = session.principal.name
        self.requestID = requestID
        self.failures = failures
    }

    /// Takes in a topic of a list, if it is among the first `limit` and one.
    mutating func find(_ topic: TopicState, limit: Int) {
        let isFull = self.found.count > limit
        if isFull, let last = self.found.last, !topic.name.precedes(last.name) { return }
        var low = 0
        var high = self.found.count
        while low < high {
            let middle = (low + high) / 2
            if self.found[middle].name.precedes(topic.name) { low = middle + 1 } else { high = middle }
        }
        if isFull { self.found.removeLast() }
        self.found.insert(topic, at: low)
    }
}

extension [UInt8] {
    /// Whether it comes before `other`, byte by byte.
    func precedes(_ other: [UInt8]) -> Bool {
        self.withUnsafeBytes { mine in other.withUnsafeBytes { mine.lexicographicallyPrecedes($0) } }
    }
}
