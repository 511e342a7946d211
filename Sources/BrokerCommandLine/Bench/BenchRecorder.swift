import NIOCore
import Synchronization

/// What all connections of one event loop share: where they count, and how old values are.
///
/// Only that loop counts here, so its lock is contended by nobody but the progress line.
final class BenchRecorder: Sendable {
    let eventLoop: any EventLoop
    private let tally = Mutex(BenchTally())

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The monotonic clock, in nanoseconds.
    var now: UInt64 { self.eventLoop.now.uptimeNanoseconds }

    func record(_ body: (inout BenchTally) -> Void) { self.tally.withLock { body(&$0) } }

    /// The counts so far.
    var snapshot: BenchTally { self.tally.withLock { $0 } }
}

/// The ages of the values of all topics; publishers and subscribers of all event loops meet here.
final class BenchTopics: Sendable {
    private final class Ages: Sendable {
        let ages: Mutex<TotalAges>

        init(_ ages: TotalAges) {
            self.ages = Mutex(ages)
        }
    }

    /// How many publishes are remembered in all, about two megabytes.
    private static let publishesMax = 1 << 17
    private static let publishesPerTopic = 256...(1 << 16)
    /// How many values of a topic may wait for an acknowledgement.
    private static let waitingMax = 1 << 16

    private let ages: [Ages]

    init(count: Int) {
        let share = min(
            max(Self.publishesMax / count, Self.publishesPerTopic.lowerBound),
            Self.publishesPerTopic.upperBound
        )
        let places = 1 << (Int.bitWidth - 1 - share.leadingZeroBitCount)
        self.ages = (0..<count).map { _ in Ages(TotalAges(publishesMax: places, waitingMax: Self.waitingMax)) }
    }

    func withAges<Result: Sendable>(of topic: Int, _ body: (inout TotalAges) -> Result) -> Result {
        self.ages[topic].ages.withLock { body(&$0) }
    }

    /// The newest change of each topic that is acknowledged.
    var newestOffsets: [UInt64] { self.ages.map { topic in topic.ages.withLock { $0.newestOffset } } }

    /// Nothing more is acknowledged; returns how many values have no age.
    func giveUp() -> Int {
        self.ages.reduce(0) { sum, topic in
            sum
                + topic.ages.withLock { ages in
                    ages.giveUp()
                    return ages.unmatched
                }
        }
    }
}
