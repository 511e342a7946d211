import BrokerAggregation
import BrokerWire

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

    /// How often `topic` is told to have changed.
    func count(of topic: TopicState) -> UInt64 {
        UInt64(self.changes.count { $0.topic === topic && $0.isTold })
    }

    /// Keeps what the last change of `topic` has to tell, before the topic changes once more.
    mutating func keepValue(of topic: TopicState) {
        guard let index = self.changes.lastIndex(where: { $0.topic === topic }), self.changes[index].message == nil
        else { return }
        if let timed = topic.timed {
            self.changes[index].message = timed.told.map(Change.Message.window)
        } else {
            self.changes[index].message = .value(topic.accumulator?.value ?? .none)
        }
    }

    /// Notes how many alerts have led to all changes from a place on.
    mutating func setDepth(_ depth: Int, from place: Place) {
        for index in place.changes..<self.changes.count { self.changes[index].depth = depth }
    }

    /// Says what stands beside the data of the change at a place, an event, and whether it is kept.
    mutating func annotate(at place: Place, siblings: [UInt8], retains: Bool) {
        guard place.changes < self.changes.count,
            case .event(let data, _)? = self.changes[place.changes].message
        else { return }
        self.changes[place.changes].message = .event(data: data, siblings: siblings)
        self.changes[place.changes].retains = retains
    }

    /// A place to go back to.
    struct Place {
        fileprivate var changes: Int
        fileprivate var undos: Int
    }

    var place: Place { Place(changes: self.changes.count, undos: self.undos.count) }

    /// Takes back what came after a place.
    mutating func undo(to place: Place) {
        while self.undos.count > place.undos { self.undos.removeLast()() }
        self.changes.removeLast(self.changes.count - place.changes)
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
        /// The running value that it had then, because the topic has changed once more since.
        case value(AggregateValue)
        /// The same of an open window.
        case window(WindowValue)
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
    /// Whether a sample has made it, and not time.
    var isSample = false
    /// The key that had to make room for it, and what it and the topic had measured before.
    var evicted: (key: [UInt8], own: ExactDecimal?, before: ExactDecimal?)?
    /// How many alerts have led to it, one by another.
    var depth = 0

    init(_ topic: TopicState) { self.topic = topic }
}

/// A change that has been noted. It is made for every publish, and never copied.
struct Applied: ~Copyable {
    var topic: TopicState
    /// Whether a change is stored.
    var isStored: Bool
    /// The batch that has to be committed before anybody is told.
    var needs: UInt64
    /// Why nothing has changed, as it travels in `why`.
    var leftOut: StaticString?
    /// What the change has to tell, where that is not the topic's running value.
    var message: Change.Message?

    /// Runs `body` with the value that the publisher is answered.
    func withValue<Result>(_ body: (WireValue) -> Result) -> Result {
        switch self.message {
        case .value(let value)?: TopicState.withValue(value, siblings: [], body)
        case .window(let window)?: self.topic.withValue(window, body)
        case .event?, .closed?, nil: self.topic.withRunningValue(body)
        }
    }
}
