import BrokerAggregation
import BrokerWire

/// Everything the core knows about one topic.
final class TopicState {
    let name: [UInt8]
    let rule: TopicRule
    /// What is made from it.
    let views: [TopicRule]
    /// Whether `data` itself is what it takes, and nothing is made from it: nearly all topics.
    let isPlain: Bool
    /// Names this life of the topic to the hubs; never used twice.
    let key: UInt32
    /// Names the life that its offsets belong to.
    private(set) var epoch: String
    /// The key of its row, once it has something to store.
    var rowID: Int64?
    var offset: UInt64 = 0
    var timestamp: UInt64 = 0
    private(set) var accumulator: (any Accumulator)?
    private var retained: [UInt8]?
    /// The row as it is known to be committed; what a failed commit goes back to.
    private(set) var committed: TopicRow?
    /// What it was before it had something to store; what a failed first commit goes back to.
    private var unstored: (epoch: String, offset: UInt64, timestamp: UInt64)
    /// The state is taken from ``committed`` when it is first needed, so that a million topics start quickly.
    private var isLoaded = true

    /// The last batch that what is known here waits for.
    var lastBatch: UInt64 = 0
    /// The batch in whose rows it already stands.
    var rowBatch: UInt64 = 0
    /// Whether a batch is going to tell the newest value at its end, and which.
    var isAnnounced = false
    var announcedBatch: UInt64 = 0
    /// Who made all the changes since the newest value was told, or nobody if they were several.
    var publisher: SessionID = .none
    /// The hubs that have been told the name that goes with ``key``, a bit each.
    var namedHubs: UInt64 = 0
    /// Who subscribes, as of ``interestGeneration``.
    var interest = Interest()
    var interestGeneration: UInt64 = .max
    /// When each key was heard of last, on the monotonic clock; only where keys go stale.
    var keysHeard: [[UInt8]: UInt64] = [:]
    /// When it was last used, on the monotonic clock.
    var lastUse: UInt64 = 0

    /// The hubs that have a subscription, a bit each.
    struct Interest: Hashable {
        var any: UInt64 = 0
        /// Those with one that asked for every message.
        var all: UInt64 = 0
    }

    init(name: [UInt8], rule: TopicRule, views: [TopicRule], key: UInt32, epoch: String) {
        self.name = name
        self.rule = rule
        self.views = views
        self.isPlain = views.isEmpty && rule.takesDataAsIs
        self.key = key
        self.epoch = epoch
        self.unstored = (epoch, 0, 0)
        self.accumulator = rule.aggregator?.makeAccumulator()
    }

    var hasAggregator: Bool { self.accumulator != nil }
    var hasViews: Bool { !self.views.isEmpty }

    /// Whether it may be forgotten once nobody uses it.
    var isEphemeral: Bool {
        self.rowID == nil && self.retained == nil && (self.accumulator == nil || self.offset == 0)
    }

    /// Whether a publish changes what is stored: aggregates and retained messages do, and so does an event on a topic
    /// that has a stored message, because the two share their offsets.
    func isStored(retaining: Bool) -> Bool {
        self.rule.durability == .disk && (self.hasAggregator || retaining || self.rowID != nil)
    }

    // MARK: Value

    /// Runs `body` with the value as it goes to clients.
    func withValue<Result>(_ body: (WireValue) -> Result) -> Result {
        if let accumulator = self.accumulator {
            guard self.offset > 0 else { return body(.none) }
            switch accumulator.value {
            case .none: return body(.none)
            case .number(let number): return body(.number(number))
            case let value:
                var text: [UInt8] = []
                value.writeJSON(to: &text)
                return text.withUnsafeBytes { body(.json($0)) }
            }
        }
        guard let retained = self.retained else { return body(.none) }
        return retained.withUnsafeBytes { body(.json($0)) }
    }

    /// Whether a `get` finds something.
    var hasValue: Bool {
        guard let accumulator = self.accumulator else { return self.retained != nil }
        return self.offset > 0 && accumulator.value != .none
    }

    func retain(_ message: [UInt8]?) { self.retained = message }

    /// Appends the aggregate's value as JSON.
    func writeValue(to text: inout [UInt8]) { self.accumulator?.value.writeJSON(to: &text) }

    // MARK: Storage

    /// Takes over what the store knew.
    func restore(_ row: TopicRow) {
        self.committed = row
        self.rowID = row.id
        self.offset = row.offset
        self.timestamp = row.timestamp
        if case .retained(let message) = row.content { self.retained = message }
        self.isLoaded = self.accumulator == nil
    }

    /// Reads the stored state, if that has not been done. Call it before anything else touches the value.
    func load() throws(AggregatorError) {
        guard !self.isLoaded, let accumulator = self.accumulator else { return }
        if case .aggregate(_, _, let version, let state)? = self.committed?.content {
            try accumulator.restore(state, version: version)
        }
        self.isLoaded = true
    }

    /// The row to store.
    func row(id: Int64) throws(AggregatorError) -> TopicRow {
        let content: TopicRow.Content =
            if let accumulator = self.accumulator {
                .aggregate(
                    name: self.rule.aggregator?.stateName ?? accumulator.descriptor.name,
                    number: self.rule.number.rawValue,
                    version: accumulator.descriptor.stateVersion,
                    state: try accumulator.encoded()
                )
            } else {
                .retained(self.retained)
            }
        return TopicRow(
            id: id,
            name: self.name,
            offset: self.offset,
            timestamp: self.timestamp,
            content: content
        )
    }

    /// Notes that `row` is safe.
    func committed(_ row: TopicRow) { self.committed = row }

    /// Goes back to what is known to be stored.
    func rollBack() {
        self.accumulator?.reset()
        self.retained = nil
        if let row = self.committed { return self.restore(row) }
        self.rowID = nil
        (self.epoch, self.offset, self.timestamp) = self.unstored
    }

    /// Gives it a row before its first change that is stored: from then on all its changes are.
    func beginStoring(id: Int64, epoch: String) {
        self.unstored = (self.epoch, self.offset, self.timestamp)
        self.rowID = id
        self.begin(epoch: epoch)
    }

    /// Moves the offsets to another life.
    func begin(epoch: String) { self.epoch = epoch }
}
