import NIOCore
import Testing

@testable import BrokerClient

@Suite("Silence")
struct SilenceWatchTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test func withoutKeepAliveSilenceIsTheEnd() {
        var watch = SilenceWatch(idle: .seconds(40), keepAlive: nil, at: Self.at(0))
        #expect(watch.timePassed(to: Self.at(39)) == .wait)
        watch.received(at: Self.at(39))
        #expect(watch.deadline == Self.at(79))
        #expect(watch.timePassed(to: Self.at(78)) == .wait)
        #expect(watch.timePassed(to: Self.at(79)) == .giveUp)
    }

    @Test func withKeepAliveItIsAskedFirst() {
        var watch = SilenceWatch(idle: .seconds(40), keepAlive: .seconds(60), at: Self.at(0))
        #expect(watch.timePassed(to: Self.at(59)) == .wait)
        #expect(watch.timePassed(to: Self.at(60)) == .ping)
        #expect(watch.deadline == Self.at(70))
        #expect(watch.timePassed(to: Self.at(69)) == .wait)
        #expect(watch.timePassed(to: Self.at(70)) == .giveUp)
    }

    /// The timer may be late; the broker has its ten seconds from when it was asked.
    @Test func theAnswerHasItsTimeFromTheQuestion() {
        var watch = SilenceWatch(idle: .seconds(40), keepAlive: .seconds(5), at: Self.at(0))
        #expect(watch.timePassed(to: Self.at(100)) == .ping)
        #expect(watch.timePassed(to: Self.at(109)) == .wait)
        watch.received(at: Self.at(109))
        #expect(watch.timePassed(to: Self.at(113)) == .wait)
        #expect(watch.timePassed(to: Self.at(114)) == .ping)
    }
}
