package import BrokerCore
package import NIOCore

/// How connections are served.
package struct TransportConfiguration: Sendable {
    package var limits = BrokerLimits()
    /// The most connections; each costs some kilobytes here and in the kernel. 0 for no bound.
    package var connections = 10_000
    /// The most from one address. 0 for no bound.
    package var connectionsPerAddress = 1000
    /// The most wrong credentials from one address in a minute: who guesses has to wait. 0 for no bound.
    package var failedLoginsPerMinute = 10
    /// The most publishes of one connection in a second, or 0: back-pressure holds a fast publisher anyway.
    package var publishesPerSecond = 0
    /// The most subscriptions of one connection in a second, or 0; as many as it may have at once count as none.
    package var subscriptionsPerSecond = 0
    /// How many publishes it may make at once after a pause.
    package var publishBurst = 0
    /// The most bytes of a request's header block, and of its fields. Requests here are short; the rest is attack.
    package var headerBytes = 16 * 1024
    package var headerFields = 100
    /// How long a client may take until its first request is complete. Who connects and says nothing costs memory.
    package var handshakeTimeout = TimeAmount.seconds(5)
    /// The longest from the first byte of a frame to its last.
    package var frameTimeout = TimeAmount.seconds(10)
    /// How often a client that says nothing is asked whether it is there.
    package var pingInterval = TimeAmount.seconds(25)
    /// How long it may take to answer.
    package var pongTimeout = TimeAmount.seconds(10)
    /// How long a client may take to answer a Close before the connection is cut.
    package var closeTimeout = TimeAmount.seconds(5)
    /// The same while the broker stops, which as a whole must not take longer than five seconds.
    package var stopTimeout = TimeAmount.seconds(2)
    /// When clients of a stopping broker should come back, in milliseconds.
    package var restartMilliseconds = 250

    package init() {}
}
