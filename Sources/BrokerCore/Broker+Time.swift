import BrokerAggregation
import BrokerWire
import Logging

/// What changes by itself: windows that close, alerts whose time has come.
extension Broker {
    /// When ``timePassed(at:)`` has to be called next, on the monotonic clock.
    package var nextDeadline: UInt64? { self.timers.next }

    /// Lets happen what is due.
    package func timePassed(at now: BrokerTime) {
        self.now = now
        while let timer = self.timers.popDue(at: now.monotonic) {
            let topic = timer.subject
            // Only the last timer that was set counts.
            guard topic.deadline == timer.due else { continue }
            topic.deadline = nil
            self.pass(topic)
            // What was due has happened. Whatever is still due must not make this go round in circles.
            self.setTimer(of: topic, notBefore: now.monotonic + BrokerTime.nanosecondsPerMillisecond)
        }
    }

    /// Looks whether somebody has set the wall clock: windows that lie along it end at other times then.
    func checkClock() {
        let offset = Int64(clamping: self.now.wall) - Int64(clamping: self.now.monotonic / 1_000_000)
        guard abs(offset - self.clockOffset) > Self.clockStepMin else { return }
        self.clockOffset = offset
        self.timedTopics.removeAll(where: \.isForgotten)
        self.watchedTopics.removeAll(where: \.isForgotten)
        for topic in self.timedTopics where topic.timed != nil {
            topic.deadline = nil
            self.setTimer(of: topic)
        }
    }

    /// Steps of the clock that are not worth a look, in milliseconds.
    private static var clockStepMin: Int64 { 50 }

    /// Sets the timer of a topic that something has happened to.
    func setTimer(of topic: TopicState, notBefore earliest: UInt64 = 0) {
        guard topic.timed != nil || !topic.alerts.isEmpty else { return }
        var deadline = topic.alerts.deadline
        if let end = topic.timed?.deadline {
            let time = self.windowClock.time(at: self.now)
            let wait = (end - min(time, end)).multipliedReportingOverflow(by: BrokerTime.nanosecondsPerMillisecond)
            let due = self.now.monotonic.addingReportingOverflow(wait.overflow ? .max : wait.partialValue)
            deadline = min(deadline ?? .max, due.overflow ? .max : due.partialValue)
        }
        guard var deadline else { return }
        // The store may have no room for what is due. It gets another chance now and then, not all the time.
        if let retry = topic.retryTime { deadline = max(deadline, retry) }
        deadline = max(deadline, earliest)
        guard topic.deadline.map({ deadline < $0 }) ?? true else { return }
        topic.deadline = deadline
        self.timers.insert(topic, due: deadline)
        self.cleanTimers()
    }

    /// Drops the timers that were set anew since, when there are too many of them.
    private func cleanTimers() {
        guard self.timers.count > 2 * self.timedTopics.count + Self.timersLeftMax else { return }
        self.timers = TimerHeap()
        self.timedTopics.removeAll(where: \.isForgotten)
        for topic in self.timedTopics {
            if let deadline = topic.deadline { self.timers.insert(topic, due: deadline) }
        }
    }

    /// So many timers that mean nothing any more are not worth the cleaning.
    private static var timersLeftMax: Int { 64 }

    func pass(_ topic: TopicState) {
        topic.retryTime = nil
        // What can not be stored does not happen; it is made up for when the store is there again.
        guard !topic.isStored(retaining: false) || self.storageRefusal == nil else {
            topic.retryTime = self.now.monotonic + BrokerTime.nanosecondsPerSecond
            return
        }
        self.passWindows(of: topic)
        let transitions = topic.alerts.pass(at: self.now.monotonic)
        guard !transitions.isEmpty else { return }
        var transaction = Transaction(binds: true)
        var change = Change(topic)
        change.isTold = false
        change.isMeasured = false
        transaction.append(change)
        self.publish(transitions, depth: 1, into: &transaction)
        self.raiseAlerts(&transaction)
        self.carryOut(transaction, self.nobody)
    }

    private func passWindows(of topic: TopicState) {
        guard let timed = topic.timed else { return }
        let time = self.windowClock.time(at: self.now)
        while let deadline = timed.deadline, deadline <= time {
            self.prepareChange(of: topic)
            do throws(AggregatorError) {
                guard let step = try timed.step(at: time) else { return }
                var change = Change(topic)
                if case .closed(let window) = step {
                    change.message = .closed(window)
                    change.isTold = topic.rule.window?.tellsCloses ?? true
                }
                self.carryOutByItself(change)
            } catch {
                // The window is closed all the same, with what it could say.
                self.logger.error(
                    "a window had no value to close with",
                    metadata: ["topic": "\(topic)", "error": "\(error)"]
                )
            }
        }
    }

    /// Call it before a change that no publish makes.
    func prepareChange(of topic: TopicState) {
        let isStored = topic.isStored(retaining: false)
        self.tellEarlierChange(of: topic, before: self.needs(of: topic, isStored: isStored, self.nobody))
    }

    /// Carries out a change that no publish made, and what follows from it.
    ///
    /// - `transitions`: What alerts have to say about it already.
    func carryOutByItself(_ change: Change, _ transitions: [AlertTransition] = []) {
        let topic = change.topic
        var transaction = Transaction(binds: topic.isStored(retaining: false))
        transaction.append(change)
        // Views of a topic that is published to take the publishes.
        for rule in topic.rule.view == nil ? [] : topic.views {
            let place = transaction.place
            let refusal = self.withValueText(of: change) { text in
                self.fold(text, of: topic, into: rule, &transaction, self.nobody)
            }
            guard let refusal else { continue }
            // Nobody asked, so there is nobody to refuse it to, and the change itself is a fact.
            transaction.undo(to: place)
            let metadata: Logger.Metadata = [
                "topic": "\(topic)", "view": "\(rule.filter)", "reason": "\(refusal.reason)",
            ]
            self.logger.warning("a view does not take a value", metadata: metadata)
        }
        self.publish(transitions, depth: 1, into: &transaction)
        self.raiseAlerts(&transaction)
        self.carryOut(transaction, self.nobody)
    }

    /// Runs `body` with the value that views take, unless there is none.
    private func withValueText(of change: Change, _ body: (UnsafeRawBufferPointer) -> Refusal?) -> Refusal? {
        var text: [UInt8] = []
        if case .closed(let window)? = change.message {
            guard window.value != .none else { return nil }
            window.value.writeJSON(to: &text)
        } else {
            guard let value = change.topic.accumulator?.value, value != .none else { return nil }
            value.writeJSON(to: &text)
        }
        return text.withUnsafeBytes(body)
    }
}
