public import BrokerWire
public import NIOCore
import NIOPosix
import Synchronization

/// A client of a wsbroker: publishes, subscribes, and stays connected.
///
/// ```swift
/// let client = BrokerClient(ClientConfiguration(address: try BrokerAddress("ws://localhost:8181")))
/// try await client.start()
/// let total = try await client.publish("6", to: Topic("clicks"))
/// for try await message in try await client.subscribe(to: TopicFilter("clicks")) { ... }
/// await client.shutdown()
/// ```
///
/// After a loss it connects again with growing waits, subscribes again, sends again what has no verdict, and goes on.
/// Publishes are numbered, so none counts twice; see ``ClientConfiguration/producer``. When the broker refuses who the
/// client is (41xx), or the handshake, the client gives up, and everything that waits throws; see
/// ``ClientConfiguration/freshCredentials`` for credentials that end.
///
/// All methods may be called from any task. All that happens on the wire happens on one event loop.
public final class BrokerClient: Sendable {
    /// What the client was made with.
    public let configuration: ClientConfiguration

    let eventLoop: any EventLoop
    let outbox: PublishOutbox
    private let driver: NIOLoopBoundBox<ClientDriver?>
    private let nextID = Atomic<UInt64>(2)

    /// Makes a client that is not connected yet.
    ///
    /// - `group`: Where its event loop comes from; by default that of the process.
    public init(
        _ configuration: ClientConfiguration,
        on group: (any EventLoopGroup)? = nil
    ) {
        let configuration = configuration.normalized
        let eventLoop = (group ?? MultiThreadedEventLoopGroup.singleton).any()
        let driver = NIOLoopBoundBox.makeEmptyBox(valueType: ClientDriver.self, eventLoop: eventLoop)
        let outbox = PublishOutbox(
            limits: .init(count: configuration.inFlightMax, bytes: configuration.inFlightBytesMax),
            isOfProducer: configuration.producer != .none,
            scheduleFetch: { eventLoop.execute { driver.value?.drain() } }
        )
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.driver = driver
        self.outbox = outbox
        eventLoop.execute {
            driver.value = ClientDriver(configuration: configuration, eventLoop: eventLoop, outbox: outbox)
        }
    }

    deinit {
        let driver = self.driver
        self.eventLoop.execute { driver.value?.shutDown(nil) }
    }

    // MARK: Life cycle

    /// Connects; returns when the broker said welcome.
    ///
    /// Throws when the first attempt fails, and the client is of no use any more then, unless the configuration says
    /// ``ClientConfiguration/retriesFirstConnection``.
    public func start() async throws {
        await self.configuration.prepareTLS()
        _ = try await self.call { driver, id, call in driver.start(id: id, call) }
    }

    /// Closes the connection with 1000 and returns when it is gone.
    ///
    /// Publishes without an outcome get one: of unknown outcome, or not sent. Who wants theirs waits for them before.
    /// Subscriptions end.
    public func shutdown() async {
        let driver = self.driver
        _ = try? await withCheckedThrowingContinuation { (call: ClientDriver.AnswerContinuation) in
            self.eventLoop.execute { driver.value?.shutDown(call) }
        }
    }

    /// Where the client's producer stood at the last `welcome`; `nil` before the first, and without a producer.
    public var producer: ProducerPosition? { self.outbox.position }

    /// Why the client has ended; `nil` while it has not.
    public var failure: ClientError? { self.outbox.failure }

    // MARK: Questions

    /// The value of `topic`, or `nil` if it has none.
    ///
    /// Sees all that this client published before, acknowledged or not, unless the broker has asked it to send that
    /// again later (``ClientEvent/publishesHeld(_:retryAfter:)``).
    public func get(_ topic: Topic) async throws -> Message? {
        try await self.call { driver, id, call in driver.ask(.init(kind: .get(topic), call: call), id: id) }
    }

    /// Returns when the broker has read everything that was sent before.
    public func ping() async throws {
        _ = try await self.call { driver, id, call in driver.ask(.init(kind: .ping, call: call), id: id) }
    }

    // MARK: Subscriptions

    /// Subscribes to the topics that `filter` matches.
    ///
    /// Returns when the broker has taken it, or has sent more of what it retains than is kept unread. On a topic
    /// without wildcards the first message is the topic's current value, and again after a reconnect if it changed.
    public func subscribe(
        to filter: TopicFilter,
        options: SubscriptionOptions = SubscriptionOptions()
    ) async throws -> Subscription {
        try await self.subscribe(to: [filter], options: options)
    }

    /// Subscribes to several filters as one sequence, in which each message comes once.
    public func subscribe(
        to filters: [TopicFilter],
        options: SubscriptionOptions = SubscriptionOptions()
    ) async throws -> Subscription {
        let owner = self.drawID()
        let (eventLoop, driver) = (self.eventLoop, self.driver)
        let limits = MessageQueue.Limits(
            messages: self.configuration.bufferedMessagesMax,
            bytes: self.configuration.bufferedBytesMax
        )
        let queue = MessageQueue(limits: limits) { eventLoop.execute { driver.value?.hasRoom(owner: owner) } }
        let handle = Subscription.Handle(owner: owner, filters: filters, queue: queue) {
            eventLoop.execute { driver.value?.unsubscribe(owner: owner, call: nil) }
        }
        try await self.subscribe(owner: owner, to: filters, options: options, sink: queue)
        return Subscription(handle: handle)
    }

    /// Subscribes for as long as the client lives, and hands the messages over on its event loop.
    ///
    /// A ``Subscription`` wakes a task for what arrived, which costs more than a message and comes at some later time.
    /// This is for programs that measure when a message came, or have thousands of subscriptions with little in each.
    ///
    /// - `onMessages`: Told all messages of one read of the socket, on the event loop: it must return soon, and until
    ///     it does nothing is read.
    /// - `onEnd`: Told once why there will be no more; `nil` because the client was shut down.
    package func subscribe(
        to filters: [TopicFilter],
        options: SubscriptionOptions = SubscriptionOptions(),
        onEnd: @escaping @Sendable (ClientError?) -> Void = { _ in },
        onMessages: @escaping @Sendable ([Message]) -> Void
    ) async throws {
        let sink = DirectMessages(onMessages: onMessages, onEnd: onEnd)
        try await self.subscribe(owner: self.drawID(), to: filters, options: options, sink: sink)
    }

    private func subscribe(
        owner: UInt64,
        to filters: [TopicFilter],
        options: SubscriptionOptions,
        sink: any MessageSink
    ) async throws {
        if let rate = options.maxRate, !(rate.isFinite && rate > 0) {
            throw ClientError(.invalidArgument, "a rate is a positive number of messages per second")
        }
        guard !filters.isEmpty else { throw ClientError(.invalidArgument, "a subscription has at least one filter") }
        _ = try await self.call { driver, id, call in
            driver.subscribe(
                owner: owner,
                filters: filters,
                options: options,
                sink: sink,
                callID: id,
                call: call
            )
        }
    }

    /// Gives `subscription` up; returns when the broker knows. Messages that have arrived can still be read.
    public func unsubscribe(_ subscription: Subscription) async {
        let driver = self.driver
        let owner = subscription.handle.owner
        _ = try? await withCheckedThrowingContinuation { (call: ClientDriver.AnswerContinuation) in
            self.eventLoop.execute { driver.value?.unsubscribe(owner: owner, call: call) }
        }
    }

    // MARK: The way to the event loop

    private func drawID() -> UInt64 { self.nextID.wrappingAdd(2, ordering: .relaxed).oldValue }

    /// Calls `body` on the event loop with a continuation that the driver resumes, at the latest when the calling
    /// task is cancelled.
    private func call(
        _ body: @escaping @Sendable (ClientDriver, UInt64, ClientDriver.AnswerContinuation) -> Void
    ) async throws -> Message? {
        let id = self.drawID()
        let (eventLoop, driver) = (self.eventLoop, self.driver)
        let cancel: @Sendable () -> Void = { eventLoop.execute { driver.value?.cancel(id) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { call in
                eventLoop.execute {
                    if let driver = driver.value { body(driver, id, call) }
                }
                // A task that was cancelled before had its handler run before there was anything to cancel.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
    }
}
