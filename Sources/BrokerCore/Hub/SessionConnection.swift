package import BrokerWire

/// The way back to one client, as its hub sees it.
///
/// The hub decides what is sent and when; the connection sends it. All calls are made on the hub's event loop.
package protocol SessionConnection: AnyObject {
    /// Who is at the other end; `nil` for the broker's own questions to itself. Asked for only when somebody wants to
    /// know, so that a connection need not hold it.
    var peer: PeerDescription? { get }

    /// Whether the socket took all that it was given so far. While it has not, the hub keeps what comes.
    var isWritable: Bool { get }

    /// Sends finished frames. What the socket does not take now, the connection keeps and sends later; it then calls
    /// ``Hub/connectionBecameWritable(_:at:)``.
    func write(_ bytes: UnsafeRawBufferPointer)

    /// An answer has been given: the client may ask more.
    func answered()

    /// A second has passed; `now` is on the monotonic clock.
    func secondPassed(_ now: UInt64)

    /// Other rules say now who has to show who it is.
    func accessChanged()

    /// The broker stops: say goodbye once everything asked so far is answered.
    func drain()

    /// Says goodbye and ends the connection after what was written.
    func close(_ code: CloseCode, reason: String)
}
