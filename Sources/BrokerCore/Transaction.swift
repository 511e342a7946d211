import BrokerAggregation

/// What one publish, or the passing of time, changes: stored together, told together, or taken back together.
struct Transaction {
    /// Whether it waits for a commit whatever it changes, because something that is stored goes with it: a number, or
    /// where an alert stands.
    let binds: Bool
    /// In the order in which they are told.
    private(set) var changes: [Change] = []
    /// What takes each of them back.
    private var undos: [() -> Void] = []

    init(binds: Bool) { self.binds = binds }

    mutating func append(_ change: Change) { self.changes.append(change) }

    mutating func append(_ other: Transaction) {
        self.changes += other.changes
        self.undos += other.undos
    }

    /// Notes how many alerts have led to all of it.
    mutating func mark(depth: Int) {
        for index in self.changes.indices { self.changes[index].depth = depth }
    }

    /// Says what stands beside the data of the first change, an event, and whether it is kept.
    mutating func annotate(siblings: [UInt8], retains: Bool) {
        guard case .event(let data, _)? = self.changes.first?.message else { return }
        self.changes[0].message = .event(data: data, siblings: siblings)
        self.changes[0].retains = retains
    }

    mutating func onUndo(_ undo: @escaping () -> Void) { self.undos.append(undo) }

    /// Takes everything back.
    func undo() {
        for undo in self.undos.reversed() { undo() }
    }
}

/// A change of one topic.
struct Change {
    /// What tells it, where that is not the topic's running value.
    enum Message {
        /// An event, or what an alert says.
        case event(data: [UInt8], siblings: [UInt8])
        /// A window that has closed.
        case closed(WindowValue)
    }

    var topic: TopicState
    /// What the publish was about.
    var key: [UInt8] = []
    var message: Message?
    /// Whether it takes an offset and subscribers are told. The state may change without that.
    var isTold = true
    /// Whether the message is kept for those who come later.
    var retains = false
    /// Whether alerts look at the new value.
    var isMeasured = true
    /// How many alerts have led to it, one by another.
    var depth = 0

    init(_ topic: TopicState) { self.topic = topic }
}

/// A change that has been noted.
struct Applied {
    var topic: TopicState
    /// Whether a change is stored.
    var isStored: Bool
    /// The batch that has to be committed before anybody is told.
    var needs: UInt64
    /// Why nothing has changed, as it travels in `why`.
    var leftOut: StaticString?
}
