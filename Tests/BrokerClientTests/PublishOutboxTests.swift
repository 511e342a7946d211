import Synchronization
import Testing

@testable import BrokerClient

@Suite("Publish outbox", .timeLimit(.minutes(5)))
struct PublishOutboxTests {
    private final class Sink: PublishSink {
        func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {}
    }

    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    private let counter = Counter()
    private let sink = Sink()

    private func outbox(count: Int = 4, bytes: Int = 1024) -> PublishOutbox {
        let counter = self.counter
        return PublishOutbox(limits: .init(count: count, bytes: bytes)) { counter.value.withLock { $0 += 1 } }
    }

    private func add(_ outbox: PublishOutbox, bytes: Int = 1, isNumbered: Bool = true) throws -> PublishOutbox.Addition
    {
        try [UInt8](repeating: 0x31, count: bytes).withUnsafeBytes {
            try outbox.add(topicField: [], data: $0, retain: false, sink: isNumbered ? self.sink : nil, tag: 0)
        }
    }

    @Test func manyPublishesAreFetchedTogether() throws {
        let outbox = self.outbox()
        for _ in 0..<3 { #expect(try self.add(outbox) == .added) }
        #expect(self.counter.value.withLock { $0 } == 1)
        let batch = try #require(outbox.fetch())
        #expect(batch.pending.map(\.number) == [1, 2, 3])
        #expect(outbox.fetch() == nil)
        #expect(try self.add(outbox) == .added)
        #expect(self.counter.value.withLock { $0 } == 2)
        #expect(outbox.fetch()?.pending.map(\.number) == [4])
    }

    @Test func publishesWithoutAnswerHaveNoNumber() throws {
        let outbox = self.outbox()
        _ = try self.add(outbox)
        _ = try self.add(outbox, isNumbered: false)
        _ = try self.add(outbox)
        let batch = try #require(outbox.fetch())
        #expect(batch.pending.map(\.number) == [1, 2])
        #expect(batch.unanswered.count == 1)
    }

    @Test func atTheLimitThereIsNoRoomUntilSomeAreAnswered() throws {
        let outbox = self.outbox(count: 2)
        _ = try self.add(outbox)
        _ = try self.add(outbox)
        #expect(try self.add(outbox) == .full)
        let batch = try #require(outbox.fetch())
        #expect(try self.add(outbox) == .full)
        outbox.release(.init(count: 1, bytes: batch.pending[0].bytes))
        #expect(try self.add(outbox) == .added)
    }

    @Test func oneThatExceedsTheByteLimitGoesAlone() throws {
        let outbox = self.outbox(bytes: 100)
        #expect(try self.add(outbox, bytes: 1000) == .added)
        #expect(try self.add(outbox) == .full)
    }

    @Test func waitersAreWokenAtHalfOfTheLimit() async throws {
        let outbox = self.outbox(count: 4)
        for _ in 0..<4 { _ = try self.add(outbox) }
        let bytes = try #require(outbox.fetch()).pending[0].bytes
        let done = Counter()
        let waiter = Task {
            try await outbox.waitForRoom()
            done.value.withLock { $0 += 1 }
        }
        let idle = Task { try await outbox.waitForIdle() }
        outbox.release(.init(count: 2, bytes: 2 * bytes))
        try await waiter.value
        outbox.release(.init(count: 2, bytes: 2 * bytes))
        try await idle.value
        #expect(done.value.withLock { $0 } == 1)
    }

    @Test func theEndGivesBackWhatWasNeverWritten() async throws {
        let outbox = self.outbox(count: 3)
        _ = try self.add(outbox)
        let sent = try #require(outbox.fetch())
        _ = try self.add(outbox)
        _ = try self.add(outbox, isNumbered: false)
        let waiter = Task { try await outbox.waitForRoom() }
        let unsent = outbox.end(ClientError(.closed, "over"))
        #expect(unsent.count == 1)
        try await waiter.value
        #expect(throws: ClientError(.closed, "over")) { try self.add(outbox) }
        outbox.release(.init(count: 2, bytes: sent.pending[0].bytes + unsent[0].bytes))
        try await outbox.waitForIdle()
    }

    @Test func aMessageIsRefusedOneByteBeyondTheLimit() throws {
        let outbox = self.outbox()
        // {"op":"pub","id":1 and } are nineteen bytes.
        outbox.limitMessages(toBytes: 24)
        #expect(try self.add(outbox, bytes: 5) == .added)
        #expect(throws: ClientError.self) { try self.add(outbox, bytes: 6) }
    }

    // MARK: A producer's numbers

    private func producerOutbox(count: Int = 4) -> PublishOutbox {
        PublishOutbox(limits: .init(count: count, bytes: 1024), isOfProducer: true) {}
    }

    private func add(_ outbox: PublishOutbox, seq: UInt64) throws -> PublishOutbox.Addition {
        try "1".bytes.withUnsafeBytes {
            let choice = PublishNumbering.Choice.number(seq)
            return try outbox.add(topicField: [], data: $0, retain: false, sink: self.sink, tag: seq, as: choice)
        }
    }

    @Test func aProducersPublishesWaitForTheFirstWelcome() async throws {
        let outbox = self.producerOutbox()
        #expect(try self.add(outbox) == .full)
        #expect(try self.add(outbox, isNumbered: false) == .added)
        let waiter = Task { try await outbox.waitForRoom() }
        outbox.begin(at: ProducerPosition(epoch: 1, next: 5))
        try await waiter.value
        #expect(try self.add(outbox) == .added)
        #expect(outbox.fetch()?.pending.map(\.number) == [5])
    }

    @Test func newNumbersWaitWhileOldOnesAreJudgedAgain() async throws {
        let outbox = self.producerOutbox()
        outbox.begin(at: ProducerPosition(epoch: 1, next: 9, refused: [3, 5]))
        #expect(try self.add(outbox, seq: 2) == .settled)
        #expect(try self.add(outbox, seq: 3) == .added)
        #expect(try self.add(outbox, seq: 9) == .full)
        let again = try #require(outbox.fetch()).pending
        #expect(again.map(\.isAgain) == [true])
        let waiter = Task { try await outbox.waitForRoom() }
        var load = PublishOutbox.Load()
        for publish in again { load += publish }
        outbox.release(load)
        try await waiter.value
        #expect(try self.add(outbox, seq: 9) == .added)
        #expect(try self.add(outbox, seq: 5) == .settled, "what is judged again comes before what is new")
        #expect(throws: ClientError.self) { try self.add(outbox, seq: 11) }
    }

    @Test func aNewProducerGetsBackWhatWasNeverWritten() throws {
        let outbox = self.producerOutbox()
        outbox.begin(at: ProducerPosition(epoch: 1, next: 1))
        _ = try self.add(outbox)
        let sent = try #require(outbox.fetch()).pending
        _ = try self.add(outbox)
        _ = try self.add(outbox, isNumbered: false)
        #expect(outbox.startOver().map(\.number) == [2])
        #expect(outbox.fetch() == nil)
        #expect(try self.add(outbox) == .full)
        outbox.begin(at: ProducerPosition(epoch: 2, next: 1))
        #expect(try self.add(outbox) == .added)
        #expect(outbox.fetch()?.pending.map(\.number) == [1])
        #expect(sent.map(\.number) == [1])
    }
}
