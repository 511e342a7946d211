package import BrokerCore
import BrokerWire
import Logging

/// A broker with its hubs and a store that lives in memory, driven by a test: nothing happens by itself, and no time
/// passes unless the test says so.
///
/// It stands in for the transport and the store, and keeps to what they promise the core.
package final class CoreHarness {
    /// One client, with what it has sent and must wait with.
    package final class Client {
        package let connection = RecordingConnection()
        fileprivate let hub: Int
        package fileprivate(set) var session: HubSession?
        fileprivate var reader: MessageReader
        fileprivate var inbox: [[UInt8]] = []

        fileprivate init(hub: Int, reader: MessageReader) {
            self.hub = hub
            self.reader = reader
        }

        /// The frames that came since this was last asked.
        package func frames() -> [ServerFrame] { self.connection.takeFrames() }
    }

    package let broker: Broker
    package let hubs: [Hub]
    package private(set) var time: BrokerTime
    package private(set) var clients: [Client] = []
    private let limits: BrokerLimits
    private let storeEpoch: String
    /// The epoch of a producer that was drawn last, in this life of the broker or an earlier one.
    private let lastEpoch: LastEpoch

    private final class LastEpoch {
        var value: UInt64 = 1000
    }

    // The store
    /// What is safely stored, by row.
    package private(set) var rows: [Int64: TopicRow]
    package private(set) var producers: [Int64: ProducerRow] = [:]
    package private(set) var onces: [Int64: OnceRow] = [:]
    package private(set) var deletions: UInt64 = 0
    /// The batch whose commit the test has to complete.
    package private(set) var storing: StoreBatch?
    /// Every batch that was handed over.
    package private(set) var batches: [StoreBatch] = []

    /// - `earlier`: Whose store is gone on with, as after a crash.
    package init(
        _ rules: [TopicRule] = [],
        limits: BrokerLimits = BrokerLimits(),
        rights: Rights = [.publish, .subscribe],
        access: AccessRules? = nil,
        plainTopic: String = "total",
        rows: [TopicRow] = [],
        runEpoch: String = "r1",
        hubCount: Int = 1,
        time: BrokerTime = BrokerTime(monotonic: 1_000_000_000, wall: 1_795_460_000_000),
        after earlier: CoreHarness? = nil
    ) throws {
        self.time = time
        self.limits = limits
        self.storeEpoch = "k1"
        let lastEpoch = earlier?.lastEpoch ?? LastEpoch()
        self.lastEpoch = lastEpoch
        self.rows = earlier?.rows ?? Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0) })
        self.producers = earlier?.producers ?? [:]
        self.onces = earlier?.onces ?? [:]
        self.deletions = earlier?.deletions ?? 0
        var restored = RestoredStore(epoch: self.storeEpoch, rows: self.rows.values.sorted { $0.id < $1.id })
        restored.producers = self.producers.values.sorted { $0.id < $1.id }
        restored.deletions = self.deletions
        restored.onces = self.onces.values.sorted { $0.id < $1.id }
        self.broker = try Broker(
            rules: TopicRules(rules),
            limits: limits,
            access: access ?? AccessRules(anonymous: rights),
            plainTopic: Topic(plainTopic),
            restored: restored,
            runEpoch: runEpoch,
            hubCount: hubCount,
            startedAt: time,
            drawEpoch: {
                lastEpoch.value += 1
                return lastEpoch.value
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        self.hubs = (0..<hubCount).map { Hub(index: UInt16($0), limits: limits) }
    }

    /// What a broker finds that is started again on the same store.
    package var storedRows: [TopicRow] { self.rows.values.sorted { $0.id < $1.id } }

    // MARK: Clients

    /// - `identity`: Who connects, as credentials have shown; without it, it is anonymous.
    package func connect(hub: Int = 0, as identity: Identity? = nil) -> Client {
        let client = Client(hub: hub, reader: MessageReader(limits: self.limits))
        let session = self.hubs[hub].open(client.connection)
        client.session = session
        if let identity { self.broker.opened(session.id, as: identity) }
        self.clients.append(client)
        return client
    }

    /// Fresh credentials of a client that is connected, which the transport has judged.
    package func renew(_ client: Client, as identity: Identity) {
        if let session = client.session { self.broker.renewed(session.id, as: identity) }
    }

    package func disconnect(_ client: Client) {
        guard let session = client.session else { return }
        client.session = nil
        client.inbox = []
        self.hubs[client.hub].close(session)
        self.broker.sessionClosed(session.id)
        self.clients.removeAll { $0 === client }
    }

    /// Takes a message as the transport does: at once, or later if the client has to wait for its last answer.
    package func send(_ text: String, from client: Client) {
        client.inbox.append(Array(text.utf8))
        self.receive(from: client)
    }

    /// Sends, ends the tick and completes every commit; returns what the client got.
    @discardableResult
    package func ask(_ text: String, from client: Client) -> [ServerFrame] {
        self.send(text, from: client)
        self.settle()
        return client.frames()
    }

    /// Asks about many topics, as whoever administers the broker; returns the answer.
    @discardableResult
    package func administer(_ command: TopicCommand, from client: Client) -> [ServerFrame] {
        self.start(command, from: client)
        self.settle()
        return client.frames()
    }

    /// The same without waiting for the answer.
    package func start(_ command: TopicCommand, from client: Client, as identity: Identity = .administrator) {
        guard let session = client.session else { return }
        self.broker.opened(session.id, as: identity)
        self.broker.receive(command, id: Array("0".utf8), from: session.id, at: self.time)
    }

    private func receive(from client: Client) {
        while let session = client.session, !session.isHeld, client.connection.closed == nil,
            !client.inbox.isEmpty
        {
            var message = client.inbox.removeFirst()
            message.withUnsafeMutableBytes { self.receive($0, from: session, client) }
        }
    }

    private func receive(_ message: UnsafeMutableRawBufferPointer, from session: HubSession, _ client: Client) {
        do throws(MessageReader.Refusal) {
            let request = try client.reader.read(message, now: self.time.monotonic)
            let bytes = UnsafeRawBufferPointer(message)
            if request.isAnswered { session.asked(bytes: message.count) }
            if request.operation == .subscribe {
                let filter = TopicFilter(unchecked: request.topic.bytes(in: bytes))
                if filter.hasWildcards { session.isHeld = true }
            }
            self.broker.receive(request, in: bytes, from: session.id, at: self.time)
        } catch {
            session.asked(bytes: message.count)
            self.broker.refuse(
                error.error,
                in: UnsafeRawBufferPointer(message),
                from: session.id,
                isLast: error.isLast,
                at: self.time
            )
        }
    }

    /// The socket takes nothing, or takes everything again.
    package func setWritable(_ isWritable: Bool, _ client: Client) {
        client.connection.isWritable = isWritable
        guard isWritable, let session = client.session else { return }
        self.hubs[client.hub].connectionBecameWritable(session, at: self.time.monotonic)
    }

    // MARK: Ticks

    /// Ends the tick: everything that can be told or stored is passed on, and every connection is written once.
    package func tick() {
        var goesOn = true
        while goesOn {
            goesOn = false
            self.passOn()
            for (index, hub) in self.hubs.enumerated() {
                hub.flush(at: self.time.monotonic) { batch in
                    if index == 0 { self.broker.recycle(batch, hub: 0) }
                }
                for session in hub.takeDrained() { self.broker.sessionDrained(session) }
            }
            for client in self.clients where client.session != nil {
                if client.connection.closed != nil { self.disconnect(client) }
                goesOn = goesOn || (client.session?.isHeld == false && !client.inbox.isEmpty)
                self.receive(from: client)
            }
            goesOn = goesOn || self.broker.hasWork
        }
    }

    private func passOn() {
        self.broker.takeEffects { hub, batch in self.hubs[hub].apply(batch, at: self.time.monotonic) }
        guard let batch = self.broker.takeStoreBatch() else { return }
        self.storing = batch
        self.batches.append(batch)
    }

    /// Completes the commit that is under way, as a disk would, and ends the tick.
    ///
    /// - `lands`: Whether what was written is on the disk; of a commit whose outcome is unknown, either may be.
    package func finishCommit(_ outcome: CommitOutcome = .committed, lands: Bool? = nil) {
        guard let batch = self.storing else { return }
        self.storing = nil
        if lands ?? (outcome == .committed) { self.store(batch) }
        self.broker.finishCommit(outcome)
        self.tick()
    }

    /// Completes the commit that is under way, and the broker dies before it learns of that: nobody is told.
    package func finishCommitUnnoticed() {
        guard let batch = self.storing else { return }
        self.storing = nil
        self.store(batch)
    }

    private func store(_ batch: StoreBatch) {
        for id in batch.forgottenTopics { self.rows[id] = nil }
        self.deletions = batch.deletions ?? self.deletions
        for row in batch.rows { self.rows[row.id] = row }
        for id in batch.forgottenProducers { self.producers[id] = nil }
        for id in batch.forgottenOnces { self.onces[id] = nil }
        for row in batch.producers { self.producers[row.id] = row }
        for row in batch.onces { self.onces[row.id] = row }
    }

    /// Ends ticks and completes commits until nothing is left to do.
    package func settle() {
        self.tick()
        while self.storing != nil { self.finishCommit() }
    }

    // MARK: Time

    /// Lets time pass, and whatever was waiting for it happen.
    package func advance(milliseconds: UInt64) {
        self.time.monotonic += milliseconds * 1_000_000
        self.time.wall += milliseconds
        if let deadline = self.broker.nextDeadline, deadline <= self.time.monotonic {
            self.broker.timePassed(at: self.time)
        }
        for hub in self.hubs { hub.wake(at: self.time.monotonic) }
        self.tick()
    }

    /// Puts other rules in force, between two requests.
    package func change(_ rules: [TopicRule]) throws {
        try self.broker.changeRules(TopicRules(rules), at: self.time)
        self.tick()
    }

    /// Puts other access rules in force, between two requests.
    ///
    /// - `standing`: What has become of the credentials that somebody has shown.
    package func change(_ access: AccessRules, standing: @escaping (Identity) -> Standing = { .counts($0) }) {
        self.broker.changeAccess(access, at: self.time, standing: standing)
        self.tick()
    }

    /// Somebody sets the wall clock.
    package func setWall(to wall: UInt64) { self.time.wall = wall }

    package func sweep() {
        self.broker.sweep(at: self.time)
        self.tick()
    }
}
