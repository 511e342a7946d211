/// What becomes due, and when: a heap, because the earliest is all that is ever asked for.
///
/// Nothing is ever taken out before its time. Who is told of a time that means nothing any more lets it pass.
struct TimerHeap<Subject> {
    struct Entry {
        /// On the monotonic clock, in nanoseconds.
        var due: UInt64
        var subject: Subject
    }

    private var heap: [Entry] = []

    var count: Int { self.heap.count }

    /// When the earliest is due.
    var next: UInt64? { self.heap.first?.due }

    mutating func insert(_ subject: Subject, due: UInt64) {
        self.heap.append(Entry(due: due, subject: subject))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].due < self.heap[parent].due else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeAll(where isGone: (Subject) -> Bool) {
        let entries = self.heap
        self.heap.removeAll(keepingCapacity: true)
        for entry in entries where !isGone(entry.subject) { self.insert(entry.subject, due: entry.due) }
    }

    /// Takes out the earliest if it is due at `now`.
    mutating func popDue(at now: UInt64) -> Entry? {
        guard let first = self.heap.first, first.due <= now else { return nil }
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child].due < self.heap[smallest].due {
                smallest = child
            }
            guard smallest != parent else { return first }
            self.heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
