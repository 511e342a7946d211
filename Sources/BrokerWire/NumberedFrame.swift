package import NIOCore

/// The frames that answer a producer.
extension ByteBuffer {
    /// Writes the acknowledgement of a numbered publish; every number up to it has its verdict.
    ///
    /// - `topic`: Where it went to, or `nil` if it was refused.
    /// - `duplicates`: How often it had been applied before: 0 or 1.
    package mutating func writeNumberedAck(
        seq: UInt64,
        topic: [UInt8]?,
        offset: UInt64 = 0,
        value: WireValue = .none,
        duplicates: UInt64 = 0
    ) {
        self.writeTextFrame(capacity: Self.fixedTextMax + 2 * (topic?.count ?? 0) + value.bytesMax) { writer in
            writer.put("{\"op\":\"ack\",\"seq\":")
            writer.put(seq)
            if let topic {
                writer.put(",\"topic\":\"")
                writer.putTopic(topic)
                writer.put("\",\"offset\":")
                writer.put(offset)
                writer.putData(value)
                writer.put(",\"dups\":")
                writer.put(duplicates)
            }
            writer.put("}")
        }
    }

    /// Writes the acknowledgement of a numbered publish that a rule left out; it uses no offset.
    package mutating func writeNumberedLeftOutAck(seq: UInt64, why: StaticString) {
        self.writeTextFrame(capacity: Self.fixedTextMax) { writer in
            writer.put("{\"op\":\"ack\",\"seq\":")
            writer.put(seq)
            writer.put(",\"applied\":false,\"why\":\"")
            writer.put(why)
            writer.put("\"}")
        }
    }

    /// Writes the acknowledgement of a publish that was applied before under the same `once`.
    package mutating func writeDuplicateAck(id: UnsafeRawBufferPointer, offset: UInt64, value: WireValue) {
        self.writeTextFrame(capacity: Self.fixedTextMax + id.count + value.bytesMax) { writer in
            writer.putAck(id)
            writer.put(",\"offset\":")
            writer.put(offset)
            writer.putData(value)
            writer.put(",\"dup\":true}")
        }
    }
}

/// Where a producer goes on.
package struct ProducerWelcome: Hashable, Sendable {
    package var name: [UInt8]
    package var epoch: UInt64
    /// The number that comes next.
    package var next: UInt64
    /// The numbers that were refused, of those that can still be judged again.
    package var refused: [UInt64] = []
    /// The numbers that the producer knows to be accepted and the broker does not: it has lost them.
    package var lost: ClosedRange<UInt64>?

    package init(name: [UInt8], epoch: UInt64, next: UInt64) {
        self.name = name
        self.epoch = epoch
        self.next = next
    }

    /// As a member of `welcome`, with the comma before it.
    var member: String {
        let name = String(decoding: self.name, as: UTF8.self)
        var text = #","producer":{"name":"\#(name)","epoch":\#(self.epoch),"next":\#(self.next)"#
        if !self.refused.isEmpty { text += #","refused":[\#(self.refused.map { "\($0)" }.joined(separator: ","))]"# }
        if let lost = self.lost { text += #","regressed":{"from":\#(lost.lowerBound),"to":\#(lost.upperBound)}"# }
        return text + "}"
    }
}
