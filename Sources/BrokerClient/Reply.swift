import BrokerWire

/// The number by which a client knows an answer as the one to its request.
enum RequestID: Hashable, Sendable {
    /// A publish. These are numbered without gaps, and travel as numbers.
    case publish(UInt64)
    /// Anything else. These travel as strings, `"r1"`, so that they leave no gaps in the numbers of the publishes.
    case control(UInt64)
}

/// What the broker sent, as the ranges of its fields in the message that it came in.
struct Reply: Sendable {
    enum Operation: Sendable {
        /// Something that a later version of the broker says.
        case unknown
        case welcome
        case acknowledgement
        case pong
        case message
        case error
        case bye
        /// The broker tells what is about to happen.
        case notice
        /// The broker has ended a subscription.
        case ended
    }

    var operation: Operation = .unknown
    /// Absent also where the id is none of this client's.
    var id: RequestID?
    /// The number of a producer's publish.
    var seq: UInt64?
    var topic: ByteRange = .empty
    var epoch: ByteRange = .empty
    /// The value as JSON text; empty when absent.
    var data: ByteRange = .empty
    var exact: ByteRange = .empty
    var name: ByteRange = .empty
    var reason: ByteRange = .empty
    var why: ByteRange = .empty
    var retry: ByteRange = .empty
    /// Where the producer stands, as JSON text.
    var producer: ByteRange = .empty
    var offset: UInt64 = 0
    var timestamp: UInt64?
    var code: UInt64 = 0
    var afterMilliseconds: UInt64?
    var messageBytesMax: UInt64?
    var isRetained = false
    var isDuplicate = false
    var isApplied = true
}

extension Reply {
    /// The refusal that this is, when it is one.
    func refusal(in message: UnsafeRawBufferPointer) -> BrokerRefusal {
        func text(_ range: ByteRange) -> String { String(decoding: range.bytes(in: message), as: UTF8.self) }
        let number = UInt16(clamping: self.code)
        return BrokerRefusal(
            number: number,
            name: self.name.isEmpty ? "error" : text(self.name),
            reason: text(self.reason),
            why: self.why.isEmpty ? nil : text(self.why),
            retry: Retry(rawValue: text(self.retry)) ?? ErrorCode(rawValue: number)?.retry ?? .no,
            afterMilliseconds: self.afterMilliseconds.map { Int(clamping: $0) }
        )
    }
}
