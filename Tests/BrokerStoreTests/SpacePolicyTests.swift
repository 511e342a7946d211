import BrokerStore
import Testing

/// When publishes are refused for want of room, and what the spare file does.
@Suite struct SpacePolicyTests {
    private static let mebibyte = 1 << 20

    private func policy(reserved: Int = 64, spare: Int = 16, hasSpare: Bool = true) -> SpacePolicy {
        SpacePolicy(
            reservedBytes: reserved * Self.mebibyte,
            spareBytes: spare * Self.mebibyte,
            hasSpare: hasSpare
        )
    }

    private func seen(_ free: Int, log: Int = 0, wasFull: Bool = false) -> SpacePolicy.Observation {
        .init(freeBytes: free * Self.mebibyte, logBytes: log * Self.mebibyte, wasFull: wasFull)
    }

    private func isEnter(_ actions: [SpacePolicy.Action]) -> Bool {
        guard actions.count == 1, case .enterShortage = actions[0] else { return false }
        return true
    }

    @Test func itBeginsBelowTheReserveAndEndsAtTwiceAsMuch() {
        var policy = self.policy()
        #expect(policy.observe(self.seen(64)).isEmpty)
        #expect(self.isEnter(policy.observe(self.seen(63))))
        #expect(policy.observe(self.seen(63)).isEmpty, "it is said once")
        #expect(policy.observe(self.seen(127)).isEmpty)
        #expect(policy.observe(self.seen(128)) == [.leaveShortage])
    }

    @Test func aLogThatHasGrownNeedsFourTimesItsSize() {
        var policy = self.policy()
        #expect(policy.observe(self.seen(80, log: 20)).isEmpty)
        #expect(self.isEnter(policy.observe(self.seen(79, log: 20))))
    }

    @Test func theReasonSaysHowMuchThereIsAndHowMuchIsNeeded() {
        var policy = self.policy()
        let reason = "the disk has 3 MiB left, and 64 MiB have to be free"
        #expect(policy.observe(self.seen(3)) == [.enterShortage(reason: reason)])
    }

    @Test func theSpareFileGoesWhenNearlyNothingIsLeftAndComesBackWithRoom() {
        var policy = self.policy()
        #expect(self.isEnter(policy.observe(self.seen(10))))
        #expect(policy.observe(self.seen(0)) == [.releaseSpare])
        #expect(policy.observe(self.seen(16)).isEmpty)
        #expect(policy.observe(self.seen(0)).isEmpty, "it can be given up once")
        #expect(policy.observe(self.seen(128)) == [.leaveShortage])
        #expect(policy.observe(self.seen(143)).isEmpty)
        #expect(policy.observe(self.seen(144)) == [.makeSpare])
        #expect(policy.observe(self.seen(128)).isEmpty)
    }

    @Test func aCommitThatFoundNoRoomIsAShortageWhateverTheDiskSays() {
        var policy = self.policy()
        let actions = policy.observe(self.seen(1000, wasFull: true))
        #expect(actions.count == 2)
        #expect(actions.last == .releaseSpare)
    }

    @Test func aSpareFileThatCouldNotBeMadeIsTriedAgain() {
        var policy = self.policy(hasSpare: false)
        #expect(policy.observe(self.seen(200)) == [.makeSpare])
        policy.spareFailed()
        #expect(policy.observe(self.seen(200)) == [.makeSpare])
        #expect(policy.observe(self.seen(200)).isEmpty)
    }

    @Test func withoutAReserveOnlyTheSpareFileComesAndGoes() {
        var policy = self.policy(reserved: 0)
        #expect(policy.observe(self.seen(2)).isEmpty)
        #expect(policy.observe(self.seen(0, wasFull: true)) == [.releaseSpare])
        #expect(policy.observe(self.seen(31)).isEmpty)
        #expect(policy.observe(self.seen(32)) == [.makeSpare])
    }

    @Test func withoutEitherNothingEverHappens() {
        var policy = self.policy(reserved: 0, spare: 0, hasSpare: false)
        for free in [0, 1, 1000] { #expect(policy.observe(self.seen(free, wasFull: free == 0)).isEmpty) }
    }
}
