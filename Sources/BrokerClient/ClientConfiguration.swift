public import Logging

/// What a ``BrokerClient`` connects to and what it may use.
public struct ClientConfiguration: Sendable {
    /// Where the broker listens.
    public var address: BrokerAddress
    /// Who the client says it is; those of ``address``, if it has some, stand in for none.
    public var credentials = ClientCredentials.none
    /// Asked for what stands instead of ``credentials``: before each attempt to connect, and when the broker says that
    /// those in use end soon. A token that is another one then renews the connection, which loses nothing by it.
    ///
    /// They have to be those of the same principal always: producers and names of `once` are a principal's own, so what
    /// is sent again as somebody else counts again.
    ///
    /// It may take ``connectTimeout``, and is cancelled then. An attempt for which it throws has failed, and is made
    /// again like any other; a connection for which it throws goes on until its credentials end. With it the client
    /// also comes back when they have ended (4101), or are not known (4102, HTTP 401).
    public var freshCredentials: (@Sendable () async throws -> ClientCredentials)?
    /// Fields that the request of the handshake has besides its own.
    public var headers: [HeaderField] = []
    /// How TLS is spoken where the address is `wss://`.
    public var tls = TLSOptions()
    /// How the client calls itself in `hello`; for the broker's log.
    public var clientName = "BrokerClient/1.0"
    /// Under which name publishes are numbered, so that none counts twice when a connection is lost.
    public var producer = Producer.ephemeral
    /// How long connecting may take, from the first packet to the broker's `welcome`.
    public var connectTimeout: Duration = .seconds(10)
    /// How long a connection may be silent. The broker pings every 25 s and waits 10 s for the answer, so after 40 s
    /// without a byte it is gone.
    public var idleTimeout: Duration = .seconds(40)
    /// After how long without a byte the client asks the broker whether it is there; it gives the connection up when
    /// nothing comes within ten seconds. It stands instead of ``idleTimeout``.
    ///
    /// For what stands between the two and drops connections that are silent for less than the broker's 25 s, and for
    /// brokers that ping seldom.
    public var keepAlive: Duration?
    /// How long ``BrokerClient/shutdown()`` waits for the broker to answer the Close frame.
    public var closeTimeout: Duration = .seconds(5)
    /// How the waits between attempts to connect grow.
    public var backoff = ReconnectBackoff()
    /// Whether ``BrokerClient/start()`` goes on trying when the first attempt fails, instead of throwing.
    public var retriesFirstConnection = false
    /// The largest message that is taken from the broker, in bytes.
    public var receivedBytesMax = 1024 * 1024
    /// How many publishes may be under way. The broker stops reading from a connection with more than 1,024.
    public var inFlightMax = 512
    /// How many bytes of publishes may be under way. The broker stops reading from a connection with more than 4 MiB.
    public var inFlightBytesMax = 4 * 1024 * 1024
    /// How many messages of one subscription are kept for a program that is behind, before the client stops reading.
    public var bufferedMessagesMax = 1024
    /// How many bytes of one subscription's messages are kept before the client stops reading.
    public var bufferedBytesMax = 4 * 1024 * 1024
    /// Where the client logs what it does; nothing above `info` is expected in a healthy life.
    public var logger: Logger
    /// Told what happens to the connection, on the client's event loop: it must return at once.
    public var onEvent: (@Sendable (ClientEvent) -> Void)?
    /// What copies of this configuration share.
    let sharedTLS = ClientTLS()

    /// The defaults for a broker at `address`; without a `logger` nothing is logged.
    public init(address: BrokerAddress, logger: Logger? = nil) {
        self.address = address
        self.logger = logger ?? Logger(label: "BrokerClient", factory: { _ in SwiftLogNoOpLogHandler() })
    }

    /// The broker reads on after this many unacknowledged publishes only when some were answered, and of a producer it
    /// knows the verdict on just as many.
    package static let inFlightCeiling = 1024

    /// Makes the context of TLS, which reads files, off the event loop; whoever needs it then finds it made.
    @concurrent
    func prepareTLS() async {
        if self.address.isSecure { _ = try? self.sharedTLS.context(for: self.tls) }
    }

    /// Throws when no request of a handshake can be sent, whatever fresh credentials there will be.
    func checkRequest() throws(ClientError) {
        guard self.freshCredentials != nil else {
            _ = try self.requestFields(as: self.credentials)
            return
        }
        try self.checkThatNoFieldIsAuthorization()
    }

    /// What the request of the handshake has besides its own fields; throws when that can not be sent.
    func requestFields(as credentials: ClientCredentials) throws(ClientError) -> [HeaderField] {
        guard let authorization = try self.identity(credentials).authorization() else { return self.headers }
        try self.checkThatNoFieldIsAuthorization()
        return [try HeaderField(name: "Authorization", value: authorization)] + self.headers
    }

    /// What stands for `credentials` on the wire.
    func identity(_ credentials: ClientCredentials) -> ClientCredentials {
        credentials == .none ? self.address.credentials : credentials
    }

    /// Whether the client says who it is.
    var hasIdentity: Bool { self.freshCredentials != nil || self.identity(self.credentials) != .none }

    private func checkThatNoFieldIsAuthorization() throws(ClientError) {
        guard self.headers.contains(where: \.isAuthorization) else { return }
        throw ClientError(.invalidArgument, "there are credentials, and a header field Authorization as well")
    }

    /// This configuration with every number brought to where the client can work with it.
    package var normalized: Self {
        var copy = self
        copy.inFlightMax = min(max(self.inFlightMax, 1), Self.inFlightCeiling)
        copy.inFlightBytesMax = min(max(self.inFlightBytesMax, 1), 4 * 1024 * 1024)
        copy.bufferedMessagesMax = max(self.bufferedMessagesMax, 1)
        copy.bufferedBytesMax = max(self.bufferedBytesMax, 1)
        copy.receivedBytesMax = max(self.receivedBytesMax, 1024)
        copy.keepAlive = self.keepAlive.map { max($0, .seconds(1)) }
        return copy
    }
}

/// What happens to a client's connection.
public enum ClientEvent: Hashable, Sendable {
    /// The broker said welcome.
    case connected
    /// There is no connection any more; the next attempt begins after `retryAfter`.
    case disconnected(ClientError, retryAfter: Duration)
    /// The broker has taken fresh credentials; the connection and all that hangs on it go on.
    case credentialsRenewed
    /// There were no credentials but those in use, or the broker did not take others; the connection goes on until
    /// those end that it has.
    case renewalFailed(ClientError)
    /// The broker refused something that awaits no answer, such as a publish without acknowledgement.
    case refused(BrokerRefusal, topic: String?)
    /// The broker can not take the producer's publishes now; they are sent again after `retryAfter`.
    case publishesHeld(BrokerRefusal, retryAfter: Duration)
    /// The broker has lost publishes that it had acknowledged: an older state of it was put back. Outcomes that were
    /// reported stay as they are; nothing is sent again.
    case regressed(ProducerPosition.Regression)
}

/// What to receive of a subscription, and how.
public struct SubscriptionOptions: Hashable, Sendable {
    /// What a subscriber receives that can not keep up.
    public enum Mode: String, Hashable, Sendable {
        /// The newest value of each topic; values between may be skipped.
        case latest
        /// Every message in order.
        case all
    }

    /// Absent: `latest` on topics with an aggregator, `all` on others.
    public var mode: Mode?
    /// The most messages per second of each topic.
    public var maxRate: Double?
    /// Whether to receive what this client publishes itself.
    public var echo: Bool
    /// Whether to receive what is there already, before what comes.
    public var retained: Bool

    /// By default everything that there is and that comes, in the topic's own mode.
    public init(mode: Mode? = nil, maxRate: Double? = nil, echo: Bool = true, retained: Bool = true) {
        self.mode = mode
        self.maxRate = maxRate
        self.echo = echo
        self.retained = retained
    }
}
