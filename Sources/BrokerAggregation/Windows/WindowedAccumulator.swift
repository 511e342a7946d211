/// One aggregate per window of time: the samples of each pane folded, and the panes of a window merged.
///
/// Nothing is ever taken out of a state, so that every aggregator can have windows and no value drifts: what leaves a
/// window leaves as a pane. Nothing goes into a window that has closed, and none opens again, even if time goes back.
///
/// A sample is refused if there is no room for it in its pane, in the first window to close that it is in, or in the
/// sliding one. Later windows can lose what made up for it, as a sum its only negative pane: such a window has no value
/// and takes no sample that finds no room, until what is too large has left too.
public final class WindowedAccumulator: TimedAccumulator {
    /// Where a sample goes: into a pane that is open, or into a new one before that of `index`.
    private struct Place {
        var index: Int
        var range: Range<UInt64>
        var isOpen: Bool
    }

    let plan: Plan
    /// Panes that may still get samples, the oldest first.
    ///
    /// Unchecked, as ``merged``: no accumulator knows the one that holds it, so none can come here meanwhile.
    @exclusivity(unchecked) var open: [Pane] = []
    /// Panes that get no more samples, but are part of windows that have not closed.
    var queue: PaneQueue
    /// Where the last window that closed ends; of a sliding one, the newest pane that was queued. It never goes back.
    var closedUntil: UInt64?
    /// How far a sliding window has moved: to the end of the newest pane that had a sample or that it was moved to.
    @exclusivity(unchecked) var position: UInt64?
    var lastClosed: ClosedWindow?

    /// What is asked after each sample.
    @exclusivity(unchecked) private var merged: MergedWindows

    init(_ plan: Plan) {
        self.plan = plan
        self.queue = PaneQueue(make: plan.inner.makeAccumulator)
        self.merged = MergedWindows(make: plan.inner.makeAccumulator)
    }

    public var descriptor: AggregatorDescriptor { self.plan.descriptor }

    public var memory: Int {
        self.open.reduce(self.queue.memory + (self.lastClosed?.memory ?? 0)) { $0 + $1.memory }
    }

    // MARK: Values

    public var value: AggregateValue { self.told?.value ?? .none }

    /// A sliding window is there once it had a sample, with the value of nothing when all have left it.
    public var running: WindowValue? {
        if case .tumbling = self.plan.shape.kind {
            return self.open.first.map {
                WindowValue(value: $0.state.value, start: $0.start, end: $0.end, isFinal: false)
            }
        }
        return self.runningEnd.map {
            WindowValue(
                value: self.value(ofWindowEndingAt: $0),
                start: self.plan.shape.start(ofWindowEndingAt: $0),
                end: $0,
                isFinal: false
            )
        }
    }

    public var closed: WindowValue? { self.lastClosed?.value }

    public var told: WindowValue? {
        if case .sliding = self.plan.shape.kind { return self.running }
        return self.plan.tellsChanges ? self.running ?? self.closed : self.closed
    }

    private var runningEnd: UInt64? {
        if case .sliding = self.plan.shape.kind { self.position } else { self.nextEndWithSamples }
    }

    private func value(ofWindowEndingAt end: UInt64) -> AggregateValue {
        do throws(AggregatorError) { return try self.mergedWindow(endingAt: end).value } catch { return .none }
    }

    /// The panes of a window merged, which is done once for as long as samples are only added.
    private func mergedWindow(endingAt end: UInt64) throws(AggregatorError) -> any Accumulator {
        // A sliding window is always all that there is.
        let end = self.isSliding ? 0 : end
        if !self.merged.select(end) { try self.merge(into: self.merged.state, windowEndingAt: end) }
        return self.merged.state
    }

    private func merge(into total: any Accumulator, windowEndingAt end: UInt64) throws(AggregatorError) {
        let start = self.isSliding ? 0 : self.plan.shape.start(ofWindowEndingAt: end)
        let panes = self.open.filter { self.isSliding || ($0.start >= start && $0.end <= end) }
        total.reset()
        do throws(AggregatorError) {
            try total.merge(all: self.queue.parts(from: start) + panes.map(\.state))
        } catch {
            self.forgetMerged()
            throw error
        }
    }

    /// Call it when panes have changed other than by a sample.
    func forgetMerged() { self.merged.forget() }

    private var isSliding: Bool { self.plan.shape.kind == .sliding }

    // MARK: Folding

    public func add(_ sample: Sample) throws(AggregatorError) {
        let place = try self.place(of: sample)
        if case .tumbling = self.plan.shape.kind {
            try self.addAlone(sample, at: place)
        } else {
            try self.addToWindow(sample, at: place)
        }
    }

    /// Adds a sample to a pane that is a window by itself.
    private func addAlone(_ sample: Sample, at place: Place) throws(AggregatorError) {
        guard !place.isOpen else { return try self.open[place.index].add(sample) }
        let state = self.plan.inner.makeAccumulator()
        try state.add(sample)
        self.open.insert(Pane(place.range, state), at: place.index)
    }

    /// Adds a sample to a pane that is part of a window, and to the window, which is what merging them anew would give.
    private func addToWindow(_ sample: Sample, at place: Place) throws(AggregatorError) {
        let fresh = place.isOpen ? nil : self.plan.inner.makeAccumulator()
        try fresh?.add(sample)
        let end = place.range.upperBound
        try self.mergedWindow(endingAt: end).add(sample)
        self.merged.forgetLater()
        if let fresh {
            self.open.insert(Pane(place.range, fresh), at: place.index)
        } else {
            do throws(AggregatorError) {
                try self.open[place.index].add(sample)
            } catch {
                // The window has it already.
                self.forgetMerged()
                throw error
            }
        }
        guard self.isSliding else { return }
        self.position = max(self.position ?? 0, end)
        guard !place.isOpen else { return }
        // Without waiting for a step, so that few panes are open, and none that have left are stored.
        let now = max(sample.timestamp, sample.time - min(sample.time, Plan.skewMax))
        _ = self.slide(to: min(now, WindowShape.timeMax))
    }

    private func place(of sample: Sample) throws(AggregatorError) -> Place {
        guard sample.time <= WindowShape.timeMax else {
            throw .input(why: "bad_time", reason: "the sample is beyond all windows")
        }
        let place = self.place(at: sample.time)
        if place.isOpen || !self.isLate(place.range), !self.hasLeft(place.range, at: sample.timestamp) {
            return try self.checked(place)
        }
        guard case .current = self.plan.late else { throw .late }
        let time = max(min(sample.timestamp, WindowShape.timeMax), self.closedUntil ?? 0)
        return try self.checked(self.place(at: time))
    }

    private func place(at time: UInt64) -> Place {
        // Nearly all samples are for the newest pane.
        if let last = self.open.last, last.start <= time, time < last.end {
            return Place(index: self.open.count - 1, range: last.start..<last.end, isOpen: true)
        }
        let range = self.plan.shape.pane(containing: time)
        let index = self.open.lastIndex { $0.start <= range.lowerBound }
        guard let index else { return Place(index: 0, range: range, isOpen: false) }
        let isOpen = self.open[index].start == range.lowerBound
        return Place(index: isOpen ? index : index + 1, range: range, isOpen: isOpen)
    }

    /// Whether the first window that a pane is in has closed.
    private func isLate(_ range: Range<UInt64>) -> Bool { self.closedUntil.map { range.upperBound <= $0 } ?? false }

    /// Whether the sliding window is past a pane, which it has not if it was not stepped.
    private func hasLeft(_ range: Range<UInt64>, at now: UInt64) -> Bool {
        self.isSliding && range.lowerBound + self.plan.shape.size <= now
    }

    private func checked(_ place: Place) throws(AggregatorError) -> Place {
        guard place.isOpen || self.open.count < self.plan.openPanesMax else {
            throw .input(why: "too_many_windows", reason: "samples of too many windows at a time")
        }
        return place
    }

    public func undo(of sample: Sample) -> () -> Void {
        let found: Place?
        do throws(AggregatorError) { found = try self.place(of: sample) } catch { found = nil }
        guard let place = found else { return {} }
        let position = self.position
        if place.isOpen {
            let undo = self.open[place.index].state.undo(of: sample)
            return { [self] in
                undo()
                for index in self.open.indices { self.open[index].changed() }
                self.position = position
                self.forgetMerged()
            }
        }
        // A new pane can make others leave the open ones.
        let (open, closedUntil) = (self.open, self.closedUntil)
        let queue = self.isSliding ? self.queue.copy() : self.queue
        return { [self] in
            (self.open, self.queue) = (open, queue)
            (self.position, self.closedUntil) = (position, closedUntil)
            self.forgetMerged()
        }
    }

    public func reset() {
        self.open = []
        self.queue = PaneQueue(make: self.plan.inner.makeAccumulator)
        self.position = nil
        self.lastClosed = nil
        self.forgetMerged()
    }
}
