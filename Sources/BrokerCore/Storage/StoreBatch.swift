import BrokerWire

/// What one commit writes: the new state of every topic that changed, once each however often it changed.
package struct StoreBatch: Sendable {
    /// Rises by one with every batch.
    package var number: UInt64
    package var rows: [TopicRow]
    package var producers: [ProducerRow] = []
    package var onces: [OnceRow] = []
    /// Keys of rows that are to go.
    package var forgottenProducers: [Int64] = []
    package var forgottenOnces: [Int64] = []
    package var forgottenTopics: [Int64] = []
    /// How often topics were deleted, where that has changed.
    package var deletions: UInt64?

    package init(number: UInt64, rows: [TopicRow]) {
        self.number = number
        self.rows = rows
    }
}

/// A topic as it is stored.
package struct TopicRow: Hashable, Sendable {
    /// What the row holds.
    package enum Content: Hashable, Sendable {
        /// The topic's message, or nothing after it was cleared; the offset goes on either way.
        ///
        /// - `siblings`: Members that are told beside it, each behind a comma.
        case retained([UInt8]?, siblings: [UInt8] = [])
        /// The number format belongs to the state: its bytes mean other numbers in another one.
        case aggregate(name: String, number: String = NumberFormat.decimal.rawValue, version: Int, state: [UInt8])
    }

    /// The row's key, given by the core and never used again.
    package var id: Int64
    package var name: [UInt8]
    package var offset: UInt64
    /// When it changed last, in milliseconds since 1970.
    package var timestamp: UInt64
    package var content: Content
    /// Where the topic's alerts stand; `nil` if they have nothing to remember.
    package var alerts: [UInt8]?
    /// Which of the topic's lives it belongs to: 0 for topics that came before any was deleted.
    package var life: UInt64

    package init(
        id: Int64,
        name: [UInt8],
        offset: UInt64,
        timestamp: UInt64,
        content: Content,
        alerts: [UInt8]? = nil,
        life: UInt64 = 0
    ) {
        self.id = id
        self.name = name
        self.offset = offset
        self.timestamp = timestamp
        self.content = content
        self.alerts = alerts
        self.life = life
    }

    /// The epoch of a life, in a store of this epoch: `k3`, and `k3.7` for a topic that came after seven deletions.
    static func epoch(of store: String, life: UInt64) -> String { life == 0 ? store : "\(store).\(life)" }
}

/// Stores what the core hands over.
package protocol BatchCommitter: Sendable {
    /// Writes `batch` durably and then calls `completion`, on any thread.
    func commit(_ batch: StoreBatch, completion: @escaping @Sendable (CommitOutcome) -> Void)
}

/// How a commit ended.
package enum CommitOutcome: Hashable, Sendable {
    /// Written and fsynced.
    case committed
    /// Certainly not written: there is no room. The next batch may find some.
    case full(reason: String)
    /// Perhaps written, perhaps not: after a failed fsync nobody knows. The store has stopped.
    case unknown(reason: String)
}

/// What the store knew when it was opened.
package struct RestoredStore: Sendable {
    /// Names the life of the stored offsets.
    package var epoch: String
    package var rows: [TopicRow]
    package var producers: [ProducerRow] = []
    /// In the order of their ids.
    package var onces: [OnceRow] = []
    /// How often topics were deleted.
    package var deletions: UInt64 = 0

    package init(epoch: String, rows: [TopicRow] = []) {
        self.epoch = epoch
        self.rows = rows
    }
}

/// Why a broker can not go on from what is stored.
package enum RestoreError: Error, Hashable, Sendable {
    /// The stored state is of another aggregator than the rule names.
    case aggregatorChanged(topic: String, stored: String, configured: String)
    /// The stored state is of another number format than the rule names.
    case numberChanged(topic: String, stored: String, configured: String)
    /// A stored state can not be read.
    case unreadable(topic: String, reason: String)
}

extension RestoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .aggregatorChanged(let topic, let stored, let configured):
            """
            topic '\(topic)' holds the state of '\(stored)', but its rule says '\(configured)'. \
            Restore the rule, or drop the state with: wsbroker store forget '\(topic)'
            """
        case .numberChanged(let topic, let stored, let configured):
            """
            topic '\(topic)' holds '\(stored)' numbers, but its rule says '\(configured)'. \
            Restore the rule, or drop the state with: wsbroker store forget '\(topic)'
            """
        case .unreadable(let topic, let reason):
            "the stored state of topic '\(topic)' can not be used: \(reason)"
        }
    }
}
