/// Whether a client is still there: when to ask, and when to give up.
///
/// A pure value; times are nanoseconds on a clock that only goes forward. Any frame counts as life, and while the
/// broker itself does not read from the client, silence means nothing.
struct Liveness: Hashable {
    enum Action: Hashable {
        case none
        case ping
        /// It has not answered.
        case giveUp
        /// It has begun a frame and not finished it.
        case frameTimedOut
    }

    private let pingInterval: UInt64
    private let pongTimeout: UInt64
    private let frameTimeout: UInt64
    private var lastHeard: UInt64
    private var pingSent: UInt64?
    private var frameStarted: UInt64?

    init(pingInterval: UInt64, pongTimeout: UInt64, frameTimeout: UInt64, now: UInt64) {
        self.pingInterval = pingInterval
        self.pongTimeout = pongTimeout
        self.frameTimeout = frameTimeout
        self.lastHeard = now
    }

    /// Bytes have come.
    ///
    /// - `isInsideFrame`: Whether they end inside a frame.
    mutating func heard(at now: UInt64, isInsideFrame: Bool) {
        self.lastHeard = now
        self.pingSent = nil
        self.frameStarted = isInsideFrame ? self.frameStarted ?? now : nil
    }

    /// A frame has ended, and perhaps another one begun: the time of a frame counts from its own first byte.
    mutating func frameEnded() { self.frameStarted = nil }

    /// Time has passed.
    mutating func timePassed(to now: UInt64, isReading: Bool) -> Action {
        guard isReading else {
            self.lastHeard = now
            self.pingSent = nil
            if self.frameStarted != nil { self.frameStarted = now }
            return .none
        }
        if let started = self.frameStarted, now - started >= self.frameTimeout { return .frameTimedOut }
        if let sent = self.pingSent { return now - sent >= self.pongTimeout ? .giveUp : .none }
        guard now - self.lastHeard >= self.pingInterval else { return .none }
        self.pingSent = now
        return .ping
    }
}
