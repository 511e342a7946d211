import BrokerCore
import BrokerWire

/// What the sessions of one event loop have to say to the core on another one: one of these a tick.
struct CommandBatch: Sendable {
    enum Command: Sendable {
        /// A request and where its message begins in ``CommandBatch/bytes``.
        case request(Request, start: Int, session: SessionID)
        case refusal(RequestError, start: Int, count: Int, session: SessionID, isLast: Bool)
        case identified(SessionID, Identity, isRenewal: Bool)
        case end(SessionID, AuthenticationFailure)
        case drained(SessionID)
        case closed(SessionID)
    }

    private(set) var commands: [Command] = []
    private(set) var bytes: [UInt8] = []

    /// Past this the sessions of the loop are not read until the core has taken what there is.
    static let bytesMax = 4 * 1024 * 1024

    var isEmpty: Bool { self.commands.isEmpty }
    var isFull: Bool { self.bytes.count >= Self.bytesMax }

    mutating func add(_ request: Request, _ message: UnsafeRawBufferPointer, _ session: SessionID) {
        self.commands.append(.request(request, start: self.bytes.count, session: session))
        self.bytes.append(contentsOf: message)
    }

    mutating func add(
        _ error: RequestError,
        _ message: UnsafeRawBufferPointer,
        _ session: SessionID,
        isLast: Bool
    ) {
        self.commands.append(
            .refusal(error, start: self.bytes.count, count: message.count, session: session, isLast: isLast)
        )
        self.bytes.append(contentsOf: message)
    }

    mutating func add(_ identity: Identity, _ session: SessionID, isRenewal: Bool) {
        self.commands.append(.identified(session, identity, isRenewal: isRenewal))
    }

    mutating func add(_ failure: AuthenticationFailure, _ session: SessionID) {
        self.commands.append(.end(session, failure))
    }

    mutating func addDrained(_ session: SessionID) { self.commands.append(.drained(session)) }

    mutating func addClosed(_ session: SessionID) { self.commands.append(.closed(session)) }
}
