import BrokerCore
import BrokerTransport
import BrokerWire
import NIOCore

/// Answers each message with itself.
final class EchoConsumer: MessageConsumer {
    static let acceptsBinary = true

    let configuration: TransportConfiguration
    let scratch: UnsafeMutableRawBufferPointer
    let mustWait = false
    let isIdle = true
    let clientAddress: String? = nil
    private let eventLoop: any EventLoop
    private weak var connection: WebSocketHandler<EchoConsumer>?

    init(configuration: TransportConfiguration, eventLoop: any EventLoop) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.scratch = .allocate(byteCount: configuration.limits.wire.messageBytesMax + 16, alignment: 16)
    }

    deinit { self.scratch.deallocate() }

    var now: UInt64 { self.eventLoop.now.uptimeNanoseconds }

    func opened(_ connection: WebSocketHandler<EchoConsumer>) { self.connection = connection }

    func heard(bytes: Int) {}

    func received(text message: UnsafeMutableRawBufferPointer) { self.send(.text, message) }

    func received(binary message: UnsafeMutableRawBufferPointer) { self.send(.binary, message) }

    private func send(_ opcode: Opcode, _ message: UnsafeMutableRawBufferPointer) {
        var frame = ByteBuffer()
        frame.writeFrame(opcode, UnsafeRawBufferPointer(message))
        frame.withUnsafeReadableBytes { self.connection?.write($0) }
    }

    func accessChanged() {}

    func becameWritable() {}

    func writeFarewell(into buffer: inout ByteBuffer) {}

    func ended() {}
}

@available(*, unavailable)
extension EchoConsumer: Sendable {}
