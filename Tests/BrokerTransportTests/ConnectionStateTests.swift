import BrokerWire
import Testing

@testable import BrokerTransport

private let second: UInt64 = 1_000_000_000

/// Whether a client is still there.
@Suite("Liveness")
struct LivenessTests {
    private func liveness() -> Liveness {
        Liveness(pingInterval: 25 * second, pongTimeout: 10 * second, frameTimeout: 10 * second, now: 0)
    }

    @Test func aSilentClientIsPingedAtTheIntervalAndNotBefore() {
        var liveness = self.liveness()
        #expect(liveness.timePassed(to: 25 * second - 1, isReading: true) == .none)
        #expect(liveness.timePassed(to: 25 * second, isReading: true) == .ping)
        #expect(liveness.timePassed(to: 26 * second, isReading: true) == .none)
    }

    @Test func aClientThatDoesNotAnswerIsGivenUpAtTheTimeoutAndNotBefore() {
        var liveness = self.liveness()
        _ = liveness.timePassed(to: 25 * second, isReading: true)
        #expect(liveness.timePassed(to: 35 * second - 1, isReading: true) == .none)
        #expect(liveness.timePassed(to: 35 * second, isReading: true) == .giveUp)
    }

    @Test func anyBytesCountAsLife() {
        var liveness = self.liveness()
        _ = liveness.timePassed(to: 25 * second, isReading: true)
        liveness.heard(at: 34 * second, isInsideFrame: false)
        #expect(liveness.timePassed(to: 35 * second, isReading: true) == .none)
        #expect(liveness.timePassed(to: 59 * second, isReading: true) == .ping)
    }

    @Test func theTimerRestsWhileTheBrokerDoesNotRead() {
        var liveness = self.liveness()
        #expect(liveness.timePassed(to: 100 * second, isReading: false) == .none)
        #expect(liveness.timePassed(to: 124 * second, isReading: true) == .none)
        #expect(liveness.timePassed(to: 125 * second, isReading: true) == .ping)
    }

    @Test func aFrameThatIsNotFinishedInTimeEndsTheConnection() {
        var liveness = self.liveness()
        liveness.heard(at: second, isInsideFrame: true)
        // More of the same frame does not help: the time counts from its first byte.
        liveness.heard(at: 9 * second, isInsideFrame: true)
        #expect(liveness.timePassed(to: 11 * second - 1, isReading: true) == .none)
        #expect(liveness.timePassed(to: 11 * second, isReading: true) == .frameTimedOut)
    }

    @Test func theNextFrameHasItsOwnTime() {
        var liveness = self.liveness()
        liveness.heard(at: second, isInsideFrame: true)
        liveness.frameEnded()
        liveness.heard(at: 9 * second, isInsideFrame: true)
        #expect(liveness.timePassed(to: 11 * second, isReading: true) == .none)
        #expect(liveness.timePassed(to: 19 * second, isReading: true) == .frameTimedOut)
    }
}

/// How a connection ends.
@Suite("Close state")
struct CloseStateTests {
    @Test func ourCloseWaitsForTheClientsAndThenCuts() {
        var state = CloseState()
        #expect(state.close(.tooLarge, deadline: 5) == .sendClose(.tooLarge))
        #expect(!state.maySend)
        #expect(state.receivedClose(.tooLarge, deadline: 5) == .cut)
        #expect(state.isOver)
    }

    @Test func theClientsCloseIsAnsweredWithItsOwnCode() {
        var state = CloseState()
        #expect(state.receivedClose(CloseCode(rawValue: 3000), deadline: 5) == .sendClose(CloseCode(rawValue: 3000)))
        var silent = CloseState()
        #expect(silent.receivedClose(nil, deadline: 5) == .sendClose(.normal))
    }

    @Test func aClientThatDoesNotAnswerIsCutAtTheDeadlineAndNotBefore() {
        var state = CloseState()
        _ = state.close(.normal, deadline: 5)
        #expect(state.timePassed(to: 4) == .none)
        #expect(state.timePassed(to: 5) == .cut)
        #expect(state.timePassed(to: 6) == .none)
    }

    @Test func onlyTheFirstReasonCounts() {
        var state = CloseState()
        _ = state.close(.invalidUTF8, deadline: 5)
        #expect(state.close(.protocolError, deadline: 9) == .none)
    }

    @Test func aDrainingConnectionTakesNoRequestsAndStillAnswers() {
        var state = CloseState()
        state.drain()
        #expect(!state.takesRequests)
        #expect(state.maySend)
        #expect(state.close(.serviceRestart, deadline: 5) == .sendClose(.serviceRestart))
    }

    @Test func theEndOfTheStreamCutsOnce() {
        var state = CloseState()
        #expect(state.receivedEnd() == .cut)
        #expect(state.receivedEnd() == .none)
        #expect(state.close(.normal, deadline: 5) == .none)
    }
}

/// How many publishes a second.
@Suite("Token bucket")
struct TokenBucketTests {
    @Test func theBurstIsTakenAtOnceAndTheNextOneWaits() {
        var bucket = TokenBucket(perSecond: 10, burst: 3, now: 0)
        for _ in 0..<3 { #expect(bucket.take(at: 0) == nil) }
        #expect(bucket.take(at: 0) == 100)
        #expect(bucket.take(at: second / 10) == nil)
        #expect(bucket.take(at: second / 10) == 100)
    }

    @Test func aPauseFillsItToTheBurstAndNotPast() {
        var bucket = TokenBucket(perSecond: 10, burst: 3, now: 0)
        for _ in 0..<3 { _ = bucket.take(at: 0) }
        for _ in 0..<3 { #expect(bucket.take(at: 100 * second) == nil) }
        #expect(bucket.take(at: 100 * second) != nil)
    }
}

/// How many connections.
@Suite("Connection gate")
struct ConnectionGateTests {
    @Test func theLimitsHoldAtTheLimitAndOnePast() {
        let gate = ConnectionGate(connectionsMax: 3, perAddressMax: 2)
        #expect(gate.enter("a") == .admitted)
        #expect(gate.enter("a") == .admitted)
        #expect(gate.enter("a") == .addressFull(limit: 2))
        #expect(gate.enter("b") == .admitted)
        #expect(gate.enter("c") == .full(limit: 3))
        gate.leave("a")
        #expect(gate.enter("a") == .admitted)
    }

    @Test func anIPv6AddressCountsAsItsNetwork() {
        let gate = ConnectionGate(connectionsMax: 0, perAddressMax: 1)
        #expect(gate.enter("2001:db8:1:2::1") == .admitted)
        #expect(gate.enter("2001:db8:1:2:ffff::9") == .addressFull(limit: 1))
        #expect(gate.enterForwarded("2001:db8:1:2::7") == .addressFull(limit: 1))
        #expect(gate.enter("2001:db8:1:3::1") == .admitted)
        gate.leave("2001:db8:1:2::1")
        #expect(gate.enterForwarded("2001:db8:1:2::7") == .admitted)
    }

    /// The connection is the proxy's, and counts once; its client counts by itself.
    @Test func aProxysConnectionAndItsClientCountOnceEach() {
        let gate = ConnectionGate(connectionsMax: 2, perAddressMax: 1)
        for client in ["a", "b"] {
            #expect(gate.enter(nil) == .admitted)
            #expect(gate.enterForwarded(client) == .admitted)
        }
        #expect(gate.enter(nil) == .full(limit: 2))
        gate.leaveForwarded("a")
        gate.leave(nil)
        #expect(gate.enter(nil) == .admitted)
        #expect(gate.enterForwarded("b") == .addressFull(limit: 1))
        #expect(gate.enterForwarded("a") == .admitted)
    }

    @Test func zeroIsNoBound() {
        let gate = ConnectionGate(connectionsMax: 0, perAddressMax: 0)
        for _ in 0..<10_000 { #expect(gate.enter("a") == .admitted) }
    }
}
