import BrokerClient
import BrokerWire
import NIOPosix
import Synchronization
import Testing

@testable import BrokerCommandLine

@Suite("Results of wspub")
struct PublishResultsTests {
    private final class Lines: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    private let topic: Topic

    init() throws { self.topic = try Topic("a") }

    private static let invalid = PublishOutcome.refused(
        BrokerRefusal(number: 4004, name: "bad_value", reason: "no", why: "not_a_number")
    )

    /// What is written to standard error, and how the run ends.
    private func errors(path: String?, _ body: (PublishResults) -> Void) async throws -> (String, Status) {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let lines = Lines()
        let writer = OutputWriter(pool: pool) { bytes in
            lines.bytes.withLock { $0 += bytes }
            return true
        }
        let results = PublishResults(output: nil, errors: writer, namesLines: true, path: path)
        body(results)
        await writer.flush()
        try await pool.shutdownGracefully()
        return (lines.bytes.withLock { String(decoding: $0, as: UTF8.self) }, results.status)
    }

    @Test func aRefusedLineOfAFileIsNamedAsCompilersDo() async throws {
        let end = try await self.errors(path: "a.jsonl") { $0.ended(7, self.topic, Self.invalid) }
        #expect(end == ("a.jsonl:7: bad_value: no\n", .refused))
        let unknown = try await self.errors(path: "a.jsonl") { $0.ended(7, self.topic, .unknown) }
        #expect(unknown == ("a.jsonl:7: outcome unknown: sent and not acknowledged\n", .unknown))
    }

    @Test func oneOfStandardInputHasOnlyItsNumber() async throws {
        let end = try await self.errors(path: nil) { $0.ended(7, self.topic, Self.invalid) }
        #expect(end == ("line 7: refused: 4004 bad_value (not_a_number): no\n", .refused))
    }

    @Test func aLineThatWasPassedOverIsRefusedForItsOwnReason() async throws {
        let end = try await self.errors(path: "a") { results in
            results.passingOver(3, "too long")
            results.passingOver(4, nil)
            results.passingOver(5, "settled by another run")
            results.neverPassedOver(5)
            for number in [3, 4] as [UInt64] { results.ended(number, self.topic, Self.invalid) }
            #expect(results.unacknowledged == 0)
        }
        #expect(end == ("a:3: not_sent: too long\n", .refused))
        let empty = try await self.errors(path: "a") { results in
            results.passingOver(4, nil)
            results.ended(4, self.topic, Self.invalid)
        }
        #expect(empty == ("", .success))
    }
}
