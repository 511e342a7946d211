import BrokerWire
import NIOCore

/// From bytes to requests and from values to bytes.
enum WireParts {
    private static let message = Array(#"{"op":"pub","id":1234,"topic":"clicks/home","data":5}"#.utf8)
    private static let count = 200_000

    static func measure() {
        self.measureFrames()
        self.measureScanning()
        self.measureMasking()
        self.measureWriting()
    }

    /// A read of 64 frames, taken apart.
    private static func measureFrames() {
        var buffer = ByteBuffer()
        for _ in 0..<64 { Self.message.withUnsafeBytes { buffer.writeMaskedFrame(.text, $0, mask: 0x1234_5678) } }
        var parser = FrameParser(from: .client, messageBytesMax: 65_536, fragmentsMax: 16)
        Measure.cpu("frame parser, 53 bytes", per: "frame", count: Self.count / 64 * 64) {
            for _ in 0..<Self.count / 64 {
                buffer.withUnsafeReadableBytes { bytes in
                    var index = 0
                    while index < bytes.count { _ = try? parser.next(in: bytes, at: &index) }
                }
            }
        }
    }

    private static func measureScanning() {
        var bytes = Self.message
        Measure.cpu("envelope scanner, a publish of 53 bytes", per: "message", count: Self.count) {
            bytes.withUnsafeMutableBytes { bytes in
                for _ in 0..<Self.count {
                    guard let request = try? RequestScanner.scan(bytes, limits: WireLimits()), request.data.count == 1
                    else { preconditionFailure("it is a publish") }
                }
            }
        }
    }

    private static func measureMasking() {
        let source = [UInt8](repeating: 0x41, count: 65_536)
        var target = source
        Measure.cpu("unmask and look for ASCII, 64 KiB", per: "KiB", count: 64 * 1000) {
            target.withUnsafeMutableBytes { target in
                source.withUnsafeBytes { source in
                    for _ in 0..<1000 {
                        guard let base = target.baseAddress else { return }
                        _ = FrameMask.copy(source, to: base, mask: 0x0102_0304)
                    }
                }
            }
        }
    }

    private static func measureWriting() {
        var buffer = ByteBuffer()
        let total = ExactDecimal(units: 123_456_789 * 1_000_000_000_000_000_000, scale: 18)
        let id = Array("1234".utf8)
        Measure.cpu("acknowledgement with a total", per: "frame", count: Self.count) {
            id.withUnsafeBytes { id in
                for number in 0..<Self.count {
                    buffer.clear()
                    buffer.writePublishAck(id: id, offset: UInt64(number), value: .number(total))
                }
            }
        }
        let topic = Array("clicks/home".utf8)
        Measure.cpu("message for subscribers", per: "frame", count: Self.count) {
            for number in 0..<Self.count {
                buffer.clear()
                buffer.writeMessage(topic: topic, offset: UInt64(number), timestamp: 1, value: .number(total))
            }
        }
    }
}
