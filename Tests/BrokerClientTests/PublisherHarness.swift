import BrokerWire
import NIOCore

@testable import BrokerClient

/// What a client does to publish under a producer's numbers, without a socket, a clock or a loop.
///
/// It carries out what the state machine decides, as the client's driver does, and notes every outcome.
final class PublisherHarness {
    private final class Sink: PublishSink {
        func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {}
    }

    let outbox: PublishOutbox
    var machine: ProducerStateMachine
    var messageBytesMax = Int.max
    private(set) var outcomes: [(tag: UInt64, outcome: PublishOutcome)] = []
    /// The waits that the broker asked for.
    private(set) var waits: [(wait: Duration, turn: UInt64)] = []
    private(set) var isWelcomed = false
    private var encoder = RequestEncoder()
    private var random = SystemRandomNumberGenerator()
    private let sink = Sink()

    init(_ producer: ClientConfiguration.Producer, inFlightMax: Int = 1024) throws {
        guard let machine = ProducerStateMachine(producer, using: &self.random) else { throw FakeBrokerError.ended }
        self.machine = machine
        self.outbox = PublishOutbox(limits: .init(count: inFlightMax, bytes: 1 << 22), isOfProducer: true) {}
    }

    /// Publishes under the next number; the tag says which it is.
    func publish(_ data: String, tag: UInt64 = 0) throws -> PublishOutbox.Addition {
        try self.add(data, topicField: #","topic":"t","data":"#.bytes, tag: tag, as: .next)
    }

    func publish(_ data: String, seq: UInt64) throws -> PublishOutbox.Addition {
        try self.add(data, topicField: #","topic":"t","data":"#.bytes, tag: seq, as: .number(seq))
    }

    func skip(seq: UInt64) throws -> PublishOutbox.Addition {
        try self.add("null", topicField: RequestEncoder.skipField, tag: seq, as: .number(seq))
    }

    private func add(
        _ data: String,
        topicField: [UInt8],
        tag: UInt64,
        as choice: PublishNumbering.Choice
    ) throws -> PublishOutbox.Addition {
        try data.bytes.withUnsafeBytes {
            try self.outbox.add(topicField: topicField, data: $0, retain: false, sink: self.sink, tag: tag, as: choice)
        }
    }

    /// The first frame of a connection.
    func hello() -> ByteBuffer {
        var buffer = ByteBuffer()
        self.encoder.writeHello(client: "c", producer: self.machine.greeting, to: &buffer)
        return buffer
    }

    /// The broker said welcome; returns what is sent then.
    func welcomed(_ position: ProducerPosition) throws(ClientError) -> ByteBuffer {
        try self.machine.welcomed(position, isBySource: self.outbox.isNumberedBySource) { self.ended($0, $1) }
        self.outbox.begin(at: position)
        self.isWelcomed = true
        var buffer = self.machine.frames(from: 0, messageBytesMax: self.messageBytesMax, using: &self.encoder)
        var rest = self.drain()
        buffer.writeBuffer(&rest)
        return buffer
    }

    /// What was published and not yet sent.
    func drain() -> ByteBuffer {
        guard self.isWelcomed, !self.machine.isHeld, let batch = self.outbox.fetch() else { return ByteBuffer() }
        self.machine.sent(batch.pending, in: batch.frames)
        return batch.frames
    }

    func acknowledged(_ number: UInt64, own: PublishAcknowledgement? = nil) {
        self.machine.acknowledged(number, own: own) { self.ended($0, $1) }
    }

    func refused(_ number: UInt64, _ refusal: BrokerRefusal) {
        if case .wait(let wait, let turn) = self.machine.refused(number, refusal) { self.waits.append((wait, turn)) }
    }

    /// Everything that was waited for is over; returns what is sent then.
    func waited() -> ByteBuffer {
        var buffer = ByteBuffer()
        for (_, turn) in self.waits {
            guard let from = self.machine.waited(turn: turn) else { continue }
            var frames = self.machine.frames(
                from: from,
                messageBytesMax: self.messageBytesMax,
                using: &self.encoder
            )
            buffer.writeBuffer(&frames)
        }
        self.waits = []
        var rest = self.drain()
        buffer.writeBuffer(&rest)
        return buffer
    }

    func connectionLost() {
        self.machine.connectionLost(using: &self.random)
        self.isWelcomed = false
    }

    func startOver() {
        self.isWelcomed = false
        self.machine.startOver(using: &self.random) { self.ended($0, $1) }
        for publish in self.outbox.startOver() { self.ended(publish, .notSent(ClientError(.closed, ""))) }
    }

    func end() {
        self.machine.end { self.ended($0, $1) }
    }

    private func ended(_ publish: PendingPublish, _ outcome: PublishOutcome) {
        self.outcomes.append((publish.tag, outcome))
        var load = PublishOutbox.Load()
        load += publish
        self.outbox.release(load)
    }
}

extension ByteBuffer {
    /// The texts of the client's frames in it.
    func texts() throws -> [String] {
        var reader = MessageReader(from: .client, messageBytesMax: 1 << 20)
        var texts: [String] = []
        try reader.read(self) { assembled in
            if case .text(let bytes) = assembled { texts.append(String(decoding: bytes, as: UTF8.self)) }
            return true
        }
        return texts
    }

    /// The numbers of the publishes in it.
    func numbers() throws -> [Int] {
        try self.texts().compactMap { Int($0.field("seq") ?? "") }
    }
}

extension String {
    /// The value of a field as it stands in JSON without blanks, if it is no array and no object.
    func field(_ name: String) -> String? {
        guard let start = self.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
        return String(self[start...].prefix { $0 != "," && $0 != "}" && $0 != "]" })
    }
}
