import BrokerCore
import BrokerTestKit

/// What a broker with a few topics has to do, as plainly as it can be said: the oracle of the random schedules.
///
/// Topics: `d/...` are sums on disk, `m/...` sums in memory, `e/...` events, of which retained ones are on disk.
struct BrokerModel {
    /// One change of a topic.
    struct Change: Hashable {
        /// What a subscriber is shown.
        var data: String
        /// What a `get` or a snapshot shows, if there is something.
        var value: String?
    }

    struct Topic {
        /// All changes since the topic's life began: the first has offset 1.
        var changes: [Change] = []
        /// How many of them are beyond doubt and may be told.
        var committed = 0
        /// Where a first commit that fails goes back to.
        var hasRow = false
        var isDirty = false
    }

    private(set) var topics: [String: Topic] = [:]
    private var storing: [String: Int] = [:]

    static func isStored(_ name: String, retain: Bool, _ topic: Topic) -> Bool {
        name.hasPrefix("d") || (name.hasPrefix("e") && (retain || topic.hasRow || topic.isDirty))
    }

    /// Takes a publish that the broker must accept; returns its offset.
    mutating func publish(_ name: String, _ number: Int, retain: Bool) -> Int {
        var topic = self.topics[name] ?? Topic()
        let last = topic.changes.last
        if name.hasPrefix("e") {
            topic.changes.append(Change(data: "\(number)", value: retain ? "\(number)" : last?.value))
        } else {
            let total = "\((last.flatMap { Int($0.data) } ?? 0) + number)"
            topic.changes.append(Change(data: total, value: total))
        }
        if Self.isStored(name, retain: retain, topic) {
            topic.isDirty = true
        } else {
            topic.committed = topic.changes.count
        }
        self.topics[name] = topic
        return topic.changes.count
    }

    /// A batch is handed to the store; returns the topics that it has to hold, with their offsets.
    mutating func beginCommit() -> [String: Int] {
        self.storing = [:]
        for (name, topic) in self.topics where topic.isDirty {
            self.storing[name] = topic.changes.count
            self.topics[name]?.isDirty = false
            self.topics[name]?.hasRow = true
        }
        return self.storing
    }

    mutating func commitSucceeded() {
        for (name, offset) in self.storing { self.topics[name]?.committed = offset }
        self.storing = [:]
    }

    mutating func commitFailed(stored: Set<String>) {
        for (name, topic) in self.topics where topic.isDirty || self.storing[name] != nil {
            self.topics[name]?.changes.removeLast(topic.changes.count - topic.committed)
            self.topics[name]?.isDirty = false
            self.topics[name]?.hasRow = stored.contains(name)
        }
        self.storing = [:]
    }
}
