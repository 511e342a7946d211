import Testing

@testable import BrokerCommandLine

@Suite("Ages of totals")
struct TotalAgesTests {
    @Test func aValueIsAsOldAsThePublishWithItsOffset() {
        var ages = TotalAges(publishesMax: 8, waitingMax: 8)
        #expect(ages.acknowledged(1, intended: 100) == [])
        #expect(ages.acknowledged(2, intended: 110) == [])
        #expect(ages.received(2, at: 150) == 110)
        #expect(ages.received(2, at: 160) == 110)
        #expect(ages.unmatched == 0)
    }

    @Test func aValueThatCameBeforeTheAcknowledgementWaitsForIt() {
        var ages = TotalAges(publishesMax: 8, waitingMax: 8)
        #expect(ages.received(3, at: 150) == nil)
        #expect(ages.received(3, at: 151) == nil)
        #expect(ages.acknowledged(2, intended: 90) == [])
        #expect(ages.acknowledged(3, intended: 100) == [150, 151])
        #expect(ages.acknowledged(3, intended: 100) == [])
        ages.giveUp()
        #expect(ages.unmatched == 0)
    }

    @Test func aChangeOfSomebodyElseHasNoAge() {
        var ages = TotalAges(publishesMax: 8, waitingMax: 8)
        #expect(ages.received(3, at: 150) == nil)
        #expect(ages.acknowledged(4, intended: 100) == [])
        ages.giveUp()
        #expect(ages.unmatched == 1)
    }

    @Test func whatIsTooFarBehindIsNotWaitedFor() {
        var ages = TotalAges(publishesMax: 4, waitingMax: 8)
        #expect(ages.acknowledged(10, intended: 100) == [])
        #expect(ages.received(6, at: 150) == nil)
        #expect(ages.unmatched == 1)
        #expect(ages.received(7, at: 151) == nil)
        #expect(ages.unmatched == 1)
    }

    @Test func waitingValuesAreBounded() {
        var ages = TotalAges(publishesMax: 4, waitingMax: 2)
        for offset in UInt64(1)...3 { _ = ages.received(offset, at: 1) }
        #expect(ages.unmatched == 2)
        #expect(ages.acknowledged(3, intended: 0) == [1])
    }

    @Test func anAcknowledgementWithoutAnOffsetSaysNothing() {
        var ages = TotalAges(publishesMax: 4, waitingMax: 2)
        #expect(ages.acknowledged(0, intended: 5) == [])
        #expect(ages.received(0, at: 6) == nil)
        #expect(ages.newestOffset == 0)
    }
}
