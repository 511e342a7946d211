import BrokerTestKit
import Logging
import NIOCore
import NIOEmbedded
import Synchronization

@testable import BrokerClient

/// A process with the real client in it: all of it but the socket, on an event loop whose time stands still unless the
/// simulation says otherwise.
final class ClientProcess {
    private let loop = EmbeddedEventLoop()
    private let outbox: PublishOutbox
    private let driver: ClientDriver
    private let network: SimulatedNetwork
    private let sink = Sink()
    /// What has been asked of it and has no outcome.
    private(set) var open: Set<UInt64> = []

    /// Keeps the outcomes until they are asked for.
    private final class Sink: PublishSink {
        let outcomes = Mutex<[(tag: UInt64, outcome: PublishOutcome)]>([])

        func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {
            self.outcomes.withLock { $0.append((tag, outcome)) }
        }
    }

    init(_ producer: ClientConfiguration.Producer, _ network: SimulatedNetwork, _ dice: Dice) {
        var configuration = ClientConfiguration(address: BrokerAddress())
        configuration.producer = producer
        configuration.retriesFirstConnection = true
        configuration.receivedBytesMax = 64 * 1024
        configuration.backoff = ReconnectBackoff(base: .milliseconds(100), max: .seconds(2))
        self.network = network
        self.outbox = PublishOutbox(
            limits: .init(count: dice.pick([1, 5, 30, 512]), bytes: 1 << 20),
            isOfProducer: producer != .none
        ) {}
        let loop = self.loop
        self.driver = ClientDriver(
            configuration: configuration.normalized,
            eventLoop: loop,
            outbox: self.outbox,
            connector: { _, _, _ in network.connect(loop) },
            random: dice.fork()
        )
        if self.driver.machine.started() { self.driver.connect() }
        self.loop.run()
    }

    /// Why the client has given up, if it has.
    var end: ClientError? { self.driver.end }
    /// Where the producer stood when the broker last said so.
    var position: ProducerPosition? { self.outbox.position }

    // MARK: What the program does

    func publish(_ publish: Ledger.Publish, as choice: PublishNumbering.Choice = .next) throws -> PublishOutbox.Addition
    {
        let tag: UInt64 = if case .number(let number) = choice { number } else { UInt64(publish.id) }
        let topicField = Array(#","topic":"\#(publish.topic)","data":"#.utf8)
        return try self.add(topicField, Array(publish.data.utf8), retain: publish.topic.hasPrefix("r/"), tag, choice)
    }

    /// Uses a number up, for which there is nothing to publish.
    func skip(_ number: UInt64) throws -> PublishOutbox.Addition {
        try self.add(RequestEncoder.skipField, RequestEncoder.skipData, retain: false, number, .number(number))
    }

    private func add(
        _ topicField: [UInt8],
        _ data: [UInt8],
        retain: Bool,
        _ tag: UInt64,
        _ choice: PublishNumbering.Choice
    ) throws -> PublishOutbox.Addition {
        let addition = try data.withUnsafeBytes {
            try self.outbox.add(topicField: topicField, data: $0, retain: retain, sink: self.sink, tag: tag, as: choice)
        }
        if addition == .added { self.open.insert(tag) }
        return addition
    }

    /// The outcomes that have come since this was last asked.
    func takeOutcomes() -> [(tag: UInt64, outcome: PublishOutcome)] {
        let outcomes = self.sink.outcomes.withLock { outcomes in
            defer { outcomes = [] }
            return outcomes
        }
        for (tag, _) in outcomes { self.open.remove(tag) }
        return outcomes
    }

    // MARK: What happens to it

    /// Its event loop gets round to what the program has asked for.
    func drain() {
        self.driver.drain()
        self.loop.run()
    }

    func advance(milliseconds: Int) { self.loop.advanceTime(by: .milliseconds(Int64(milliseconds))) }

    /// It is killed; what it has sent may still arrive, and nobody hears any outcome.
    func kill() throws {
        try self.network.processDied(self.loop)
        try self.loop.syncShutdownGracefully()
        _ = self.takeOutcomes()
    }
}
