import BrokerWire
import NIOCore

@testable import BrokerClient

/// A publisher and a broker, and between them a connection that delivers as many bytes as it likes, and breaks.
///
/// Everything happens in the order that the seed draws, so that a failure can be had again.
struct LossyLink {
    var broker: ModelBroker
    let publisher: PublisherHarness
    private var random: SplitMix
    private var isConnected = false
    private var up = ByteBuffer()
    private var down = ByteBuffer()
    private var brokerReader = MessageReader(from: .client, messageBytesMax: 4096)
    private var clientReader = MessageReader(from: .server, messageBytesMax: 4096)

    init(_ publisher: PublisherHarness, _ broker: ModelBroker, seed: UInt64) {
        self.publisher = publisher
        self.broker = broker
        self.random = SplitMix(state: seed)
    }

    /// Lets one thing happen.
    ///
    /// - `isCalm`: Whether nothing breaks any more and nothing is refused for now.
    mutating func step(isCalm: Bool = false) throws {
        guard self.isConnected else { return self.connect() }
        switch self.random.below(isCalm ? 8 : 10) {
        case 0, 1, 2: try self.deliverUp(isCalm: isCalm)
        case 3, 4, 5: try self.deliverDown()
        case 6: self.send(self.broker.commit(mayMerge: self.random.below(2) == 0))
        case 7: self.write(self.random.below(2) == 0 ? self.publisher.drain() : self.publisher.waited())
        case 8 where self.random.below(4) == 0: self.disconnect(crashes: false)
        case 9 where self.random.below(8) == 0: self.disconnect(crashes: true)
        default: break
        }
        if let violation = self.broker.violation { throw FakeBrokerError.unexpected(violation) }
    }

    private mutating func connect() {
        self.isConnected = true
        self.write(self.publisher.hello())
    }

    private mutating func disconnect(crashes: Bool) {
        self.isConnected = false
        (self.up, self.down) = (ByteBuffer(), ByteBuffer())
        self.brokerReader = MessageReader(from: .client, messageBytesMax: 4096)
        self.clientReader = MessageReader(from: .server, messageBytesMax: 4096)
        self.publisher.connectionLost()
        if crashes { self.broker.crashed() } else { self.broker.disconnected() }
    }

    private mutating func write(_ frames: ByteBuffer) {
        var frames = frames
        self.up.writeBuffer(&frames)
    }

    private mutating func send(_ texts: [String]) {
        for text in texts { text.bytes.withUnsafeBytes { self.down.writeFrame(.text, $0) } }
    }

    /// Some of the bytes on their way; most often they end within a frame.
    private static func some(of buffer: inout ByteBuffer, _ random: inout SplitMix) -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        return buffer.readSlice(length: 1 + random.below(min(buffer.readableBytes, 400)))
    }

    private mutating func deliverUp(isCalm: Bool) throws {
        guard let bytes = Self.some(of: &self.up, &self.random) else { return }
        for text in try Self.texts(bytes, &self.brokerReader) {
            self.broker.take(text, isBusy: !isCalm && self.random.below(20) == 0)
        }
    }

    private mutating func deliverDown() throws {
        guard let bytes = Self.some(of: &self.down, &self.random) else { return }
        for text in try Self.texts(bytes, &self.clientReader) { try self.receive(text) }
    }

    private static func texts(_ bytes: ByteBuffer, _ reader: inout MessageReader) throws -> [String] {
        var texts: [String] = []
        try reader.read(bytes) { assembled in
            if case .text(let bytes) = assembled { texts.append(String(decoding: bytes, as: UTF8.self)) }
            return true
        }
        return texts
    }

    /// What the client's driver does with a frame.
    private mutating func receive(_ text: String) throws {
        var bytes = text.bytes
        try bytes.withUnsafeMutableBytes { message in
            let reply = try ReplyScanner.scan(message)
            let raw = UnsafeRawBufferPointer(message)
            switch reply.operation {
            case .welcome:
                guard let position = ProducerScanner.position(in: reply.producer.bytes(in: raw)) else {
                    throw FakeBrokerError.unexpected(text)
                }
                self.write(try self.publisher.welcomed(position))
            case .acknowledgement:
                let own = PublishAcknowledgement(offset: reply.offset, isDuplicate: reply.isDuplicate)
                self.publisher.acknowledged(reply.seq ?? 0, own: reply.topic.isEmpty ? nil : own)
            case .error:
                self.publisher.refused(reply.seq ?? 0, reply.refusal(in: raw))
            default:
                throw FakeBrokerError.unexpected(text)
            }
        }
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }
}
