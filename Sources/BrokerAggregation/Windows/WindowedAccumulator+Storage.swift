/// The way to the store and to others, and back.
extension WindowedAccumulator {
    static let stateVersion = 1

    public func merge(_ other: any Accumulator) throws(AggregatorError) {
        // Two topics need not be at the same window; what combines topics is a view of them.
        throw .stateCorrupt("windows do not merge")
    }

    public func assign(_ other: any Accumulator) throws(AggregatorError) {
        guard let other = other as? WindowedAccumulator, other.plan.stateName == self.plan.stateName else {
            throw .stateCorrupt("'\(other.descriptor.name)' are no windows of '\(self.plan.stateName)'")
        }
        self.takeOver(other)
    }

    public func copy() -> any Accumulator {
        let copy = WindowedAccumulator(self.plan)
        copy.takeOver(self)
        return copy
    }

    private func takeOver(_ other: WindowedAccumulator) {
        self.open = other.open.map { $0.copy() }
        self.queue = other.queue.copy()
        self.closedUntil = other.closedUntil
        self.position = other.position
        self.lastClosed = other.lastClosed
        self.forgetMerged()
    }

    public func encoded() throws(AggregatorError) -> [UInt8] {
        var writer = StateWriter()
        writer.write(optional: self.closedUntil)
        writer.write(optional: self.position)
        try ClosedWindow.write(&self.lastClosed, to: &writer)
        try self.queue.write(to: &writer)
        writer.writeVarint(UInt(self.open.count))
        for index in self.open.indices { try self.open[index].write(to: &writer) }
        return writer.bytes
    }

    public func restore(_ bytes: [UInt8], version: Int) throws(AggregatorError) {
        guard version == Self.stateVersion else {
            throw .stateVersion(found: version, supported: Self.stateVersion)
        }
        self.reset()
        self.closedUntil = nil
        var reader = StateReader(bytes)
        let shape = self.plan.shape
        let closedUntil = try reader.readTime()
        let position = try reader.readTime()
        let lastClosed = try ClosedWindow.read(&reader, end: closedUntil, self.plan)
        let front = try self.readPanes(&reader, countMax: shape.panes)
        let back = try self.readPanes(&reader, countMax: shape.panes - front.count)
        let open = try self.readPanes(&reader, countMax: Plan.openPanesMax)
        try reader.finish()
        guard [closedUntil, position].allSatisfy({ $0.map(shape.isEdge) ?? true }) else {
            throw .stateCorrupt("a window that ends where none does")
        }
        let panes = front + back + open
        let isSound =
            switch shape.kind {
            case .tumbling: position == nil && front.isEmpty && back.isEmpty
            case .hopping: position == nil
            case .sliding: lastClosed == nil && panes.last?.end ?? 0 <= position ?? 0
            }
        guard isSound else { throw .stateCorrupt("windows of another kind") }
        try Self.check(panes, queuedCount: front.count + back.count, closedUntil, shape)
        self.closedUntil = closedUntil
        self.position = position
        self.lastClosed = lastClosed
        self.queue.restore(front: front, back: back)
        self.open = open
    }

    private func readPanes(_ reader: inout StateReader, countMax: Int) throws(AggregatorError) -> [Pane] {
        let count = try reader.readVarint(UInt.self)
        guard count <= UInt(countMax) else { throw .stateCorrupt("\(count) panes; at most \(countMax) are possible") }
        var panes: [Pane] = []
        for _ in 0..<count {
            let start = try reader.readVarint(UInt64.self)
            guard self.plan.shape.isEdge(start) else { throw .stateCorrupt("a pane that begins where none does") }
            let end = self.plan.shape.pane(containing: start).upperBound
            panes.append(Pane(start..<end, try reader.readState(self.plan.inner)))
        }
        return panes
    }

    /// Checks that panes follow each other, and that those and only those are queued that have to be.
    private static func check(
        _ panes: [Pane],
        queuedCount: Int,
        _ closedUntil: UInt64?,
        _ shape: WindowShape
    ) throws(AggregatorError) {
        for (index, pane) in panes.enumerated() {
            let isInOrder = index == 0 || panes[index - 1].start < pane.start
            // The clocks of a zone may have other rules than when it was stored.
            let isClosed = shape.alignment == nil ? pane.end <= closedUntil ?? 0 : index < queuedCount
            guard isInOrder, isClosed == (index < queuedCount) else { throw .stateCorrupt("panes out of order") }
            guard case .hopping = shape.kind, isClosed else { continue }
            guard pane.start + shape.size > closedUntil ?? 0 else { throw .stateCorrupt("a pane of no window") }
        }
    }
}

extension StateWriter {
    /// Writes a time that may not be there; there is always one more.
    fileprivate mutating func write(optional time: UInt64?) { self.writeVarint(time.map { $0 + 1 } ?? 0) }
}

extension StateReader {
    /// Reads what ``StateWriter/write(optional:)`` wrote.
    fileprivate mutating func readTime() throws(AggregatorError) -> UInt64? {
        let time = try self.readVarint(UInt64.self)
        return time == 0 ? nil : time - 1
    }
}
