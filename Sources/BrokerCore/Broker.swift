package import BrokerWire
package import Logging
import NIOCore

/// The broker itself: a deterministic machine that takes requests and a time, and gives back what to store and what
/// to tell.
///
/// It owns every topic's value and every session's position in the order of answers. It reads no clock, opens no
/// socket and knows no SQL, and it does not know where its requests come from: whoever drives it hands over requests
/// in order (``receive(_:in:from:at:)``), then collects (``takeEffects(into:)``, ``takeStoreBatch()``), and reports
/// how each commit ended (``finishCommit(_:)``).
///
/// It is confined to one event loop and is not `Sendable`.
package final class Broker {
    var rules: TopicRules
    let limits: BrokerLimits
    var access: AccessRules
    /// What has become of credentials: what is judged elsewhere may come here after a reload.
    var standing: (Identity) -> Standing = { .counts($0) }
    /// Whom a session speaks for that has said nothing about it.
    var anonymous: Principal
    let serverName: String
    let plainTopic: [UInt8]
    let logger: Logger
    /// Of the lines about resets and deletions.
    private var lineBudget = LineBudget()
    let hubCount: Int

    // Topics
    var topics: [TopicState?] = []
    var freeTopics: [Int] = []
    var table = TopicTable()
    var nextTopicKey: UInt32 = 0
    var nextRowID: Int64 = 1
    /// The epoch of what is stored, in the first life of a topic.
    let storeEpoch: String
    /// How often stored topics were deleted: the life that a topic begins which is new to the store.
    var deletions: UInt64
    /// The epoch of what is not stored: this run of the broker, and in it the number of the topic's life.
    let runEpoch: String
    /// Topics whose keys go stale.
    var keyedTopics: [TopicState] = []
    /// How many topics are the broker's own.
    var systemTopics = 0
    /// Topics that have alerts or are measured.
    var watchedTopics: [TopicState] = []
    /// Topics that change by themselves, and when the next of them does.
    var timedTopics: [TopicState] = []
    var timers = TimerHeap<TopicState>()
    var windowClock: WindowClock
    /// How far the wall clock was ahead of the monotonic one when that was last looked at, in milliseconds.
    var clockOffset: Int64
    /// Who makes the broker's own changes.
    let nobody: CoreSession
    /// Where the search for idle topics goes on.
    var sweepCursor = 0

    /// Topics that never had anything and that nobody subscribes to any more, in the order in which that came to be.
    var unwantedTopics: CircularBuffer<TopicState> = []

    // Exactly once
    var producers = ProducerTable()
    var onces = OnceTable()
    /// Draws the epoch of a producer, 1...2^53-1: the core has no randomness of its own.
    let drawEpoch: () -> UInt64
    let startTime: UInt64

    // Sessions and who wants what
    var sessions: [[CoreSession?]]
    /// Sessions whose credentials end at some time.
    var expiring: [SessionID] = []
    /// The one that was heard last, or nobody.
    private var lastSession: CoreSession
    var filters = FilterTree()
    var interests: [FilterInterest] = []
    var scratchMatches: [Int] = []
    /// Sessions whose next page of retained messages can be made.
    var readySnapshots: [SessionID] = []
    /// What looks at all topics, a step at a time.
    var searches: [TopicSearch] = []

    // Batches
    var immediate: EffectBatch
    var gathering: EffectBatch
    var committing: EffectBatch?
    var committingRows: [TopicRow?] = []
    var committingProducers: [ProducerRow] = []
    /// The last batch that is safely stored.
    var committed: UInt64 = 0
    /// Effects that are ready to be told, in order.
    var ready: [EffectBatch] = []
    /// How many commits have failed.
    var failureCount = 0
    /// Set when the outcome of a commit is unknown: nothing is stored any more.
    package internal(set) var storageFailure: String?
    /// Set by whoever watches the disk while there is too little room: what would be stored is refused before the disk
    /// is full, and everything else goes on.
    package var storageShortage: String?

    var now: BrokerTime
    /// What has been counted; ``figures`` adds how things are now.
    var counts = CoreFigures()

    /// How many subscriptions of each hub a filter has.
    struct FilterInterest {
        var any: [Int]
        var all: [Int]
    }

    /// - `restored`: What the store knew.
    /// - `runEpoch`: Names this run; it must differ from every earlier one's.
    /// - `hubCount`: How many event loops there are; at most 64.
    /// - `now`: When it starts.
    /// - `drawEpoch`: Draws a number from 1 to 2^53-1 that nobody can guess.
    package init(
        rules: TopicRules,
        limits: BrokerLimits = BrokerLimits(),
        access: AccessRules = AccessRules(),
        plainTopic: Topic,
        restored: RestoredStore,
        runEpoch: String,
        serverName: String = "wsbroker",
        hubCount: Int = 1,
        startedAt now: BrokerTime,
        drawEpoch: @escaping () -> UInt64,
        logger: Logger
    ) throws(RestoreError) {
        precondition((1...64).contains(hubCount), "hubs are kept as the bits of a machine word")
        self.rules = rules
        self.limits = limits
        self.access = access
        self.anonymous = Principal(.anonymous, access.permissions(of: .anonymous))
        self.plainTopic = plainTopic.bytes
        self.storeEpoch = restored.epoch
        self.deletions = restored.deletions
        self.runEpoch = runEpoch
        self.serverName = serverName
        self.hubCount = hubCount
        self.logger = logger
        self.now = now
        self.startTime = now.monotonic
        self.drawEpoch = drawEpoch
        self.windowClock = WindowClock(at: now)
        self.clockOffset = Int64(clamping: now.wall) - Int64(clamping: now.monotonic / 1_000_000)
        self.sessions = Array(repeating: [], count: hubCount)
        self.nobody = CoreSession(.none, Principal(.administrator, Permissions(everywhere: .all)))
        self.lastSession = self.nobody
        self.immediate = EffectBatch(number: 0, hubCount: hubCount)
        self.gathering = EffectBatch(number: 1, hubCount: hubCount)
        try self.restore(restored.rows)
        self.onces.restore(restored.onces)
        for row in restored.producers {
            guard let producer = ProducerState(row) else {
                let name = String(decoding: row.name, as: UTF8.self)
                throw .unreadable(topic: "producer \(name)", reason: "its window is damaged")
            }
            self.producers.restore(producer)
        }
    }

    /// How many topics there are, besides the broker's own.
    package var topicCount: Int { self.table.count - self.systemTopics }

    // MARK: Requests

    /// Takes one request.
    ///
    /// - `message`: The bytes that the request's ranges speak of; not kept.
    /// - `id`: Who asks. A session is known from its first request on.
    package func receive(_ request: Request, in message: UnsafeRawBufferPointer, from id: SessionID, at now: BrokerTime)
    {
        if now != self.now {
            self.now = now
            self.checkClock()
        }
        // What is due comes before what is asked now.
        if let deadline = self.timers.next, deadline <= now.monotonic { self.timePassed(at: now) }
        let session = self.session(id)
        defer { session.hasSpoken = true }
        guard !session.isEnded else { return }
        switch request.operation {
        case .publish:
            self.counts.publishes += 1
            self.publish(request, in: message, from: session)
        case .plain:
            self.counts.publishes += 1
            self.publishPlain(request, in: message, from: session)
        case .subscribe: self.subscribe(request, in: message, from: session)
        case .unsubscribe: self.unsubscribe(request, in: message, from: session)
        case .get: self.get(request, in: message, from: session)
        case .reset: self.reset(request, in: message, from: session)
        case .ping: self.answer(request, in: message, to: session) { $0.writePong(id: $1) }
        case .hello: self.hello(request, in: message, from: session)
        }
    }

    /// Refuses a message that is no request, in its place among the session's other answers.
    ///
    /// - `isLast`: Whether the connection is closed with it.
    package func refuse(
        _ error: RequestError,
        in message: UnsafeRawBufferPointer,
        from id: SessionID,
        isLast: Bool,
        at now: BrokerTime
    ) {
        self.now = now
        let session = self.session(id)
        session.hasSpoken = true
        guard !session.isEnded else { return }
        var refusal = Refusal(error.code, error.reason)
        if let after = error.afterMilliseconds { refusal.afterMilliseconds = after }
        if error.code == .badValue { refusal.why = NumberError.notANumber.why }
        if let seq = error.seq {
            return self.refuseNumbered(refusal, seq, requestBytes: UInt32(max(1, message.count)), session)
        }
        self.refuse(
            refusal,
            id: error.id.bytes(in: message),
            topic: error.topic.isEmpty ? nil : error.topic.bytes(in: message),
            requestBytes: UInt32(max(1, message.count)),
            session
        )
        if isLast { self.close(session, .tooManyErrors) }
    }

    /// Forgets a session whose connection is gone.
    package func sessionClosed(_ id: SessionID) {
        guard let session = self.existingSession(id) else { return }
        if self.lastSession === session { self.lastSession = self.nobody }
        if let producer = session.producer, producer.session == id { producer.session = nil }
        for (filter, wantsAll) in session.filters {
            self.dropInterest(filter, wantsAll: wantsAll, hub: id.hub)
            self.noteUnwanted(filter)
        }
        self.sessions[Int(id.hub)][Int(id.slot)] = nil
    }

    // MARK: Sessions

    func session(_ id: SessionID) -> CoreSession {
        // A connection is read until nothing is left, so the next message is most often from the same session.
        if self.lastSession.id == id { return self.lastSession }
        let session = self.existingSession(id) ?? self.makeSession(id)
        self.lastSession = session
        return session
    }

    private func makeSession(_ id: SessionID) -> CoreSession {
        let hub = Int(id.hub)
        while self.sessions[hub].count <= Int(id.slot) { self.sessions[hub].append(nil) }
        let session = CoreSession(id, self.anonymous)
        self.sessions[hub][Int(id.slot)] = session
        return session
    }

    func existingSession(_ id: SessionID) -> CoreSession? {
        let hub = Int(id.hub)
        guard Int(id.slot) < self.sessions[hub].count, let session = self.sessions[hub][Int(id.slot)],
            session.id == id
        else { return nil }
        return session
    }

    func close(_ session: CoreSession, _ code: ErrorCode) {
        let batch = self.batch(session.pendingBatch)
        batch.hubs[Int(session.id.hub)].putInOrder()
        batch.hubs[Int(session.id.hub)].append(.close(session.id, CloseCode(code)))
    }

    private func hello(_ request: Request, in message: UnsafeRawBufferPointer, from session: CoreSession) {
        let id = request.id.bytes(in: message)
        if let version = request.version, version != 1 {
            let refusal = Refusal(.unsupportedVersion, "'v' \(version) is not supported; supported: 1")
            self.refuse(refusal, id: id, requestBytes: request.messageBytes, session)
            return self.close(session, .unsupportedVersion)
        }
        // The token was judged before the request came here, and counts from now on.
        let isRenewal = !request.token.isEmpty && !request.hasProducer
        guard !session.hasSpoken || isRenewal else {
            let refusal = Refusal(.badEnvelope, "'hello' comes first; a later one may only carry a fresh 'token'")
            return self.refuse(refusal, id: id, requestBytes: request.messageBytes, session)
        }
        var welcome: ProducerWelcome?
        var needs: UInt64 = 0
        if request.hasProducer {
            guard ProducerName.isValid(request.producerName.bytes(in: message)) else {
                let rule = "'producer.name' has 1 to 64 of the characters A-Z a-z 0-9 _ . : -"
                return self.refuse(Refusal(.badEnvelope, rule), id: id, requestBytes: request.messageBytes, session)
            }
            switch self.claim(request, in: message, session) {
            case .success(let claimed):
                welcome = claimed
                // What is not kept waits for nothing.
                needs = session.producer?.isKept == true ? self.gathering.number : 0
            case .failure(let refusal):
                self.refuse(refusal, id: id, requestBytes: request.messageBytes, session)
                session.isEnded = true
                return self.close(session, refusal.code)
            }
        }
        let name = session.id.description
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: request.messageBytes,
            needs: needs,
            needsCommit: needs > self.committed,
            flags: .closesIfRefused
        ) { buffer in
            buffer.writeWelcome(
                server: self.serverName,
                session: name,
                messageBytesMax: self.limits.wire.messageBytesMax,
                principal: session.principal.identity == .anonymous ? nil : session.principal.name,
                producer: welcome
            )
        }
    }
}

@available(*, unavailable)
extension Broker: Sendable {}

extension Broker {
    /// Writes down what a client has done that somebody will ask about, unless there are too many such lines.
    func note(_ message: Logger.Message, _ metadata: Logger.Metadata) {
        guard let leftOut = self.lineBudget.take(at: self.now.monotonic) else { return }
        var metadata = metadata
        if leftOut > 0 { metadata["leftOut"] = "\(leftOut)" }
        self.logger.notice(message, metadata: metadata)
    }
}
