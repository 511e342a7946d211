import BrokerCore
import BrokerTestKit
import BrokerWire
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerTransport

/// What HTTP asks, with a store that is done when the test says so.
@Suite("Local session")
struct LocalSessionTests {
    private final class HeldStore: BatchCommitter {
        private let completions = Mutex<[@Sendable (CommitOutcome) -> Void]>([])

        func commit(_ batch: StoreBatch, completion: @escaping @Sendable (CommitOutcome) -> Void) {
            self.completions.withLock { $0.append(completion) }
        }

        func finish() {
            for completion in self.completions.withLock({ $0 }) { completion(.committed) }
        }
    }

    /// A publish that was answered with the notice would count as stored before it is.
    @Test func whoseCredentialsEndSoonIsToldTheAnswerAndNothingElse() throws {
        let (store, loop) = (HeldStore(), EmbeddedEventLoop())
        let wall: UInt64 = 1_795_460_000_000
        let harness = try CoreHarness([TopicRule("clicks", "sum")], time: BrokerTime(monotonic: 0, wall: wall))
        let core = CoreDriver(
            broker: harness.broker,
            store: store,
            eventLoop: loop,
            wallClock: { wall },
            storageFailed: { _ in }
        )
        let driver = LoopDriver(
            index: 0,
            eventLoop: loop,
            core: .here(core),
            configuration: TransportConfiguration(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            wallClock: { wall }
        )
        core.attach([LoopHandle(driver)])
        driver.startSweeping()
        var frames: [String] = []
        let identity = Identity(name: "meter", proof: .token(sha256: [1]), expires: wall + 20_000)
        let opened = driver.openLocal(identity, nil, waitsForAnswer: true) { event in
            if case .frames(let more) = event { frames += more.map { String(buffer: $0) } }
        }
        let session = try #require(opened)
        session.ask(.request(.publish, topic: Array("clicks".utf8), data: Array("5".utf8)))
        loop.advanceTime(by: .seconds(2))
        #expect(frames == [])
        store.finish()
        loop.run()
        #expect(frames == [#"{"op":"ack","id":0,"offset":1,"data":5}"#])
        session.end()
        driver.stop()
    }
}
