import BrokerCore
import BrokerWire
import Logging
import NIOCore

/// Drives the hub of one event loop: gathers what its connections say in a tick, and writes each of them once at the
/// end of it.
///
/// It is confined to its event loop.
final class LoopDriver {
    /// Where requests go.
    enum Core {
        /// The core lives on this loop and is called directly.
        case here(CoreDriver)
        /// It lives on another one and is sent a batch a tick.
        case elsewhere(CoreHandle)
    }

    let hub: Hub
    let eventLoop: any EventLoop
    let configuration: TransportConfiguration
    let logger: Logger
    /// Room for the largest message, shared by all connections of the loop.
    let scratch: MessageScratch
    private let core: Core
    /// The core if it lives here: asked for with every request.
    private let ownCore: CoreDriver?
    private let wallClock: @Sendable () -> UInt64
    /// How late the loop was with its last second, in nanoseconds.
    private(set) var lag: UInt64 = 0
    private var isTickScheduled = false
    private var isWorkScheduled = false
    private var tickTime = BrokerTime(monotonic: 0, wall: 0)
    /// When the hub is woken next for what waits for its time.
    private var wake: (due: UInt64, task: Scheduled<Void>)?
    /// Set when the broker stops: connections that come now are sent away at once.
    private(set) var isDraining = false
    /// Set when the loops are about to end: nothing is scheduled any more.
    private var isStopped = false
    /// Told when the last client has gone.
    private var emptyPromises: [EventLoopPromise<Void>] = []

    // Only where the core is elsewhere:
    private var commands = CommandBatch()
    private var isCoreBusy = false

    init(
        index: Int,
        eventLoop: any EventLoop,
        core: Core,
        configuration: TransportConfiguration,
        logger: Logger,
        wallClock: @escaping @Sendable () -> UInt64
    ) {
        self.hub = Hub(index: UInt16(index), limits: configuration.limits)
        self.eventLoop = eventLoop
        self.core = core
        self.ownCore = if case .here(let core) = core { core } else { nil }
        self.configuration = configuration
        self.logger = logger
        self.scratch = MessageScratch(bytes: configuration.limits.wire.messageBytesMax)
        self.wallClock = wallClock
    }

    // MARK: The tick

    /// What time it is, read once a tick.
    func now() -> BrokerTime {
        if !self.isTickScheduled { self.scheduleTick() }
        return self.tickTime
    }

    /// Makes sure that this tick ends with everything said and written.
    func scheduleTick() {
        guard !self.isTickScheduled, !self.isStopped else { return }
        self.isTickScheduled = true
        self.tickTime = BrokerTime(
            monotonic: self.eventLoop.now.uptimeNanoseconds,
            wall: self.wallClock()
        )
        // Tasks run after all sockets that were ready have been read, so this is the end of the tick.
        self.eventLoop.assumeIsolated().execute {
            self.isTickScheduled = false
            self.finishTick()
        }
    }

    func finishTick() {
        switch self.core {
        case .here(let core): core.passOn()
        case .elsewhere(let core): self.sendCommands(to: core)
        }
        self.writeAll()
    }

    private func writeAll() {
        let now = self.eventLoop.now.uptimeNanoseconds
        switch self.core {
        case .here(let core):
            self.hub.flush(at: now) { core.recycle($0) }
            for session in self.hub.takeDrained() { core.sessionDrained(session) }
            if core.hasWork { self.scheduleWork() }
        case .elsewhere:
            self.hub.flush(at: now)
            for session in self.hub.takeDrained() {
                self.commands.addDrained(session)
                self.scheduleTick()
            }
        }
        self.scheduleWake(now)
    }

    /// Goes on with what is done in steps, after the sockets had their turn: a task of the loop that makes the next one
    /// would keep the loop from them until all is done.
    private func scheduleWork() {
        guard !self.isWorkScheduled, !self.isStopped else { return }
        self.isWorkScheduled = true
        self.eventLoop.assumeIsolated().scheduleTask(in: Self.workPause) {
            self.isWorkScheduled = false
            self.scheduleTick()
        }
    }

    /// Long enough for the loop to look at its sockets, and short beside a step.
    private static let workPause = TimeAmount.microseconds(200)

    /// Takes what the core says to this loop's sessions; written at the end of the tick.
    func take(_ batch: HubBatch) {
        self.hub.apply(batch, at: self.eventLoop.now.uptimeNanoseconds)
    }

    private func scheduleWake(_ now: UInt64) {
        guard let due = self.hub.nextWake, self.wake.map({ due < $0.due }) ?? true else { return }
        self.wake?.task.cancel()
        let delay = TimeAmount.nanoseconds(Int64(due > now ? due - now : 0))
        let task = self.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.wake = nil
            self.hub.wake(at: self.eventLoop.now.uptimeNanoseconds)
            self.writeAll()
        }
        self.wake = (due, task)
    }

    // MARK: From connections

    func submit(_ request: Request, _ message: UnsafeRawBufferPointer, from session: HubSession) {
        if request.isAnswered { session.asked(bytes: message.count) }
        if request.operation == .publish || request.operation == .plain { session.notePublish() }
        let now = self.now()
        if let core = self.ownCore {
            core.receive(request, message, session.id, at: now)
        } else {
            self.commands.add(request, message, session.id)
        }
    }

    func refuse(_ error: RequestError, _ message: UnsafeRawBufferPointer, from session: HubSession, isLast: Bool) {
        session.asked(bytes: message.count)
        let now = self.now()
        switch self.core {
        case .here(let core): core.refuse(error, message, session.id, isLast: isLast, at: now)
        case .elsewhere: self.commands.add(error, message, session.id, isLast: isLast)
        }
    }

    /// Says whom a session speaks for: before it says anything itself, or with a later `hello`.
    func identified(_ session: HubSession, as identity: Identity, isRenewal: Bool) {
        switch self.core {
        case .here(let core): core.identified(session.id, as: identity, isRenewal: isRenewal)
        case .elsewhere: self.commands.add(identity, session.id, isRenewal: isRenewal)
        }
        self.scheduleTick()
    }

    /// Tells a session why it ends, and ends it.
    func end(_ session: HubSession, _ failure: AuthenticationFailure) {
        let now = self.now()
        switch self.core {
        case .here(let core): core.end(session.id, failure.refusal, at: now)
        case .elsewhere: self.commands.add(failure, session.id)
        }
        self.scheduleTick()
    }

    func closed(_ session: HubSession) {
        self.hub.close(session)
        self.tellIfEmpty()
        switch self.core {
        case .here(let core): core.sessionClosed(session.id)
        case .elsewhere:
            self.commands.addClosed(session.id)
            self.scheduleTick()
        }
    }

    /// Opens a session in this process, unless the broker stops; only on the loop of the core.
    ///
    /// - `waitsForAnswer`: Whether it is given a while for its answer when the broker stops.
    func openLocal(
        _ identity: Identity,
        _ peer: PeerDescription?,
        waitsForAnswer: Bool,
        receiver: @escaping (LocalSession.Event) -> Void
    ) -> LocalSession? {
        guard let core = self.ownCore, !self.isDraining, !self.isStopped else { return nil }
        return LocalSession(
            loop: self,
            core: core,
            identity: identity,
            peer: peer,
            waitsForAnswer: waitsForAnswer,
            receiver: receiver
        )
    }

    // MARK: A core elsewhere

    /// Whether connections have to wait until the core has caught up.
    var isFull: Bool { self.commands.isFull }

    private func sendCommands(to core: CoreHandle) {
        guard !self.isCoreBusy, !self.commands.isEmpty, !self.isStopped else { return }
        self.isCoreBusy = true
        let batch = self.commands
        self.commands = CommandBatch()
        core.receive(batch, from: LoopHandle(self))
    }

    /// Succeeds once no client is connected.
    func whenEmpty(_ promise: EventLoopPromise<Void>) {
        self.emptyPromises.append(promise)
        self.tellIfEmpty()
    }

    private func tellIfEmpty() {
        guard self.hub.sessionCount == 0 else { return }
        for promise in self.emptyPromises { promise.succeed() }
        self.emptyPromises = []
    }

    /// Hands over everything that is still here, for the last time.
    func stop() {
        self.isStopped = true
        guard case .elsewhere(let core) = self.core, !self.commands.isEmpty else { return }
        core.receive(self.commands)
        self.commands = CommandBatch()
    }

    /// The core has taken the last batch.
    func commandsTaken() {
        let wasFull = self.commands.isFull
        self.isCoreBusy = false
        if case .elsewhere(let core) = self.core { self.sendCommands(to: core) }
        if wasFull { self.hub.forEachSession { $0.connection?.answered() } }
    }

    // MARK: Time

    /// Calls every connection once a second, instead of a timer for each.
    func startSweeping() {
        let due = self.eventLoop.now + .seconds(1)
        self.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            guard !self.isStopped else { return }
            let now = self.eventLoop.now.uptimeNanoseconds
            self.lag = now - min(due.uptimeNanoseconds, now)
            self.hub.forEachSession { $0.connection?.secondPassed(now) }
            if case .here(let core) = self.core { core.sweep() }
            self.scheduleTick()
            self.startSweeping()
        }
    }

    /// Tells everybody that other rules say now who has to show who it is.
    func accessChanged() { self.hub.forEachSession { $0.connection?.accessChanged() } }

    /// Says goodbye to everybody.
    func drain() {
        self.isDraining = true
        self.hub.forEachSession { $0.connection?.drain() }
        self.scheduleTick()
    }
}

@available(*, unavailable)
extension LoopDriver: Sendable {}

/// Memory that a message is unmasked into.
final class MessageScratch {
    let bytes: UnsafeMutableRawBufferPointer

    init(bytes: Int) {
        // Some room behind it, so that whole blocks can be written at the end.
        self.bytes = .allocate(byteCount: bytes + 16, alignment: 16)
    }

    deinit { self.bytes.deallocate() }
}
