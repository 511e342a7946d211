/// Panes that take no more samples, kept so that the newest of them are merged at once: two stacks.
///
/// Nothing is ever taken out of a state, so it works for every aggregator and never drifts. New panes go on the back
/// stack, which has one running aggregate. When the oldest is to be dropped and the front stack is empty, the back is
/// turned over: each pane gets all newer ones merged into it, and what is left after dropping is there already. So a
/// pane costs about two merges in its life, however many there are.
///
/// A part of the panes may have no room where all together have, such as a sum without its only negative pane. Then
/// they are kept as they are until there is room again.
struct PaneQueue {
    private let make: () -> any Accumulator
    /// The newest first; each has all newer ones of the front merged into it.
    private(set) var front: [Pane] = []
    /// The oldest first, each by itself.
    private(set) var back: [Pane] = []
    /// All of the back, if it has room.
    private var backTotal: any Accumulator
    private var backHasRoom = true

    init(make: @escaping () -> any Accumulator) {
        self.make = make
        self.backTotal = make()
    }

    var isEmpty: Bool { self.front.isEmpty && self.back.isEmpty }

    /// Where the oldest pane begins.
    var start: UInt64? { self.front.last?.start ?? self.back.first?.start }

    var memory: Int {
        (self.front + self.back).reduce(self.backTotal.memory) { $0 + $1.memory }
    }

    /// Another one, which shares the panes.
    func copy() -> Self {
        var copy = Self(make: self.make)
        copy.front = self.front
        copy.back = self.back
        copy.backTotal = self.backTotal.copy()
        copy.backHasRoom = self.backHasRoom
        return copy
    }

    /// Takes a pane that is newer than all.
    mutating func push(_ pane: Pane) {
        self.back.append(pane)
        self.addToBackTotal(pane)
    }

    private mutating func addToBackTotal(_ pane: Pane) {
        if self.back.first?.start == pane.start {
            self.backTotal.reset()
            self.backHasRoom = true
        }
        guard self.backHasRoom else { return }
        do throws(AggregatorError) { try self.backTotal.merge(pane.state) } catch { self.backHasRoom = false }
    }

    /// Lets go of the panes that begin before `start`; returns whether there was one.
    @discardableResult
    mutating func drop(before start: UInt64) -> Bool {
        let count = self.front.count + self.back.count
        while let oldest = self.front.last, oldest.start < start { self.front.removeLast() }
        if self.front.isEmpty, let oldest = self.back.first, oldest.start < start {
            self.back.removeFirst(self.back.prefix { $0.start < start }.count)
            self.turnOver()
        }
        return self.front.count + self.back.count < count
    }

    private mutating func turnOver() {
        do throws(AggregatorError) {
            var turned: [Pane] = []
            for var pane in self.back.reversed() {
                if let newer = turned.last {
                    let state = pane.state.copy()
                    try state.merge(newer.state)
                    pane.state = state
                }
                turned.append(pane)
            }
            self.front = turned
            self.back = []
        } catch {
            for pane in self.back { self.addToBackTotal(pane) }
        }
    }

    /// What the panes that begin at `start` or later merge from, the oldest first.
    func parts(from start: UInt64) -> [any Accumulator] {
        var parts: [any Accumulator] = []
        if let oldest = self.front.last(where: { $0.start >= start }) { parts.append(oldest.state) }
        if self.backHasRoom, let first = self.back.first, first.start >= start {
            parts.append(self.backTotal)
        } else {
            parts += self.back.filter { $0.start >= start }.map(\.state)
        }
        return parts
    }
}

extension PaneQueue {
    /// Writes both stacks, the oldest pane first. The front is written merged as it is, since what went into it is
    /// gone.
    mutating func write(to writer: inout StateWriter) throws(AggregatorError) {
        writer.writeVarint(UInt(self.front.count))
        for index in self.front.indices.reversed() { try self.front[index].write(to: &writer) }
        writer.writeVarint(UInt(self.back.count))
        for index in self.back.indices { try self.back[index].write(to: &writer) }
    }

    /// Takes over stacks that were read, the oldest pane first.
    mutating func restore(front: [Pane], back: [Pane]) {
        self = Self(make: self.make)
        self.front = front.reversed()
        for pane in back { self.push(pane) }
    }
}
