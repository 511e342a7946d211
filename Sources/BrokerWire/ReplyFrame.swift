package import NIOCore

/// The frames that a broker answers with, each written once and finished.
extension ByteBuffer {
    /// Room for the fixed text and numbers of any frame below.
    package static var fixedTextMax: Int { 160 }

    /// Writes the acknowledgement of a publish or a reset.
    package mutating func writePublishAck(id: UnsafeRawBufferPointer, offset: UInt64, value: WireValue) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count + value.bytesMax) { writer in
            writer.putAck(id)
            writer.put(",\"offset\":")
            writer.put(offset)
            writer.putData(value)
            writer.put("}")
        }
    }

    /// Writes the acknowledgement of a publish that a rule left out; it uses no offset.
    package mutating func writeLeftOutAck(id: UnsafeRawBufferPointer, why: StaticString) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count) { writer in
            writer.putAck(id)
            writer.put(",\"applied\":false,\"why\":\"")
            writer.put(why)
            writer.put("\"}")
        }
    }

    /// Writes an acknowledgement that says no more than that.
    package mutating func writeAck(id: UnsafeRawBufferPointer) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count) { writer in
            writer.putAck(id)
            writer.put("}")
        }
    }

    /// Writes the acknowledgement of a `sub` with wildcards, which has no position of its own.
    package mutating func writeFilterAck(id: UnsafeRawBufferPointer, topic: [UInt8]) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count + 2 * topic.count) { writer in
            writer.putAck(id)
            writer.put(",\"topic\":\"")
            writer.putTopic(topic)
            writer.put("\"}")
        }
    }

    /// Writes the acknowledgement of a `sub` on one topic, or of a `get`, which also carries `timestamp`.
    package mutating func writeValueAck(
        id: UnsafeRawBufferPointer,
        topic: [UInt8],
        position: Position,
        timestamp: UInt64? = nil,
        value: WireValue
    ) {
        // A topic may hold quotes and backslashes; each takes one byte more in JSON.
        let capacity = Self.fixedTextMax + id.count + 2 * topic.count + position.epoch.utf8.count + value.bytesMax
        self.writeTextFrame(capacity: capacity) { writer in
            writer.putAck(id)
            writer.put(",\"topic\":\"")
            writer.putTopic(topic)
            writer.put("\",\"epoch\":\"")
            writer.put(Array(position.epoch.utf8))
            writer.put("\",\"offset\":")
            writer.put(position.offset)
            if let timestamp {
                writer.put(",\"ts\":")
                writer.put(timestamp)
            }
            writer.putData(value)
            writer.put("}")
        }
    }

    /// Writes one message of a topic as its subscribers get it.
    package mutating func writeMessage(
        topic: [UInt8],
        offset: UInt64,
        timestamp: UInt64,
        value: WireValue,
        isRetained: Bool = false
    ) {
        self.writeTextFrame(capacity: Self.fixedTextMax + 2 * topic.count + value.bytesMax) { writer in
            writer.put("{\"op\":\"msg\",\"topic\":\"")
            writer.putTopic(topic)
            writer.put("\",\"offset\":")
            writer.put(offset)
            writer.put(",\"ts\":")
            writer.put(timestamp)
            writer.putData(value)
            if isRetained { writer.put(",\"retained\":true") }
            writer.put("}")
        }
    }

    /// Writes the answer to a plain number: the bare running value.
    package mutating func writePlainValue(_ value: WireValue) {
        self.writeTextFrame(capacity: Self.fixedTextMax + value.bytesMax) { writer in
            switch value.data {
            case .none: writer.put("null")
            case .json(let text): writer.put(text)
            case .number(let number): writer.put(number)
            }
        }
    }

    package mutating func writePong(id: UnsafeRawBufferPointer) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count) { writer in
            writer.put(id.isEmpty ? "{\"op\":\"pong\"" : "{\"op\":\"pong\",\"id\":")
            writer.put(id)
            writer.put("}")
        }
    }

    /// Writes the answer to `hello`.
    package mutating func writeWelcome(
        server: String,
        session: String,
        messageBytesMax: Int,
        principal: String? = nil,
        producer: ProducerWelcome? = nil
    ) {
        let principal = principal.map { ",\"principal\":\(JSONString.quoted($0))" } ?? ""
        let text = """
            {"op":"welcome","v":1,"server":"\(server)","session":"\(session)","messageBytesMax":\(messageBytesMax)\
            \(principal)\(producer?.member ?? "")}
            """
        Array(text.utf8).withUnsafeBytes { self.writeFrame(.text, $0) }
    }

    /// Writes what is going to happen to the connection unless the client does something.
    package mutating func writeNotice(_ code: ErrorCode, afterMilliseconds: UInt64) {
        let text = #"{"op":"notice","code":\#(code.rawValue),"name":"\#(code.name)","afterMs":\#(afterMilliseconds)}"#
        Array(text.utf8).withUnsafeBytes { self.writeFrame(.text, $0) }
    }

    /// Writes that the broker has ended a subscription.
    ///
    /// - `filter`: The filter that it was made with.
    package mutating func writeEnded(filter: [UInt8], _ code: ErrorCode, reason: String) {
        let text = """
            {"op":"unsub","topic":\(JSONString.quoted(String(decoding: filter, as: UTF8.self))),\
            "code":\(code.rawValue),"name":"\(code.name)","reason":\(JSONString.quoted(reason))}
            """
        Array(text.utf8).withUnsafeBytes { self.writeFrame(.text, $0) }
    }

    /// Writes the notice that comes before the broker closes the connection.
    package mutating func writeBye(_ code: ErrorCode, afterMilliseconds: Int) {
        let text = #"{"op":"bye","code":\#(code.rawValue),"name":"\#(code.name)","afterMs":\#(afterMilliseconds)}"#
        Array(text.utf8).withUnsafeBytes { self.writeFrame(.text, $0) }
    }
}

extension RawWriter {
    /// Begins an acknowledgement of a request with this `id`, which may be empty.
    @inline(__always)
    mutating func putAck(_ id: UnsafeRawBufferPointer) {
        // Each literal by itself: the compiler then stores it instead of calling for a copy.
        guard !id.isEmpty else { return self.put("{\"op\":\"ack\"") }
        self.put("{\"op\":\"ack\",\"id\":")
        self.put(id)
    }

    /// A topic holds no control characters, so only quotes and backslashes have to be escaped.
    @inline(__always)
    package mutating func putTopic(_ topic: [UInt8]) {
        topic.withUnsafeBytes { bytes in
            for byte in bytes {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { self.put("\\") }
                self.put(byte)
            }
        }
    }

    @inline(__always)
    package mutating func put(_ byte: UInt8) {
        self.base.storeBytes(of: byte, toByteOffset: self.count, as: UInt8.self)
        self.count &+= 1
    }
}

/// A place in the life of a topic.
public struct Position: Hashable, Sendable {
    /// Names the life that the offset belongs to; when it differs, positions do not compare.
    public var epoch: String
    /// How many changes the topic has had, or 0 before the first.
    public var offset: UInt64

    public init(epoch: String, offset: UInt64) {
        self.epoch = epoch
        self.offset = offset
    }
}
