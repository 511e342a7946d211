package import BrokerCore
import BrokerWire
package import NIOCore

/// Drives the core on its event loop: takes what sessions say, passes on what the core says to the hubs and the store.
///
/// It is confined to the core's event loop, which is one of those that serve connections: on one core nothing ever
/// crosses from one thread to another but commits.
package final class CoreDriver {
    private let broker: Broker
    private let store: any BatchCommitter
    private let eventLoop: any EventLoop
    private let wallClock: @Sendable () -> UInt64
    private var loops: [LoopHandle] = []
    /// Told once when the store has stopped for good.
    private let storageFailed: @Sendable (String) -> Void
    private var hasReportedFailure = false
    private var idlePromises: [EventLoopPromise<Void>] = []
    /// When the core is woken next for what happens by itself.
    private var wake: (due: UInt64, task: Scheduled<Void>)?

    package init(
        broker: Broker,
        store: any BatchCommitter,
        eventLoop: any EventLoop,
        wallClock: @escaping @Sendable () -> UInt64,
        storageFailed: @escaping @Sendable (String) -> Void
    ) {
        self.broker = broker
        self.store = store
        self.eventLoop = eventLoop
        self.wallClock = wallClock
        self.storageFailed = storageFailed
    }

    /// Gets to know the loops, the core's own one first.
    func attach(_ loops: [LoopHandle]) { self.loops = loops }

    func now() -> BrokerTime {
        BrokerTime(monotonic: self.eventLoop.now.uptimeNanoseconds, wall: self.wallClock())
    }

    // MARK: From sessions

    func receive(_ request: Request, _ message: UnsafeRawBufferPointer, _ session: SessionID, at now: BrokerTime) {
        self.broker.receive(request, in: message, from: session, at: now)
    }

    func refuse(
        _ error: RequestError,
        _ message: UnsafeRawBufferPointer,
        _ session: SessionID,
        isLast: Bool,
        at now: BrokerTime
    ) {
        self.broker.refuse(error, in: message, from: session, isLast: isLast, at: now)
    }

    func identified(_ session: SessionID, as identity: Identity, isRenewal: Bool) {
        isRenewal ? self.broker.renewed(session, as: identity) : self.broker.opened(session, as: identity)
    }

    func end(_ session: SessionID, _ refusal: Refusal, at now: BrokerTime) {
        self.broker.end(session, refusal, at: now)
    }

    func receive(_ command: TopicCommand, id: [UInt8], _ session: SessionID, at now: BrokerTime) {
        self.broker.receive(command, id: id, from: session, at: now)
    }

    /// What only the core knows of connections.
    func describe(_ connections: [ConnectionDescription]) -> [ConnectionDescription] {
        self.broker.describe(connections)
    }

    func sessionDrained(_ session: SessionID) { self.broker.sessionDrained(session) }

    func sessionClosed(_ session: SessionID) { self.broker.sessionClosed(session) }

    /// Takes everything that another loop's sessions said in a tick.
    func receive(_ batch: CommandBatch) {
        let now = self.now()
        batch.bytes.withUnsafeBytes { bytes in
            for command in batch.commands {
                switch command {
                case .request(let request, let start, let session):
                    let message = UnsafeRawBufferPointer(
                        rebasing: bytes[start..<start + Int(request.messageBytes)]
                    )
                    self.broker.receive(request, in: message, from: session, at: now)
                case .refusal(let error, let start, let count, let session, let isLast):
                    let message = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                    self.broker.refuse(error, in: message, from: session, isLast: isLast, at: now)
                case .identified(let session, let identity, let isRenewal):
                    self.identified(session, as: identity, isRenewal: isRenewal)
                case .end(let session, let failure):
                    self.broker.end(session, failure.refusal, at: now)
                case .drained(let session):
                    self.broker.sessionDrained(session)
                case .closed(let session):
                    self.broker.sessionClosed(session)
                }
            }
        }
        self.passOn()
        // The core's own loop may have no tick to come, and its sessions are not to wait for one.
        self.loops[0].finishTick()
    }

    // MARK: To hubs and store

    /// Passes on everything that can be told or stored now.
    func passOn() {
        self.broker.takeEffects { hub, batch in self.loops[hub].take(batch) }
        if let batch = self.broker.takeStoreBatch() {
            let me = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.store.commit(batch) { [eventLoop] outcome in
                eventLoop.execute { me.value.committed(outcome) }
            }
        }
        self.scheduleWake()
        guard !self.broker.isStoring else { return }
        for promise in self.idlePromises { promise.succeed() }
        self.idlePromises = []
    }

    /// Sees to it that the core is called when something happens by itself.
    private func scheduleWake() {
        guard let due = self.broker.nextDeadline, self.wake.map({ due < $0.due }) ?? true else { return }
        self.wake?.task.cancel()
        let now = self.eventLoop.now.uptimeNanoseconds
        let wait = min(due - min(now, due), Self.waitMax)
        let me = NIOLoopBound(self, eventLoop: self.eventLoop)
        let task = self.eventLoop.scheduleTask(in: .nanoseconds(Int64(wait))) { me.value.wakeUp() }
        self.wake = (due, task)
    }

    /// Longer than this nobody waits; what is due later is asked for again.
    private static let waitMax = 24 * 3600 * BrokerTime.nanosecondsPerSecond

    private func wakeUp() {
        self.wake = nil
        self.broker.timePassed(at: self.now())
        self.passOn()
        self.loops[0].finishTick()
    }

    private func committed(_ outcome: CommitOutcome) {
        self.broker.finishCommit(outcome)
        self.passOn()
        self.loops[0].finishTick()
        if case .unknown(let reason) = outcome, !self.hasReportedFailure {
            self.hasReportedFailure = true
            self.storageFailed(reason)
        }
    }

    /// Gives back the memory of a batch that the core's own loop has written.
    func recycle(_ batch: HubBatch) { self.broker.recycle(batch, hub: 0) }

    var hasWork: Bool { self.broker.hasWork }

    func sweep() {
        self.broker.sweep(at: self.now())
        self.passOn()
    }

    var figures: CoreFigures { self.broker.figures }

    /// Publishes values of the broker's own topics.
    func publishSystem(_ values: [(topic: [UInt8], data: [UInt8])]) {
        self.broker.publishSystem(values, at: self.now())
        self.passOn()
        self.loops[0].finishTick()
    }

    /// Notes that there is too little room to store anything, or `nil` that there is enough again.
    func setStorageShortage(_ reason: String?) { self.broker.storageShortage = reason }

    /// Puts other access rules in force between two requests.
    func changeAccess(_ access: AccessRules, standing: @escaping (Identity) -> Standing) {
        self.broker.changeAccess(access, at: self.now(), standing: standing)
        self.passOn()
        self.loops[0].finishTick()
    }

    /// Puts other rules in force between two requests, or says why not.
    func changeRules(_ rules: TopicRules) -> Result<Void, RuleChangeRefusal> {
        defer {
            self.passOn()
            self.loops[0].finishTick()
        }
        do throws(RuleChangeRefusal) {
            return .success(try self.broker.changeRules(rules, at: self.now()))
        } catch {
            return .failure(error)
        }
    }

    /// Succeeds once everything that was accepted is stored.
    package func whenIdle(_ promise: EventLoopPromise<Void>) {
        self.idlePromises.append(promise)
        self.passOn()
    }
}

@available(*, unavailable)
extension CoreDriver: Sendable {}
