import BrokerAggregation
import BrokerWire

/// Everything the core knows about one topic.
final class TopicState {
    // What nearly every publish looks at stands together and first: with a hundred thousand topics most of the time
    // goes into fetching it from memory.

    let name: [UInt8]
    /// Names this life of the topic to the hubs; never used twice.
    let key: UInt32
    /// Whether `data` itself is what it takes, and nothing is made from it: nearly all topics.
    var isPlain = false
    // Of the rule, which is a large value, what every publish asks for.
    var isView = false
    var isOnDisk = false
    var takesNumbers = false
    var number = NumberFormat.decimal
    var isStrict = false
    /// The state is taken from ``committed`` when it is first needed, so that a million topics start quickly.
    private var isLoaded = true
    /// Whether anything has ever changed in it.
    var isTouched = false
    /// Whether it is among those that nobody wants.
    var isUnwanted = false
    /// Whether it is gone.
    var isForgotten = false
    /// Whether a batch is going to tell the newest value at its end, and which.
    var isAnnounced = false
    var accumulator: (any Accumulator)?
    var offset: UInt64 = 0
    var timestamp: UInt64 = 0
    /// The last batch that what is known here waits for.
    var lastBatch: UInt64 = 0
    /// The batch in whose rows it already stands.
    var rowBatch: UInt64 = 0
    /// The batch that something in it waits for, though the topic itself is not stored.
    var tiedBatch: UInt64 = 0
    /// Who subscribes, as of ``interestGeneration``.
    var interest = Interest()
    var interestGeneration: UInt64 = .max
    /// When it was last used, on the monotonic clock.
    var lastUse: UInt64 = 0
    /// Before which nothing is tried again that the store had no room for.
    var retryTime: UInt64?
    /// The key of its row, once it has something to store.
    var rowID: Int64?
    /// What is made from it.
    var views: [TopicRule] = []
    /// The same as the accumulator, if its value changes with time.
    var timed: (any TimedAccumulator)?
    var announcedBatch: UInt64 = 0
    /// Who made all the changes since the newest value was told, or nobody if they were several.
    var publisher: SessionID = .none
    /// The hubs that have been told the name that goes with ``key``, a bit each.
    var namedHubs: UInt64 = 0

    // The rest.

    var shared: SharedRule
    /// The key that its name says by itself.
    var ownKey: [UInt8]?
    /// Names the life that its offsets belong to.
    private(set) var epoch: String
    /// Which of its lives in the store this is, or is going to be.
    private(set) var life: UInt64
    /// Where its alerts stand.
    var alerts: TopicAlerts
    private(set) var retained: [UInt8]?
    /// What is told beside the retained message.
    private(set) var retainedSiblings: [UInt8] = []
    /// From when on the broker has been there: what a window had before that may not be all of it.
    var watchedSince: UInt64
    /// The row as it is known to be committed; what a failed commit goes back to.
    private(set) var committed: TopicRow?
    /// What it was before it had something to store; what a failed first commit goes back to.
    var unstored: (epoch: String, life: UInt64, offset: UInt64, timestamp: UInt64)
    /// What it was before it was tied.
    var untied: Untied?
    /// What it was before the batch that gathers, where the one before that is still on its way too.
    var untiedLater: Untied?
    /// When each key was heard of last, on the monotonic clock; only where keys go stale.
    var keysHeard: [[UInt8]: UInt64] = [:]
    /// The timer that counts, on the monotonic clock: when time alone changes something next.
    var deadline: UInt64?

    /// The hubs that have a subscription, a bit each.
    struct Interest: Hashable {
        var any: UInt64 = 0
        /// Those with one that asked for every message.
        var all: UInt64 = 0
    }

    init(
        name: [UInt8],
        rule shared: SharedRule,
        views: [TopicRule],
        key: UInt32,
        epoch: String,
        life: UInt64,
        watchedSince: UInt64
    ) {
        self.name = name
        self.shared = shared
        self.key = key
        self.epoch = epoch
        self.life = life
        self.unstored = (epoch, life, 0, 0)
        self.accumulator = shared.rule.aggregator?.makeAccumulator()
        self.alerts = TopicAlerts(shared.rule.alerts, keysMax: shared.rule.alertKeysMax)
        self.watchedSince = watchedSince
        self.noteRule(views)
    }

    var rule: TopicRule { self.shared.rule }

    /// Whether this is its name, byte for byte.
    func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
        self.name.withUnsafeBytes { $0.hasSameBytes(as: name) }
    }

    var hasAggregator: Bool { self.accumulator != nil }
    var hasViews: Bool { !self.views.isEmpty }

    /// Whether it may be forgotten once nobody uses it.
    var isEphemeral: Bool {
        self.rowID == nil && self.retained == nil && self.alerts.isIdle
            && (self.accumulator == nil || !self.isTouched)
    }

    /// Whether it is one of the broker's own, below `$sys/`.
    var isSystem: Bool { self.name.first == UInt8(ascii: "$") }

    /// Whether the retained message is `data`.
    func retains(_ data: [UInt8]) -> Bool { self.retained == data }

    /// Whether a publish changes what is stored: aggregates and retained messages do, and so does an event on a topic
    /// that has a stored message, because the two share their offsets.
    func isStored(retaining: Bool) -> Bool {
        self.isOnDisk && (self.hasAggregator || retaining || self.rowID != nil)
    }

    // MARK: Value

    /// Runs `body` with the value as it goes to clients.
    func withValue<Result>(_ body: (WireValue) -> Result) -> Result {
        if let timed = self.timed { return self.withValue(timed.told, body) }
        if let accumulator = self.accumulator {
            guard self.offset > 0 else { return body(.none) }
            return Self.withValue(accumulator.value, siblings: [], body)
        }
        guard let retained = self.retained else { return body(.none) }
        return Self.withValue(retained, siblings: self.retainedSiblings, body)
    }

    /// Runs `body` with the value that a publisher is answered: that of the open window, told or not.
    func withRunningValue<Result>(_ body: (WireValue) -> Result) -> Result {
        if let timed = self.timed { return self.withValue(timed.running ?? timed.told, body) }
        return self.withValue(body)
    }

    /// Runs `body` with the value of a window.
    func withValue<Result>(_ window: WindowValue?, _ body: (WireValue) -> Result) -> Result {
        guard let window else { return body(.none) }
        let isPartial = window.start < self.watchedSince
        let text = """
            ,"window":{"start":\(window.start),"end":\(window.end),"final":\(window.isFinal),"partial":\(isPartial)}
            """
        let null = Array("null".utf8)
        let siblings = Array(text.utf8)
        // A window that has closed says so even if there is nothing in it.
        guard window.value != .none else { return Self.withValue(null, siblings: siblings, body) }
        return Self.withValue(window.value, siblings: siblings, body)
    }

    /// Whether there is anything that could be deleted.
    var isThere: Bool { self.offset > 0 || self.rowID != nil || self.retained != nil }

    /// Whether its value is a message that is kept for those who come later.
    var holdsMessage: Bool { self.retained != nil }

    /// Whether a `get` finds something.
    var hasValue: Bool {
        if let timed = self.timed { return timed.told != nil }
        guard let accumulator = self.accumulator else { return self.retained != nil }
        return self.offset > 0 && accumulator.value != .none
    }

    /// Keeps `message` for those who come later, with what is told beside it; `nil` clears it.
    func retain(_ message: [UInt8]?, siblings: [UInt8] = []) {
        self.retained = message
        self.retainedSiblings = message == nil ? [] : siblings
    }

    /// Runs `body` with the aggregate's value as JSON.
    func withValueText<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var text: [UInt8] = []
        (self.accumulator?.value ?? .none).writeJSON(to: &text)
        return text.withUnsafeBytes(body)
    }

    // MARK: Storage

    /// Takes over what the store knew.
    func restore(_ row: TopicRow, storeEpoch: String) {
        self.committed = row
        self.begin(life: row.life, epoch: TopicRow.epoch(of: storeEpoch, life: row.life))
        self.rowID = row.id
        self.isTouched = true
        self.offset = row.offset
        self.timestamp = row.timestamp
        if case .retained(let message, let siblings) = row.content { self.retain(message, siblings: siblings) }
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
                .retained(self.retained, siblings: self.retainedSiblings)
            }
        let keyed = self.accumulator as? KeyedAccumulator
        return TopicRow(
            id: id,
            name: self.name,
            offset: self.offset,
            timestamp: self.timestamp,
            content: content,
            alerts: self.alerts.isEmpty ? nil : self.alerts.encoded { keyed?.value(of: $0) != nil },
            life: self.life
        )
    }

    /// Takes over where the stored alerts stood.
    func restoreAlerts(at now: UInt64) throws(AggregatorError) {
        self.alerts = TopicAlerts(self.rule.alerts, keysMax: self.rule.alertKeysMax)
        guard !self.alerts.isEmpty else { return }
        if let bytes = self.committed?.alerts { try self.alerts.restore(bytes, at: now) }
        let keyed = self.accumulator as? KeyedAccumulator
        self.alerts.noteDeparted { keyed?.value(of: $0) != nil }
    }

    /// Notes that `row` is safe.
    func committed(_ row: TopicRow) { self.committed = row }

    /// Goes back to what is known to be stored.
    func rollBack(storeEpoch: String) {
        self.accumulator?.reset()
        self.retain(nil)
        if let row = self.committed {
            // It says everything. What was tied since was so only because the row was to be deleted.
            (self.untied, self.untiedLater) = (nil, nil)
            return self.restore(row, storeEpoch: storeEpoch)
        }
        self.rowID = nil
        (self.epoch, self.life, self.offset, self.timestamp) = self.unstored
    }

    /// Gives it a row before its first change that is stored: from then on all its changes are.
    func beginStoring(id: Int64, epoch: String) {
        self.unstored = (self.epoch, self.life, self.offset, self.timestamp)
        self.rowID = id
        self.begin(life: self.life, epoch: epoch)
    }

    /// Moves the offsets to another life.
    func begin(life: UInt64, epoch: String) {
        self.life = life
        self.epoch = epoch
    }
}

// MARK: - Deletion

extension TopicState {
    /// Holds nothing any more, and begins another life. What it goes back to if that fails stays: the committed row, or
    /// what it was tied to.
    func empty(life: UInt64, epoch: String) {
        self.accumulator?.reset()
        self.isLoaded = true
        self.retain(nil)
        self.alerts = TopicAlerts(self.rule.alerts, keysMax: self.rule.alertKeysMax)
        self.keysHeard = [:]
        self.rowID = nil
        self.offset = 0
        self.timestamp = 0
        self.isTouched = false
        self.retryTime = nil
        self.deadline = nil
        self.begin(life: life, epoch: epoch)
    }

    /// Notes that its row is gone for good.
    func deletionCommitted() { self.committed = nil }
}

extension TopicState: CustomStringConvertible {
    var description: String { String(decoding: self.name, as: UTF8.self) }
}
