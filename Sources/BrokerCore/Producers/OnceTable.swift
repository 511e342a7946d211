/// Publishes of stateless publishers that were applied within the last minutes, by their `once`.
///
/// Its clock is the store's own: it goes on only while a broker runs, and from what was stored last. So setting the
/// machine's clock neither empties the table nor freezes it.
struct OnceTable {
    struct Key: Hashable {
        /// Whose it is; see ``Principal/storedName``.
        var principal: [UInt8]
        var topic: [UInt8]
        var once: [UInt8]
    }

    final class Entry {
        let id: Int64
        let key: Key
        /// A hash of what was published.
        let content: UInt64
        /// In the store's time, in milliseconds.
        let time: UInt64
        /// The batch that it waits for.
        let batch: UInt64

        init(id: Int64, key: Key, content: UInt64, time: UInt64, batch: UInt64) {
            self.id = id
            self.key = key
            self.content = content
            self.time = time
            self.batch = batch
        }

        var row: OnceRow {
            OnceRow(
                id: self.id,
                principal: self.key.principal,
                topic: self.key.topic,
                once: self.key.once,
                content: self.content,
                time: self.time
            )
        }
    }

    private var entries: [Key: Entry] = [:]
    /// In the order in which they came, which is that of their times.
    private var order: [Entry] = []
    private var first = 0
    private var nextID: Int64 = 1
    /// The store's time when the broker started.
    private var startTime: UInt64 = 0

    var count: Int { self.entries.count }

    /// Takes over what is stored, in the order of the rows' ids.
    mutating func restore(_ rows: [OnceRow]) {
        for row in rows {
            let key = Key(principal: row.principal, topic: row.topic, once: row.once)
            self.append(Entry(id: row.id, key: key, content: row.content, time: row.time, batch: 0))
            self.nextID = max(self.nextID, row.id + 1)
            self.startTime = max(self.startTime, row.time)
        }
    }

    private mutating func append(_ entry: Entry) {
        self.entries[entry.key] = entry
        self.order.append(entry)
    }

    func find(_ key: Key) -> Entry? { self.entries[key] }

    /// - `running`: How long the broker has been running, in milliseconds.
    mutating func add(_ key: Key, content: UInt64, running: UInt64, batch: UInt64) -> Entry {
        let entry = Entry(
            id: self.nextID,
            key: key,
            content: content,
            time: self.startTime + running,
            batch: batch
        )
        self.nextID += 1
        self.append(entry)
        return entry
    }

    /// Takes out what a failed commit did not store.
    mutating func remove(_ entry: Entry) {
        if self.entries[entry.key] === entry { self.entries[entry.key] = nil }
        // Its place in the order is passed over when its time comes.
    }

    /// Takes out those that are older than `window` milliseconds, a bounded number at a time; returns their row ids.
    ///
    /// - `committed`: The last batch that is stored: what waits for a later one stays.
    mutating func expire(window: UInt64, running: UInt64, committed: UInt64, most: Int) -> [Int64] {
        let now = self.startTime + running
        var expired: [Int64] = []
        while self.first < self.order.count, expired.count < most {
            let entry = self.order[self.first]
            guard entry.time + window <= now, entry.batch <= committed else { break }
            self.first += 1
            guard self.entries[entry.key] === entry else { continue }
            self.entries[entry.key] = nil
            expired.append(entry.id)
        }
        if self.first > 1024, self.first * 2 > self.order.count {
            self.order.removeFirst(self.first)
            self.first = 0
        }
        return expired
    }
}

/// A publish that was applied, as it is stored for as long as it may come again.
package struct OnceRow: Hashable, Sendable {
    package var id: Int64
    /// Whose it is; empty for anonymous.
    package var principal: [UInt8]
    package var topic: [UInt8]
    package var once: [UInt8]
    package var content: UInt64
    package var time: UInt64

    package init(
        id: Int64,
        principal: [UInt8] = [],
        topic: [UInt8],
        once: [UInt8],
        content: UInt64,
        time: UInt64
    ) {
        self.id = id
        self.principal = principal
        self.topic = topic
        self.once = once
        self.content = content
        self.time = time
    }
}
