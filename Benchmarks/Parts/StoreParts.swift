import BrokerCore
import BrokerStore
import BrokerTestKit
import BrokerWire
// Foundation for environment variables.
import Foundation
import GRDBSQLite
import Logging

/// SQLite, the store on it, and a whole broker in front of that: the same small change, committed again and again.
///
/// The folder is `TMPDIR`, so that other disks can be measured.
enum StoreParts {
    private static let commits = 500
    private static let rounds = 5

    static func measure() async throws {
        try await self.measureCommits()
        try await self.measureBatches()
        try await self.measureStart(topics: 1_000_000)
    }

    private static var logger: Logger { Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() } }

    /// One after the other, all waiting for the disk; in turns, so that its moods hit all alike.
    private static func measureCommits() async throws {
        let titles = [
            "one row, bare SQLite with synchronous=FULL", "one row, the store",
            "one publish in flight, a whole broker over its socket",
        ]
        guard titles.contains(where: Measure.isWanted) else { return }
        let folder = try TemporaryDirectory()
        let barePath = folder.file("bare.db")
        let store = try SQLiteStore(path: folder.file("store.db"), logger: Self.logger)
        defer { store.close() }
        let rules = #"[{"topic":"total","aggregate":"sum"}]"#
        let times = try await TestBroker.run(topics: rules) { broker async throws in
            var times: [[Double]] = [[], [], []]
            let client = try BlockingClient(port: broker.port)
            let bare = try BareSQLite(path: barePath)
            for round in 0..<Self.rounds {
                times[0].append(
                    try await Measure.realTime { for number in 0..<Self.commits { try bare.commit(number) } }
                )
                times[1].append(
                    try await Measure.realTime {
                        for number in 0..<Self.commits {
                            await store.commit([Self.row(1, number: round * Self.commits + number)])
                        }
                    }
                )
                times[2].append(
                    try await Measure.realTime {
                        for _ in 0..<Self.commits {
                            let answer = try client.ask(#"{"op":"pub","id":1,"topic":"total","data":1}"#)
                            guard answer.contains(#""op":"ack""#) else { preconditionFailure(answer) }
                        }
                    }
                )
            }
            return times
        }
        let medians = times.map { Measure.median($0) / Double(Self.commits) }
        for (title, time) in zip(titles, medians) { Measure.report(title, "commit, real time", time) }
        print(String(format: "the broker takes %.2f times what bare SQLite does", medians[2] / medians[0]))
    }

    /// Many changed topics in one commit.
    private static func measureBatches() async throws {
        let title = "a row of a commit of 1,000"
        guard Measure.isWanted(title) else { return }
        let folder = try TemporaryDirectory()
        let store = try SQLiteStore(path: folder.file("store.db"), logger: Self.logger)
        defer { store.close() }
        var times: [Double] = []
        for round in 0..<20 {
            let rows = (1...1000).map { Self.row(Int64($0), number: round) }
            times.append(try await Measure.realTime { await store.commit(rows) } / 1000)
        }
        Measure.report(title, "row, real time", Measure.median(times))
    }

    /// From opening the file to a core that takes requests.
    private static func measureStart(topics: Int) async throws {
        let title = "start with \(topics) stored topics"
        guard Measure.isWanted(title) else { return }
        let folder = try TemporaryDirectory()
        do {
            let store = try SQLiteStore(path: folder.file("store.db"), logger: Self.logger)
            for first in stride(from: 1, through: topics, by: 10_000) {
                await store.commit((first..<first + 10_000).map { Self.row(Int64($0), number: $0) })
            }
            store.close()
        }
        let time = try await Measure.realTime {
            let store = try SQLiteStore(path: folder.file("store.db"), logger: Self.logger)
            let broker = try Broker(
                rules: TopicRules([try TopicRule("#", "sum")]),
                plainTopic: Topic("total"),
                restored: store.restore(),
                runEpoch: "r",
                startedAt: BrokerTime(monotonic: 1, wall: 1),
                drawEpoch: { 1 },
                logger: Self.logger
            )
            precondition(broker.topicCount == topics, "all are there")
            store.close()
        }
        Measure.report(title, "start, real time", time)
    }

    private static func row(_ id: Int64, number: Int) -> TopicRow {
        var state: [UInt8] = Array(repeating: 0, count: 16)
        for index in 0..<8 { state[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        return TopicRow(
            id: id,
            name: Array("site/\(id)/power".utf8),
            offset: UInt64(number + 1),
            timestamp: 1_795_460_000_000,
            content: .aggregate(name: "sum", version: 1, state: state)
        )
    }
}

extension SQLiteStore {
    /// Commits and waits.
    fileprivate func commit(_ rows: [TopicRow]) async {
        let outcome = await withCheckedContinuation { continuation in
            self.commit(StoreBatch(number: 1, rows: rows)) { continuation.resume(returning: $0) }
        }
        precondition(outcome == .committed, "\(outcome)")
    }
}

/// What the store is compared with: as few calls of SQLite as a durable change of one row can have.
private final class BareSQLite {
    private var database: OpaquePointer?
    private var update: OpaquePointer?

    init(path: String) throws {
        sqlite3_open(path, &self.database)
        try self.run(
            """
            PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
            CREATE TABLE total (id INTEGER PRIMARY KEY, state BLOB) STRICT; INSERT INTO total VALUES (1, x'00');
            """
        )
        sqlite3_prepare_v2(self.database, "UPDATE total SET state = ? WHERE id = 1", -1, &self.update, nil)
    }

    deinit {
        sqlite3_finalize(self.update)
        sqlite3_close(self.database)
    }

    func commit(_ number: Int) throws {
        try self.run("BEGIN IMMEDIATE")
        var state = number
        withUnsafeBytes(of: &state) { _ = sqlite3_bind_blob(self.update, 1, $0.baseAddress, Int32($0.count), nil) }
        guard sqlite3_step(self.update) == SQLITE_DONE else { throw SQLiteFailure() }
        sqlite3_reset(self.update)
        try self.run("COMMIT")
    }

    private func run(_ sql: String) throws {
        guard sqlite3_exec(self.database, sql, nil, nil, nil) == SQLITE_OK else { throw SQLiteFailure() }
    }

    struct SQLiteFailure: Error {}
}
