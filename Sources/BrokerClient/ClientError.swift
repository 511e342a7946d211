/// Why something that a ``BrokerClient`` was asked for did not happen.
///
/// The code tells a program what kind of failure it is and is never reused; the message is for people and may change
/// in any release. What the broker itself refused carries the broker's own words in ``refusal``.
public struct ClientError: Error, Hashable, Sendable {
    /// The kind of failure.
    public var code: Code
    /// What happened, for people.
    public var message: String
    /// What the broker said, where it was the broker that refused.
    public var refusal: BrokerRefusal?
    /// The broker's number: of the refusal, or of the Close frame that ended the connection.
    public var brokerCode: UInt16?

    /// An error of its parts, for tests of programs that meet one.
    public init(_ code: Code, _ message: String, brokerCode: UInt16? = nil) {
        self.code = code
        self.message = message
        self.brokerCode = brokerCode
    }

    /// An error for what the broker refused.
    public init(_ refusal: BrokerRefusal) {
        self.code = .refused
        self.message = refusal.description
        self.refusal = refusal
        self.brokerCode = refusal.number
    }

    /// Whether the broker refused who the client is, rather than what it asked: 41xx, or HTTP 401 and 403.
    public var isAboutIdentity: Bool {
        guard let brokerCode = self.brokerCode else { return false }
        return (4100..<4200).contains(brokerCode) || brokerCode == 401 || brokerCode == 403
    }
}

extension ClientError {
    /// The kind of a ``ClientError``.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case cannotConnect
            case noCredentials
            case handshakeRefused
            case refused
            case connectionLost
            case outcomeUnknown
            case closedByBroker
            case protocolViolation
            case closed
            case invalidArgument
            case messageTooLarge
            case slowConsumer
            case alreadySubscribed
            case producerTaken
        }

        private let kind: Kind

        /// The name of the code, for logs.
        public var description: String { self.kind.rawValue }

        /// The broker could not be reached, or did not answer in time.
        public static let cannotConnect = Self(kind: .cannotConnect)
        /// ``ClientConfiguration/freshCredentials`` threw, gave none that can be sent, or took too long.
        public static let noCredentials = Self(kind: .noCredentials)
        /// Something answered, but not with a WebSocket that speaks this protocol.
        public static let handshakeRefused = Self(kind: .handshakeRefused)
        /// The broker answered with a refusal.
        public static let refused = Self(kind: .refused)
        /// The connection ended before the answer to a request that changes nothing; it may be asked again.
        public static let connectionLost = Self(kind: .connectionLost)
        /// The connection ended after a publish was sent and before its answer: it may have been applied or not.
        public static let outcomeUnknown = Self(kind: .outcomeUnknown)
        /// The broker closed the connection in a way that asks the client not to come back by itself.
        public static let closedByBroker = Self(kind: .closedByBroker)
        /// The broker sent something that is not this protocol.
        public static let protocolViolation = Self(kind: .protocolViolation)
        /// The client was shut down, or never started.
        public static let closed = Self(kind: .closed)
        /// What was passed in can not be sent.
        public static let invalidArgument = Self(kind: .invalidArgument)
        /// The message is larger than the broker takes; sending it would cost the connection.
        public static let messageTooLarge = Self(kind: .messageTooLarge)
        /// A subscription was not read while the client waited for answers on the same connection.
        public static let slowConsumer = Self(kind: .slowConsumer)
        /// The client has a subscription with this filter already.
        public static let alreadySubscribed = Self(kind: .alreadySubscribed)
        /// Numbers of the client's producer were used by somebody else, or the broker has lost all it knew of them.
        public static let producerTaken = Self(kind: .producerTaken)
    }
}

extension ClientError {
    /// A message of `count` bytes where the broker takes `max`.
    static func tooLarge(_ count: Int, max: Int) -> Self {
        Self(
            .messageTooLarge,
            "\(count) bytes are too many: the broker takes messages of at most \(max) bytes, envelope included"
        )
    }
}

extension ClientError: CustomStringConvertible {
    /// The message.
    public var description: String { self.message }
}
