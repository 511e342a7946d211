import BrokerWire
import Logging
import NIOCore
import NIOPosix

/// Everything of a ``BrokerClient`` that lives on its event loop: the connection and what hangs on it.
///
/// It is deliberately not `Sendable` and has no lock; whoever holds it is on the loop. What to do about a loss is
/// decided by ``ConnectionStateMachine``, who gets a message by ``SubscriptionTable``; here it is done.
final class ClientDriver {
    /// A request whose answer changes nothing, so that it may wait for a connection.
    struct Question {
        enum Kind {
            case get(Topic)
            case ping
        }

        let kind: Kind
        let call: AnswerContinuation
    }

    /// What an answer is awaited for, other than a publish.
    enum Control {
        case subscribe(TopicFilter)
        case unsubscribe(AnswerContinuation?)
        case question(Question)
    }

    /// One subscription's way to its reader.
    struct Subscriber {
        let sink: any MessageSink
        let filters: [TopicFilter]
        /// Messages of the current read, handed over together when it ends.
        var staged: [Message] = []
        var isFull = false
        /// Who waits for the broker to take the subscription.
        var call: (id: UInt64, continuation: AnswerContinuation)?
    }

    /// The value of a `get`, or nothing but the answer itself.
    typealias AnswerContinuation = CheckedContinuation<Message?, any Error>

    let eventLoop: any EventLoop
    let configuration: ClientConfiguration
    let outbox: PublishOutbox
    let logger: Logger

    var machine: ConnectionStateMachine
    var connection: ClientChannelHandler?
    /// Tells the attempt under way from those given up; their channels may still turn up.
    var attempt = 0
    var encoder = RequestEncoder()
    /// What names, keys and waits are drawn from.
    var random: any RandomNumberGenerator
    private let connector: Connector
    /// Why there will be no connection any more.
    var end: ClientError?

    /// The publishes without a producer that were sent.
    var pending = PendingPublishes<PendingPublish>()
    /// Absent where publishes are not numbered.
    var producer: ProducerStateMachine?
    /// The largest message that the broker takes.
    var messageBytesMax = Int.max
    /// What was answered in the current read.
    var answered = PublishOutbox.Load()
    /// Requests that were sent, by their id.
    var controls: [UInt64: Control] = [:]
    /// Questions that wait for a connection, in order.
    var waiting: [(id: UInt64, question: Question)] = []
    /// The ids that are drawn here are odd; those of calls, which ``BrokerClient`` draws, are even.
    var nextControlID: UInt64 = 1

    var table = SubscriptionTable()
    var subscribers: [UInt64: Subscriber] = [:]
    /// Those with staged messages.
    var touched: [UInt64] = []
    /// How many subscribers have no room.
    var fullCount = 0
    /// The topic of the last message, because the next one is often of the same.
    var lastTopic: Topic?
    /// What the broker said before it closed, which says more than the number in the Close frame.
    var lastRefusal: BrokerRefusal?

    /// Which token the connection goes by.
    var renewal = CredentialRenewal()
    /// The question for fresh credentials that is under way.
    var credentialsRequest: CredentialsRequest?
    var lastCredentialsRequest: UInt64 = 0

    var startCalls: [UInt64: AnswerContinuation] = [:]
    var shutdownCalls: [AnswerContinuation] = []

    /// Asks for a TCP connection, for at most so long; the answer comes on the loop.
    typealias Connector = (any EventLoop, BrokerAddress, TimeAmount) -> EventLoopFuture<any Channel>

    /// - `connector`: Where connections come from.
    /// - `random`: Where randomness comes from.
    init(
        configuration: ClientConfiguration,
        eventLoop: any EventLoop,
        outbox: PublishOutbox,
        connector: @escaping Connector = { ClientDriver.connectSocket($0, $1, $2) },
        random: any RandomNumberGenerator = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.outbox = outbox
        self.connector = connector
        self.random = random
        self.logger = configuration.logger
        self.machine = ConnectionStateMachine(
            backoff: configuration.backoff,
            retriesFirst: configuration.retriesFirstConnection,
            hasFreshCredentials: configuration.freshCredentials != nil
        )
        self.producer = ProducerStateMachine(configuration.producer, using: &self.random)
    }

    var now: Duration { .nanoseconds(Int64(clamping: self.eventLoop.now.uptimeNanoseconds)) }

    // MARK: Life cycle

    /// Connects, and answers `call` when the broker said welcome or the client has given up.
    func start(id: UInt64, _ call: AnswerContinuation) {
        if let end = self.end { return call.resume(throwing: end) }
        if let problem = self.producerNameProblem ?? self.connectionProblem {
            _ = self.machine.shutDown()
            self.finish(problem)
            return call.resume(throwing: problem)
        }
        if self.machine.canSend { return call.resume(returning: nil) }
        self.startCalls[id] = call
        if self.machine.started() { self.connect() }
    }

    /// Why the client can not connect however often it tries.
    private var connectionProblem: ClientError? {
        do throws(ClientError) {
            try self.configuration.checkRequest()
            let address = self.configuration.address
            if address.isSecure {
                _ = try self.configuration.sharedTLS.handler(for: self.configuration.tls, to: address)
            } else if !address.isLoopback, self.configuration.hasIdentity {
                self.logger.warning("credentials go over the network without TLS", metadata: ["address": "\(address)"])
            }
            return nil
        } catch {
            return error
        }
    }

    /// Closes the connection for good, and answers `call` when it is gone.
    func shutDown(_ call: AnswerContinuation?) {
        if let call {
            if self.end != nil { return call.resume(returning: nil) }
            self.shutdownCalls.append(call)
        }
        switch self.machine.shutDown() {
        case .close:
            if let connection = self.connection {
                connection.close()
            } else {
                // TCP is being asked for a connection, or the program for credentials; nobody waits for the answer.
                self.attempt += 1
                self.ended(Self.closed)
            }
        case .finish: self.finish(Self.closed)
        case .nothing: break
        }
    }

    static let closed = ClientError(.closed, "the client was shut down")

    func connect() {
        guard self.configuration.freshCredentials != nil else {
            return self.connect(as: self.configuration.credentials)
        }
        self.askForCredentials { result in
            switch result {
            case .success(let credentials): self.connect(as: credentials)
            case .failure(let error): self.ended(error)
            }
        }
    }

    private func connect(as credentials: ClientCredentials) {
        let fields: [HeaderField]
        do throws(ClientError) {
            fields = try self.configuration.requestFields(as: credentials)
        } catch {
            return self.ended(error)
        }
        self.renewal = CredentialRenewal(token: self.configuration.identity(credentials).token)
        self.attempt += 1
        let attempt = self.attempt
        let timeout = TimeAmount(self.configuration.connectTimeout)
        let timeouts = ClientChannelHandler.Timeouts(
            connectDeadline: self.eventLoop.now + timeout,
            idle: TimeAmount(self.configuration.idleTimeout),
            keepAlive: self.configuration.keepAlive.map { TimeAmount($0) },
            close: TimeAmount(self.configuration.closeTimeout)
        )
        let address = self.configuration.address
        self.logger.debug("connecting", metadata: ["address": "\(address)", "tls": "\(address.isSecure)"])
        self.connector(self.eventLoop, address, timeout)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    self.connected(channel, attempt: attempt, fields: fields, timeouts: timeouts)
                case .failure(let error):
                    guard attempt == self.attempt else { return }
                    self.ended(ClientError(.cannotConnect, ConnectFailure.describe(error, to: address)))
                }
            }
    }

    static func connectSocket(
        _ eventLoop: any EventLoop,
        _ address: BrokerAddress,
        _ timeout: TimeAmount
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: eventLoop).connectTimeout(timeout).connect(host: address.host, port: address.port)
    }

    private func connected(
        _ channel: any Channel,
        attempt: Int,
        fields: [HeaderField],
        timeouts: ClientChannelHandler.Timeouts
    ) {
        guard attempt == self.attempt else { return channel.close(promise: nil) }
        let address = self.configuration.address
        do {
            let handler = ClientChannelHandler(
                configuration: self.configuration,
                fields: fields,
                key: HandshakeKey(using: &self.random),
                timeouts: timeouts,
                delegate: self
            )
            if address.isSecure {
                let tls = try self.configuration.sharedTLS.handler(for: self.configuration.tls, to: address)
                try channel.pipeline.syncOperations.addHandler(tls)
            }
            self.connection = handler
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            self.connection = nil
            channel.close(promise: nil)
            let atOnce = ClientError(.cannotConnect, "the connection was closed at once")
            self.ended(error as? ClientError ?? atOnce)
        }
    }

    /// The broker said welcome: everything that waited goes out.
    func opened() {
        guard self.machine.connected(at: self.now) else { return }
        self.connection?.welcomed()
        let tls = self.connection?.tlsVersion.map { "\($0)" } ?? "none"
        self.logger.info("connected", metadata: ["address": "\(self.configuration.address)", "tls": "\(tls)"])
        self.configuration.onEvent?(.connected)
        for call in self.startCalls.values { call.resume(returning: nil) }
        self.startCalls = [:]
        self.sendSubscriptions()
        self.sendAgain(from: 0)
        self.drain()
        self.sendWaitingQuestions()
        self.updateReading()
    }

    /// The connection is gone, or there never was one.
    func ended(_ error: ClientError) {
        self.connection = nil
        self.stopAskingForCredentials()
        self.failRequests(error)
        switch self.machine.connectionEnded(error, at: self.now, using: &self.random) {
        case .nothing:
            break
        case .finish:
            self.finish(self.shutdownCalls.isEmpty ? error : Self.closed)
        case .connect(let wait):
            self.logger.info("disconnected", metadata: ["reason": "\(error)", "retry.after": "\(wait)"])
            self.configuration.onEvent?(.disconnected(error, retryAfter: wait))
            self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(wait)) {
                if self.machine.waited() { self.connect() }
            }
        }
    }

    /// Tells everybody who waits for something that was sent.
    private func failRequests(_ error: ClientError) {
        self.handOver()
        self.table.connectionLost()
        self.producer?.connectionLost(using: &self.random)
        for publish in self.pending.takeAll() { self.publishEnded(publish, .unknown) }
        self.releaseAnswered()
        let controls = self.controls.sorted { $0.key < $1.key }
        self.controls = [:]
        for (_, control) in controls {
            switch control {
            case .subscribe: break
            // The broker forgot the subscription with the connection.
            case .unsubscribe(let call): call?.resume(returning: nil)
            case .question(let question):
                let failure = ClientError(.connectionLost, "no answer: \(error.message)", brokerCode: error.brokerCode)
                question.call.resume(throwing: failure)
            }
        }
    }

    /// There will be no connection any more.
    private func finish(_ error: ClientError) {
        self.end = error
        let isWanted = error.code == .closed
        self.logger.log(level: isWanted ? .debug : .error, "finished", metadata: ["reason": "\(error)"])
        self.producer?.end { self.publishEnded($0, $1) }
        for publish in self.outbox.end(error) { self.publishEnded(publish, .notSent(error)) }
        self.releaseAnswered()
        for (_, question) in self.waiting { question.call.resume(throwing: error) }
        self.waiting = []
        for subscriber in self.subscribers.values {
            subscriber.call?.continuation.resume(throwing: error)
            subscriber.sink.finish(isWanted ? nil : error)
        }
        self.subscribers = [:]
        for call in self.startCalls.values { call.resume(throwing: error) }
        for call in self.shutdownCalls { call.resume(returning: nil) }
        self.startCalls = [:]
        self.shutdownCalls = []
    }

    // MARK: Publishes

    /// Writes all publishes that were asked for, with one system call.
    func drain() {
        // What can not be sent now stays where it is, and goes out later or on the next connection.
        guard self.machine.canSend, self.producer?.isHeld != true, let connection = self.connection,
            let batch = self.outbox.fetch()
        else { return }
        if self.producer == nil {
            for publish in batch.pending { self.pending.append(publish, id: publish.number) }
        } else {
            self.producer?.sent(batch.pending, in: batch.frames)
        }
        // Their answers have to be read, even where a full subscription has stopped the reading.
        self.updateReading()
        guard batch.unanswered.count > 0 else { return connection.write(batch.frames) }
        let promise = self.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.outbox.release(batch.unanswered) }
        connection.write(batch.frames, promise: promise)
    }

    /// Tells whoever published what became of it.
    func publishEnded(_ publish: PendingPublish, _ outcome: PublishOutcome) {
        self.answered += publish
        publish.sink.publishEnded(tag: publish.tag, outcome)
    }

    /// Makes room for as many publishes as were answered.
    func releaseAnswered() {
        self.outbox.release(self.answered)
        self.answered = PublishOutbox.Load()
    }
}

@available(*, unavailable)
extension ClientDriver: Sendable {}
