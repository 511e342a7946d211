package import NIOCore

/// The frames that answer what is asked about many topics.
extension ByteBuffer {
    /// Writes how many topics were deleted.
    package mutating func writeDeletedAck(id: UnsafeRawBufferPointer, count: Int) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count) { writer in
            writer.putAck(id)
            writer.put(",\"deleted\":")
            writer.put(UInt64(count))
            writer.put("}")
        }
    }

    /// Writes one topic of a list, behind a comma if it is not the first; no frame, but a part of one.
    ///
    /// - `aggregate`: The name of its aggregator, if it has one.
    /// - `isRetained`: Whether the value is a message that is kept for those who come later.
    package mutating func writeListedTopic(
        topic: [UInt8],
        aggregate: String?,
        position: Position,
        timestamp: UInt64,
        value: WireValue,
        isRetained: Bool
    ) {
        var name: [UInt8] = []
        if let aggregate { JSONString.append(aggregate, to: &name) }
        let epoch = Array(position.epoch.utf8)
        let capacity = Self.fixedTextMax + 2 * topic.count + name.count + epoch.count + value.bytesMax
        let isFirst = self.readableBytes == 0
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { target in
            guard let base = target.baseAddress else { return 0 }
            var writer = RawWriter(base)
            writer.put(isFirst ? "{\"topic\":\"" : ",{\"topic\":\"")
            writer.putTopic(topic)
            writer.put("\"")
            if !name.isEmpty {
                writer.put(",\"aggregate\":")
                writer.put(name)
            }
            writer.put(",\"epoch\":\"")
            writer.put(epoch)
            writer.put("\",\"offset\":")
            writer.put(position.offset)
            if position.offset > 0 {
                writer.put(",\"ts\":")
                writer.put(timestamp)
            }
            writer.putData(value)
            if isRetained { writer.put(",\"retained\":true") }
            writer.put("}")
            return writer.count
        }
    }

    /// Writes a list of topics.
    ///
    /// - `next`: The last of them, if there are more.
    package mutating func writeTopicList(id: UnsafeRawBufferPointer, entries: ByteBuffer, next: [UInt8]?) {
        var text = Array(#"{"op":"ack","id":"#.utf8) + Array(id)
        text += #","topics":["#.utf8
        text += entries.readableBytesView
        text.append(UInt8(ascii: "]"))
        if let next {
            text += #","next":""#.utf8
            JSONString.appendEscaped(next, to: &text)
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
        text.withUnsafeBytes { self.writeFrame(.text, $0) }
    }
}
