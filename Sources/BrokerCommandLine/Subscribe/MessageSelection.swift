import BrokerClient
import BrokerWire

/// Which of the messages that arrive are printed, and when enough is enough.
struct MessageSelection {
    /// Topics that are left out.
    var excluded: [TopicFilter] = []
    /// Whether only what was there before is of interest.
    var isRetainedOnly = false
    /// Whether it ends where everything that was there before has arrived.
    var endsWithSnapshot = false
    /// How many messages to select, or `nil` for all that come.
    var countMax: Int?
    /// What ends it, with the message that makes it true.
    var until: UntilCondition?

    private var count = 0

    init(
        excluded: [TopicFilter] = [],
        isRetainedOnly: Bool = false,
        endsWithSnapshot: Bool = false,
        countMax: Int? = nil,
        until: UntilCondition? = nil
    ) {
        self.excluded = excluded
        self.isRetainedOnly = isRetainedOnly
        self.endsWithSnapshot = endsWithSnapshot
        self.countMax = countMax
        self.until = until
    }

    /// Takes what arrived; returns what to print of it, and whether that is all.
    ///
    /// - `endsSnapshot`: Whether these are the last of what was there before.
    mutating func take(_ messages: [Message], endsSnapshot: Bool) -> (selected: [Message], isDone: Bool) {
        var selected: [Message] = []
        for message in messages {
            if self.isRetainedOnly, !message.isRetained { continue }
            if self.excluded.contains(where: { $0.matches(message.topic) }) { continue }
            selected.append(message)
            self.count += 1
            if let until = self.until, until.holds(for: message) { return (selected, true) }
            if let countMax = self.countMax, self.count >= countMax { return (selected, true) }
        }
        return (selected, endsSnapshot && (self.isRetainedOnly || self.endsWithSnapshot))
    }
}
