import BrokerTestKit
import Testing

@testable import BrokerCore

@Suite("Sequence windows")
struct SequenceWindowTests {
    @Test func nothingIsSettledAtFirst() {
        let window = SequenceWindow()
        #expect(window.place(of: 1) == .next)
        #expect(window.place(of: 2) == .beyond)
        #expect(window.refused.isEmpty)
    }

    @Test func theWindowIsExactlyAThousandAndTwentyFourWide() {
        var window = SequenceWindow()
        for number in 1...1025 as ClosedRange<UInt64> { window.settle(number, isAccepted: true) }
        #expect(window.place(of: 1) == .expired)
        #expect(window.place(of: 2) == .accepted)
        #expect(window.place(of: 1025) == .accepted)
        #expect(window.place(of: 1026) == .next)
        #expect(window.place(of: 1027) == .beyond)
    }

    /// A number takes the bit of the one that leaves the window, whatever that was.
    @Test func aRefusalClearsTheBitOfWhatLeaves() {
        var window = SequenceWindow()
        for number in 1...1024 as ClosedRange<UInt64> { window.settle(number, isAccepted: true) }
        window.settle(1025, isAccepted: false)
        #expect(window.place(of: 1025) == .refused)
        #expect(window.refused == [1025])
        window.settle(1025, isAccepted: true)
        #expect(window.place(of: 1025) == .accepted)
        #expect(window.settled == 1025)
    }

    @Test func whatIsStoredIsWhatItWas() throws {
        var random = SeededGenerator(seed: 7)
        var window = SequenceWindow()
        for number in 1...3000 as ClosedRange<UInt64> { window.settle(number, isAccepted: Bool.random(using: &random)) }
        let restored = try #require(SequenceWindow(settled: window.settled, accepted: window.accepted))
        #expect(restored == window)
        #expect(SequenceWindow(settled: 1, accepted: [1]) == nil)
    }

    @Test(arguments: [1, 500, 1023, 1024, 5000] as [UInt64])
    func whatIsLostMayComeAgain(step: UInt64) {
        var window = SequenceWindow()
        for number in 1...100 as ClosedRange<UInt64> { window.settle(number, isAccepted: true) }
        window.advance(to: 100 + step)
        #expect(window.settled == 100 + step)
        #expect(window.place(of: 100 + step) == .refused)
        #expect(window.place(of: 100) == (step < 1024 ? .accepted : .expired))
        #expect(window.place(of: 101 + step) == .next)
    }

    /// Against a plain list of verdicts.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func itIsTheSameAsAListOfVerdicts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var window = SequenceWindow()
        var verdicts: [Bool] = []
        for _ in 0..<4000 {
            let again = UInt64.random(in: 0..<10, using: &random) == 0
            if again, let number = window.refused.randomElement(using: &random) {
                window.settle(number, isAccepted: true)
                verdicts[Int(number) - 1] = true
            } else {
                let isAccepted = Bool.random(using: &random)
                verdicts.append(isAccepted)
                window.settle(UInt64(verdicts.count), isAccepted: isAccepted)
            }
        }
        for number in 1...UInt64(verdicts.count) {
            let isOld = number + 1024 <= UInt64(verdicts.count)
            let expected: SequenceWindow.Place = isOld ? .expired : verdicts[Int(number) - 1] ? .accepted : .refused
            #expect(window.place(of: number) == expected)
        }
    }
}
