import BrokerWire
import NIOCore

/// Writes requests as finished, masked frames, each with one pass over its text.
///
/// The text of a request is put together in memory of its own first, because masking has to see all of it and its
/// length comes before it.
struct RequestEncoder {
    private static let publishOverheadBytesMax = 64

    private var text: [UInt8] = []
    private var masks = MaskSource()

    /// What stands between the `id` and the value of every publish to `topic`.
    static func publishField(topic: Topic) -> [UInt8] {
        var text = Array(#","topic":""#.utf8)
        JSONString.appendEscaped(topic.bytes, to: &text)
        text += #"","data":"#.utf8
        return text
    }

    /// Writes a publish.
    ///
    /// - `id`: Its number, or `nil` when nobody waits for the answer.
    /// - `topicField`: What ``publishField(topic:)`` made of the topic.
    mutating func writePublish(
        id: UInt64?,
        topicField: [UInt8],
        data: UnsafeRawBufferPointer,
        retain: Bool,
        to buffer: inout ByteBuffer
    ) {
        self.write(capacity: Self.publishOverheadBytesMax + topicField.count + data.count, to: &buffer) { writer in
            if let id {
                writer.put("{\"op\":\"pub\",\"id\":")
                writer.put(id)
            } else {
                writer.put("{\"op\":\"pub\"")
            }
            writer.put(topicField)
            writer.put(data)
            writer.put(retain ? ",\"retain\":true}" : "}")
        }
    }

    /// How many bytes the text of a publish takes besides its topic field and its value.
    static func publishOverheadBytes(id: UInt64?, retain: Bool) -> Int {
        // {"op":"pub" and } or ,"retain":true} and ,"id": with its number.
        var bytes = retain ? 11 + 15 : 11 + 1
        if let id {
            bytes += 6
            var limit: UInt64 = 10
            while bytes < 64 {
                bytes += 1
                if id < limit { break }
                limit &*= 10
            }
        }
        return bytes
    }

    /// Writes the first request of a connection.
    mutating func writeHello(client: String, to buffer: inout ByteBuffer) {
        self.write(#"{"op":"hello","v":1,"client":"\#(Self.escaped(client.utf8))"}"#, to: &buffer)
    }

    mutating func writeSubscribe(
        id: UInt64,
        filter: TopicFilter,
        options: SubscriptionOptions,
        to buffer: inout ByteBuffer
    ) {
        var text = #"{"op":"sub","id":"r\#(id)","topic":"\#(Self.escaped(filter.bytes))""#
        if let mode = options.mode { text += #","mode":"\#(mode.rawValue)""# }
        if let maxRate = options.maxRate { text += #","maxRate":\#(maxRate)"# }
        if !options.echo { text += #","echo":false"# }
        if !options.retained { text += #","retained":false"# }
        self.write(text + "}", to: &buffer)
    }

    mutating func writeUnsubscribe(id: UInt64, filter: TopicFilter, to buffer: inout ByteBuffer) {
        self.write(#"{"op":"unsub","id":"r\#(id)","topic":"\#(Self.escaped(filter.bytes))"}"#, to: &buffer)
    }

    mutating func writeGet(id: UInt64, topic: Topic, to buffer: inout ByteBuffer) {
        self.write(#"{"op":"get","id":"r\#(id)","topic":"\#(Self.escaped(topic.bytes))"}"#, to: &buffer)
    }

    mutating func writePing(id: UInt64, to buffer: inout ByteBuffer) {
        self.write(#"{"op":"ping","id":"r\#(id)"}"#, to: &buffer)
    }

    /// Writes the answer to a WebSocket ping.
    mutating func writePong(_ payload: [UInt8], to buffer: inout ByteBuffer) {
        let mask = self.masks.next()
        payload.withUnsafeBytes { buffer.writeMaskedFrame(.pong, $0, mask: mask) }
    }

    mutating func writeClose(_ code: CloseCode, to buffer: inout ByteBuffer) {
        let mask = self.masks.next()
        let payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        payload.withUnsafeBytes { buffer.writeMaskedFrame(.close, $0, mask: mask) }
    }

    private static func escaped(_ text: some Sequence<UInt8>) -> String {
        var bytes: [UInt8] = []
        JSONString.appendEscaped(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func write(_ text: String, to buffer: inout ByteBuffer) {
        let mask = self.masks.next()
        Array(text.utf8).withUnsafeBytes { buffer.writeMaskedFrame(.text, $0, mask: mask) }
    }

    private mutating func write(capacity: Int, to buffer: inout ByteBuffer, _ body: (inout RawWriter) -> Void) {
        if self.text.count < capacity {
            self.text = Array(repeating: 0, count: max(capacity, 1024))
        }
        let mask = self.masks.next()
        self.text.withUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return }
            var writer = RawWriter(base)
            body(&writer)
            let frame = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<writer.count])
            buffer.writeMaskedFrame(.text, frame, mask: mask)
        }
    }
}
