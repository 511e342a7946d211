import BrokerWire

/// How far the end of a connection has come (RFC 6455, section 7).
///
/// A pure value; what it answers is carried out by the handler. After our Close the write side is shut and what still
/// comes is read and thrown away, so that the client gets the code instead of a reset.
struct CloseState: Hashable {
    enum Phase: Hashable {
        case open
        /// Stopping: everything asked so far is answered, then it closes.
        case draining
        /// Our Close is sent; the client has until `deadline` to answer.
        case closing(deadline: UInt64)
        case closed
    }

    enum Action: Hashable {
        case none
        /// Send this Close, shut the write side, and wait.
        case sendClose(CloseCode)
        /// Close the socket.
        case cut
    }

    private(set) var phase = Phase.open

    /// Whether requests are still taken.
    var takesRequests: Bool { self.phase == .open }
    var isOver: Bool { self.phase == .closed }

    /// Whether frames may still be sent.
    var maySend: Bool { self.phase == .open || self.phase == .draining }

    /// We want to close.
    mutating func close(_ code: CloseCode, deadline: UInt64) -> Action {
        guard self.maySend else { return .none }
        self.phase = .closing(deadline: deadline)
        return .sendClose(code)
    }

    /// The client's Close has come: it is answered with the same code, or ours was the answer it waited for.
    mutating func receivedClose(_ code: CloseCode?, deadline: UInt64) -> Action {
        switch self.phase {
        case .open, .draining:
            self.phase = .closing(deadline: deadline)
            return .sendClose(code ?? .normal)
        case .closing:
            self.phase = .closed
            return .cut
        case .closed:
            return .none
        }
    }

    /// The client has shut its side.
    mutating func receivedEnd() -> Action {
        guard self.phase != .closed else { return .none }
        self.phase = .closed
        return .cut
    }

    mutating func drain() {
        if self.phase == .open { self.phase = .draining }
    }

    mutating func timePassed(to now: UInt64) -> Action {
        guard case .closing(let deadline) = self.phase, now >= deadline else { return .none }
        self.phase = .closed
        return .cut
    }
}
