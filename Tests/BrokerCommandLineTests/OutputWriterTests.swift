import Dispatch
import NIOPosix
import Synchronization
import Testing

@testable import BrokerCommandLine

@Suite("Output and input", .timeLimit(.minutes(5)))
struct OutputWriterTests {
    private final class Sink: Sendable {
        let written = Mutex<[[UInt8]]>([])
    }

    private static func pool() -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        return pool
    }

    @Test func whatIsAppendedIsWrittenInOrder() async throws {
        let pool = Self.pool()
        let sink = Sink()
        let writer = OutputWriter(pool: pool) { bytes in
            sink.written.withLock { $0.append(bytes) }
            return true
        }
        for number in 0..<1000 { writer.appendLine("\(number)") }
        await writer.flush()
        let text = sink.written.withLock { String(decoding: $0.joined(), as: UTF8.self) }
        #expect(text == (0..<1000).map { "\($0)\n" }.joined())
        try await pool.shutdownGracefully()
    }

    @Test func whileOneWriteIsUnderWayTheNextLinesGather() async throws {
        let pool = Self.pool()
        let sink = Sink()
        let gate = DispatchSemaphore(value: 0)
        let writer = OutputWriter(pool: pool) { bytes in
            sink.written.withLock { $0.append(bytes) }
            // The first write ends only when everything has been appended.
            gate.wait()
            return true
        }
        writer.appendLine("first")
        while sink.written.withLock({ $0.isEmpty }) { await Task.yield() }
        for number in 0..<100 { writer.appendLine("\(number)") }
        gate.signal()
        gate.signal()
        await writer.flush()
        #expect(sink.written.withLock { $0.count } == 2)
        try await pool.shutdownGracefully()
    }

    @Test func aReaderThatWentAwayIsReportedOnceAndWaitedForNoMore() async throws {
        let pool = Self.pool()
        let broken = Mutex(0)
        let writer = OutputWriter(pool: pool, onBroken: { broken.withLock { $0 += 1 } }, write: { _ in false })
        writer.appendLine("a")
        await writer.flush()
        writer.append { $0 += [UInt8](repeating: 0, count: 2 * OutputWriter.pendingBytesMax) }
        await writer.waitForRoom()
        await writer.flush()
        try await pool.shutdownGracefully()
        #expect(broken.withLock { $0 } == 1)
    }

    @Test func inputIsReadInBlocksUpToItsEnd() async throws {
        let pool = Self.pool()
        let blocks = Mutex<[[UInt8]]>([[], [3], [1, 2]])
        let reader = InputReader(pool: pool) { blocks.withLock { $0.popLast() ?? [] } }
        #expect(try await reader.next() == [1, 2])
        #expect(try await reader.next() == [3])
        #expect(try await reader.next() == nil)
        try await pool.shutdownGracefully()
    }

    @Test func allOfItIsReadUnlessItIsTooLong() async throws {
        let pool = Self.pool()
        let blocks = Mutex<[[UInt8]]>([[], [3], [1, 2], [], [3], [1, 2]])
        let reader = InputReader(pool: pool) { blocks.withLock { $0.popLast() ?? [] } }
        #expect(try await reader.all(bytesMax: 3) == [1, 2, 3])
        #expect(try await reader.all(bytesMax: 2) == nil)
        try await pool.shutdownGracefully()
    }
}
