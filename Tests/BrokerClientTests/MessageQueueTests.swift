import BrokerWire
import Synchronization
import Testing

@testable import BrokerClient

@Suite("Message queue", .timeLimit(.minutes(5)))
struct MessageQueueTests {
    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    private func queue(_ messages: Int, bytes: Int = .max / 32, counter: Counter = Counter()) -> MessageQueue {
        MessageQueue(limits: .init(messages: messages, bytes: bytes)) { counter.value.withLock { $0 += 1 } }
    }

    private func message(_ offset: UInt64, bytes: Int = 1) throws -> Message {
        Message(topic: try Topic("a"), offset: offset, data: [UInt8](repeating: 0x31, count: bytes))
    }

    private func push(_ queue: MessageQueue, _ offsets: ClosedRange<UInt64>, bytes: Int = 1) throws -> MessageQueue.Room
    {
        var messages = try offsets.map { try self.message($0, bytes: bytes) }
        defer { #expect(messages.isEmpty) }
        return queue.push(&messages)
    }

    @Test func itIsFullAtTheLimitAndHasRoomAgainAtHalfOfIt() async throws {
        let counter = Counter()
        let queue = self.queue(4, counter: counter)
        #expect(try self.push(queue, 1...3) == .some)
        #expect(try self.push(queue, 4...4) == .full)
        #expect(try await queue.next()?.offset == 1)
        #expect(counter.value.withLock { $0 } == 0)
        #expect(try await queue.next()?.offset == 2)
        #expect(counter.value.withLock { $0 } == 1)
        #expect(try await queue.next()?.offset == 3)
        #expect(counter.value.withLock { $0 } == 1)
    }

    @Test func bytesCountToo() async throws {
        let counter = Counter()
        let queue = self.queue(1000, bytes: 2000, counter: counter)
        #expect(try self.push(queue, 1...1, bytes: 1000) == .some)
        #expect(try self.push(queue, 2...2, bytes: 1000) == .full)
        #expect(try await queue.nextBatch()?.count == 2)
        #expect(counter.value.withLock { $0 } == 1)
        #expect(try self.push(queue, 3...3, bytes: 1000) == .some)
    }

    @Test func oneLargePushIsNoOverflow() throws {
        let queue = self.queue(1)
        #expect(try self.push(queue, 1...100) == .full)
        #expect(try self.push(queue, 101...101) == .overflowing)
    }

    @Test func whatIsThereIsReadBeforeTheEnd() async throws {
        let queue = self.queue(4)
        _ = try self.push(queue, 1...1)
        queue.finish(ClientError(.closed, "over"))
        #expect(try self.push(queue, 2...2) == .some)
        #expect(try await queue.next()?.offset == 1)
        await #expect(throws: ClientError(.closed, "over")) { try await queue.next() }
        #expect(try await queue.next() == nil)
        #expect(try await queue.nextBatch() == nil)
    }

    @Test func aWaitingReaderIsWoken() async throws {
        let queue = self.queue(4)
        let reader = Task { try await queue.next()?.offset }
        _ = try self.push(queue, 1...1)
        #expect(try await reader.value == 1)
        let second = Task { try await queue.next() }
        queue.finish()
        #expect(try await second.value == nil)
    }

    @Test func aCancelledReaderLosesNothing() async throws {
        let queue = self.queue(4)
        let reader = Task { try await queue.next() }
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        _ = try self.push(queue, 1...1)
        #expect(try await queue.next()?.offset == 1)
    }
}
