/// What a client asks, as the ranges of its fields in the message that it came in.
///
/// A value without references: it costs nothing to make and can be handed to another event loop beside a copy of the
/// message's bytes. It has at most 128 bytes, which the compiler moves without a call.
package struct Request: Sendable {
    package enum Operation: UInt8, Sendable {
        case hello
        case subscribe
        case unsubscribe
        case publish
        case get
        case reset
        case ping
        /// A bare number of a connection in plain mode.
        case plain
    }

    /// What a subscription receives when it can not keep up.
    package enum Mode: UInt8, Sendable {
        /// The newest value of each topic; what lies between may be skipped.
        case latest
        /// Every message in order.
        case all
    }

    /// The type of a JSON value, told by its first byte.
    package enum ValueKind: UInt8, Sendable {
        case absent
        case null
        case boolean
        case number
        case string
        case container
    }

    package var operation: Operation = .ping
    package var mode: Mode?
    package var retain = false
    package var echo = true
    package var wantsRetained = true
    package var dataKind: ValueKind = .absent
    package var hasSince = false
    package var hasProducer = false
    package var producerResumes = false
    /// How long the whole message is.
    package var messageBytes: UInt32 = 0
    /// The number that a producer gave the publish. No number is 0, so that stands for none.
    private var numberOrNone: UInt64 = 0
    /// Larger than any that can be said stands for none.
    private var versionOrNone: UInt64 = .max
    /// Messages per second and topic, or 0 for no bound.
    package var maxRate: Double = 0
    /// The token as it came, quotes included, so that it can be echoed without being understood.
    package var id: ByteRange = .empty
    /// The topic, or the topic filter of `sub` and `unsub`, unescaped.
    package var topic: ByteRange = .empty
    /// The value as the client wrote it.
    package var data: ByteRange = .empty
    package var once: ByteRange = .empty
    package var sinceEpoch: ByteRange = .empty
    package var sinceOffset: UInt64 = 0
    /// What `hello` says about the producer that it speaks for: its name, unescaped, the epoch that it knows, and the
    /// highest number that it knows to be accepted.
    package var producerName: ByteRange = .empty
    private var epochOrNone: UInt64 = 0
    /// Larger than any that can be said stands for none.
    private var ackedOrNone: UInt64 = .max

    /// What the client says that it is, unescaped.
    package var client: ByteRange = .empty
    /// What shows who the client is, unescaped.
    package var token: ByteRange = .empty

    package init() {}

    /// The version of the protocol that `hello` says.
    package var version: UInt64? {
        get { self.versionOrNone == .max ? nil : self.versionOrNone }
        set { self.versionOrNone = newValue ?? .max }
    }

    package var seq: UInt64? {
        get { self.numberOrNone == 0 ? nil : self.numberOrNone }
        set { self.numberOrNone = newValue ?? 0 }
    }

    /// The epoch that `hello` says; no epoch is 0.
    package var producerEpoch: UInt64? {
        get { self.epochOrNone == 0 ? nil : self.epochOrNone }
        set { self.epochOrNone = newValue ?? 0 }
    }

    package var producerAcked: UInt64? {
        get { self.ackedOrNone == .max ? nil : self.ackedOrNone }
        set { self.ackedOrNone = newValue ?? .max }
    }

    /// Whether the client waits for an answer even if all goes well.
    package var isAnswered: Bool { self.operation != .publish || !self.id.isEmpty || self.seq != nil }
}

/// Why a message is not a request.
package struct RequestError: Error, Sendable {
    package var code: ErrorCode
    /// The field at fault, or empty.
    package var field: StaticString
    /// What is wrong with it, for people.
    package var reason: String
    /// The `id` of the request, where it could be read.
    package var id: ByteRange = .empty
    /// The number of a numbered publish, which gets its verdict by this.
    package var seq: UInt64?
    /// The topic that was meant, where there is no `id` to tell the request by.
    package var topic: ByteRange = .empty
    /// When to try again, for refusals that pass.
    package var afterMilliseconds: Int?

    package init(_ code: ErrorCode, field: StaticString = "", _ reason: String, id: ByteRange = .empty) {
        self.code = code
        self.field = field
        self.reason = reason
        self.id = id
    }
}
