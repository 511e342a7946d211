import BrokerWire

/// Decides when to connect, when to come back after a loss, and when to give up; performs nothing.
///
/// Time and randomness come from the caller. It does not know sockets, requests or subscriptions: those hang on
/// whether ``canSend`` and on the actions.
struct ConnectionStateMachine {
    private enum State {
        case idle
        /// An attempt is under way, from the first packet to the broker's `welcome`.
        case connecting
        case open(since: Duration)
        /// The broker said `bye`: it answers what it has and takes nothing new.
        case leaving(since: Duration, notBefore: Duration)
        /// There is no connection, and there will be one later.
        case waiting
        /// The program asked for the end, and the connection is being closed.
        case closing
        case finished
    }

    /// What to do after an attempt failed or a connection was lost.
    enum NextAction: Hashable {
        case connect(after: Duration)
        /// There will be no connection any more.
        case finish
        /// It had been given up before.
        case nothing
    }

    enum ShutdownAction: Hashable {
        /// Close the connection; ``connectionEnded(_:at:using:)`` comes later.
        case close
        /// There is no connection to close.
        case finish
        case nothing
    }

    /// How long a connection has to last before a loss counts as the first of its kind again. Without it a client
    /// that the broker closes right after each welcome would come back ten times a second for ever.
    static let goodAfter: Duration = .seconds(5)

    private var state = State.idle
    private var backoff: ReconnectBackoff
    private let retriesFirst: Bool
    private let hasFreshCredentials: Bool
    private var hasConnected = false

    /// - `retriesFirst`: Whether a first attempt that fails is made again.
    /// - `hasFreshCredentials`: Whether each attempt may be made with other credentials than the last one.
    init(backoff: ReconnectBackoff, retriesFirst: Bool, hasFreshCredentials: Bool = false) {
        self.backoff = backoff
        self.retriesFirst = retriesFirst
        self.hasFreshCredentials = hasFreshCredentials
    }

    /// Whether requests may be written now.
    var canSend: Bool {
        if case .open = self.state { true } else { false }
    }

    /// Whether an attempt to connect is under way.
    var awaitsWelcome: Bool {
        if case .connecting = self.state { true } else { false }
    }

    /// The client was started; returns whether to connect now.
    mutating func started() -> Bool {
        guard case .idle = self.state else { return false }
        self.state = .connecting
        return true
    }

    /// The broker said welcome; returns whether the connection is still wanted.
    mutating func connected(at now: Duration) -> Bool {
        guard case .connecting = self.state else { return false }
        self.state = .open(since: now)
        self.hasConnected = true
        return true
    }

    /// The broker said `bye` and when to come back.
    mutating func receivedBye(afterMilliseconds: UInt64?) {
        guard case .open(let since) = self.state else { return }
        let floor = Duration.milliseconds(Int64(clamping: afterMilliseconds ?? 0))
        // Nobody is told to stay away for hours by a number that somebody mistyped.
        self.state = .leaving(since: since, notBefore: min(floor, .seconds(600)))
    }

    /// An attempt failed, or the connection is gone.
    mutating func connectionEnded(
        _ error: ClientError,
        at now: Duration,
        using generator: inout some RandomNumberGenerator
    ) -> NextAction {
        var floor: Duration = .zero
        switch self.state {
        case .connecting:
            break
        case .open(let since), .leaving(let since, _):
            if now - since >= Self.goodAfter { self.backoff.reset() }
            if case .leaving(_, let notBefore) = self.state { floor = notBefore }
        case .closing:
            self.state = .finished
            return .finish
        case .idle, .waiting, .finished:
            return .nothing
        }
        guard self.mayReconnect(after: error), self.hasConnected || self.retriesFirst else {
            self.state = .finished
            return .finish
        }
        self.state = .waiting
        return .connect(after: self.backoff.next(notBefore: floor, using: &generator))
    }

    /// The wait is over; returns whether to connect now.
    mutating func waited() -> Bool {
        guard case .waiting = self.state else { return false }
        self.state = .connecting
        return true
    }

    /// The program asked for the end.
    mutating func shutDown() -> ShutdownAction {
        switch self.state {
        case .open, .leaving, .connecting:
            self.state = .closing
            return .close
        case .idle, .waiting:
            self.state = .finished
            return .finish
        case .closing, .finished:
            return .nothing
        }
    }

    /// Whether another attempt can do better without somebody changing something first.
    private func mayReconnect(after error: ClientError) -> Bool {
        switch error.code {
        case .handshakeRefused:
            // 408 and 429 pass by themselves, as does what is wrong on the broker's side.
            guard let status = error.brokerCode else { return false }
            return status == 408 || status == 429 || status >= 500 || (status == 401 && self.hasFreshCredentials)
        case .closedByBroker, .refused:
            guard let code = error.brokerCode else { return true }
            let isAboutCredentials = [ErrorCode.tokenExpired, .tokenInvalid].contains { $0.rawValue == code }
            if isAboutCredentials, self.hasFreshCredentials { return true }
            // 40xx: the same would be wrong again. 41xx: so would be the same client. And what was forgotten stays so.
            return !(4000..<4200).contains(code) && code != ErrorCode.producerUnknown.rawValue
        case .producerTaken, .invalidArgument:
            return false
        default:
            return true
        }
    }
}
