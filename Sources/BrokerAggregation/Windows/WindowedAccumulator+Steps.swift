/// What time alone changes.
extension WindowedAccumulator {
    public var deadline: UInt64? {
        switch self.plan.shape.kind {
        case .tumbling, .hopping: self.nextEnd.map { $0 + self.plan.grace }
        case .sliding: (self.queue.start ?? self.open.first?.start).map { $0 + self.plan.shape.size }
        }
    }

    /// It never throws: a window that has no room closes without a value, so that those behind it get their turn.
    public func step(at now: UInt64) -> WindowStep? {
        let now = min(now, WindowShape.timeMax)
        return switch self.plan.shape.kind {
        case .tumbling, .hopping: self.close(at: now)
        case .sliding: self.slide(to: now) ? .moved : nil
        }
    }

    // MARK: Windows that close

    /// The end of the next window to close that has samples.
    var nextEndWithSamples: UInt64? {
        // What is in the queue is in the window that comes next.
        if let closedUntil = self.closedUntil, !self.queue.isEmpty { return closedUntil + self.plan.shape.paneSize }
        return self.open.first?.end
    }

    /// The end of the next window to close.
    private var nextEnd: UInt64? {
        guard let closedUntil = self.closedUntil, self.plan.empty != .skip else { return self.nextEndWithSamples }
        return self.plan.shape.pane(containing: closedUntil).upperBound
    }

    private func close(at now: UInt64) -> WindowStep? {
        guard let next = self.nextEnd, next + self.plan.grace <= now else { return nil }
        let withSamples = self.nextEndWithSamples
        guard next != withSamples else { return self.closeWindow(endingAt: next) }
        // One window without samples stands for all in a row, so that a night's sleep is not a message a minute.
        if let withSamples, withSamples + self.plan.grace <= now { return self.closeWindow(endingAt: withSamples) }
        let newestEnd = self.plan.shape.pane(containing: now - self.plan.grace).lowerBound
        return self.close(self.emptyContent, end: max(next, newestEnd))
    }

    private var emptyContent: ClosedWindow.Content {
        switch self.plan.empty {
        case .zero: .zero
        case .last: self.lastClosed?.content ?? .null
        case .skip, .null: .null
        }
    }

    private func closeWindow(endingAt end: UInt64) -> WindowStep {
        if case .tumbling = self.plan.shape.kind { return self.close(.state(self.open.removeFirst().state), end: end) }
        while let pane = self.open.first, pane.end <= end {
            self.queue.push(pane)
            self.open.removeFirst()
        }
        let step = self.close(self.queuedContent(), end: end)
        self.queue.drop(before: self.plan.shape.start(ofWindowEndingAt: end + self.plan.shape.paneSize))
        return step
    }

    private func queuedContent() -> ClosedWindow.Content {
        let state = self.plan.inner.makeAccumulator()
        do throws(AggregatorError) {
            try state.merge(all: self.queue.parts(from: 0))
            return .state(state)
        } catch {
            return .null
        }
    }

    private func close(_ content: ClosedWindow.Content, end: UInt64) -> WindowStep {
        let window = ClosedWindow(content, start: self.plan.shape.start(ofWindowEndingAt: end), end: end)
        self.lastClosed = window
        self.closedUntil = max(self.closedUntil ?? 0, end)
        self.forgetMerged()
        return .closed(window.value)
    }

    // MARK: A window that slides

    /// Queues the panes that take no more samples at `now`, and lets go of those that have left; returns whether there
    /// was one.
    func slide(to now: UInt64) -> Bool {
        let size = self.plan.shape.size
        while let pane = self.open.first, pane.end + self.plan.grace <= now || pane.start + size <= now {
            self.queue.push(pane)
            self.open.removeFirst()
            self.closedUntil = max(self.closedUntil ?? 0, pane.end)
            self.forgetMerged()
        }
        guard now >= size, self.queue.drop(before: now - size + 1) else { return false }
        self.position = max(self.position ?? 0, self.plan.shape.pane(containing: now).upperBound)
        self.forgetMerged()
        return true
    }
}
