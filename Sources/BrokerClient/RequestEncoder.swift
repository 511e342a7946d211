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
    ///
    /// - `once`: Under which name the broker counts it once, if any.
    static func publishField(topic: Topic, once: String? = nil) -> [UInt8] {
        var text: [UInt8] = []
        if let once {
            text += #","once":""#.utf8
            JSONString.appendEscaped(Array(once.utf8), to: &text)
            text += #"""#.utf8
        }
        text += #","topic":""#.utf8
        JSONString.appendEscaped(topic.bytes, to: &text)
        text += #"","data":"#.utf8
        return text
    }

    /// Writes a publish.
    ///
    /// - `number`: What it is known by, or `nil` when nobody waits for the answer.
    /// - `topicField`: What ``publishField(topic:)`` made of the topic.
    mutating func writePublish(
        number: PublishNumber?,
        topicField: [UInt8],
        data: UnsafeRawBufferPointer,
        retain: Bool,
        to buffer: inout ByteBuffer
    ) {
        self.write(capacity: Self.publishOverheadBytesMax + topicField.count + data.count, to: &buffer) { writer in
            switch number {
            case .seq(let seq):
                writer.put("{\"op\":\"pub\",\"seq\":")
                writer.put(seq)
            case .id(let id):
                writer.put("{\"op\":\"pub\",\"id\":")
                writer.put(id)
            case nil:
                writer.put("{\"op\":\"pub\"")
            }
            writer.put(topicField)
            writer.put(data)
            writer.put(retain ? ",\"retain\":true}" : "}")
        }
    }

    /// How many bytes the text of a publish takes besides its topic field and its value.
    static func publishOverheadBytes(number: PublishNumber?, retain: Bool) -> Int {
        // {"op":"pub" and } or ,"retain":true} and ,"id": or ,"seq": with its number.
        var bytes = retain ? 11 + 15 : 11 + 1
        switch number {
        case .id: bytes += 6
        case .seq: bytes += 7
        case nil: return bytes
        }
        var limit: UInt64 = 10
        while bytes < Self.publishOverheadBytesMax {
            bytes += 1
            if number.map({ $0.value < limit }) ?? true { break }
            limit &*= 10
        }
        return bytes
    }

    /// How long the frame of a request is whose text has so many bytes.
    static func frameBytes(ofText count: Int) -> Int {
        FrameHeader.bytes(length: count) + Self.maskBytes + count
    }

    private static let maskBytes = 4

    /// What stands between the number and the value of a publish that is sent to be refused.
    ///
    /// A producer's numbers must not leave a gap, so a number that nothing can be published under has to be used up.
    /// A publish to no topic is one that no broker of any version accepts, whatever its rules, and its refusal is a
    /// verdict like any other: it changes nothing, and the number may be judged again later.
    static let skipField = Array(#","topic":"","data":"#.utf8)

    /// Writes a publish that uses `seq` up and changes nothing.
    mutating func writeSkip(seq: UInt64, to buffer: inout ByteBuffer) {
        Self.skipData.withUnsafeBytes { data in
            self.writePublish(number: .seq(seq), topicField: Self.skipField, data: data, retain: false, to: &buffer)
        }
    }

    static let skipData = Array("null".utf8)

    /// Writes a frame that was written before once more, under a mask of its own.
    mutating func writeAgain(_ frame: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        let header: Int =
            switch frame[1] & 0x7F {
            case 126: 4
            case 127: 10
            default: 2
            }
        let oldMask = frame.loadUnaligned(fromByteOffset: header, as: UInt32.self)
        let mask = self.masks.next()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: frame.count) { target in
            guard let base = target.baseAddress else { return 0 }
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: frame[..<header]))
            target.storeBytes(of: mask, toByteOffset: header, as: UInt32.self)
            let text = UnsafeRawBufferPointer(rebasing: frame[(header + Self.maskBytes)...])
            // Both masks at once take the old one off and put the new one on.
            _ = FrameMask.copy(text, to: base + header + Self.maskBytes, mask: oldMask ^ mask)
            return frame.count
        }
    }

    /// Writes the first request of a connection.
    mutating func writeHello(
        client: String,
        producer: ProducerStateMachine.Greeting? = nil,
        to buffer: inout ByteBuffer
    ) {
        var text = #"{"op":"hello","v":1,"client":"\#(Self.escaped(client.utf8))""#
        if let producer {
            text += #","producer":{"name":"\#(Self.escaped(producer.name.utf8))""#
            if let epoch = producer.epoch { text += #","epoch":\#(epoch)"# }
            if producer.resumes { text += #","resume":true"# }
            if let acked = producer.acked { text += #","acked":\#(acked)"# }
            text += "}"
        }
        self.write(text + "}", to: &buffer)
    }

    /// Writes the request that gives the connection another token of the same principal.
    mutating func writeRenewal(token: String, to buffer: inout ByteBuffer) {
        self.write(#"{"op":"hello","token":"\#(Self.escaped(token.utf8))"}"#, to: &buffer)
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

    /// Writes a WebSocket ping, which asks whether the broker is there.
    mutating func writeKeepAlive(to buffer: inout ByteBuffer) {
        let mask = self.masks.next()
        buffer.writeMaskedFrame(.ping, UnsafeRawBufferPointer(start: nil, count: 0), mask: mask)
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
