import BrokerCore
import BrokerTestKit
import BrokerWire
// Foundation to look at files and to have another process hold a store.
import Foundation
import GRDB
import Testing

@testable import BrokerStore

@Suite struct SQLiteStoreTests {
    private let fixture: StoreFixture

    init() throws { self.fixture = try StoreFixture() }

    // MARK: Round trip

    @Test func aNewStoreIsEmptyAndHasAnEpoch() throws {
        let restored = try self.fixture.open().restore()
        #expect(restored.rows.isEmpty)
        #expect(restored.epoch.hasPrefix("k"))
    }

    @Test func whatWasCommittedIsRestored() async throws {
        let rows = [
            StoreFixture.sum(1, "clicks"),
            StoreFixture.row(2, "news/é", offset: 77, .retained(Array(#"{"a":"\u0000"}"#.utf8))),
            StoreFixture.row(3, "cleared", .retained(nil)),
            StoreFixture.row(4, "empty", .aggregate(name: "max", version: 2, state: [])),
        ]
        let store = try self.fixture.open()
        #expect(await store.commit(rows) == .committed)
        store.close()
        #expect(try self.fixture.open().restore().rows == rows)
    }

    @Test func aTopicThatChangesKeepsItsRow() async throws {
        let store = try self.fixture.open()
        for offset in UInt64(1)...5 { _ = await store.commit([StoreFixture.sum(1, "clicks", offset: offset)]) }
        #expect(try store.restore().rows == [StoreFixture.sum(1, "clicks", offset: 5)])
    }

    @Test func topicsThatDifferInBytesAreTwo() async throws {
        let store = try self.fixture.open()
        let rows = [StoreFixture.sum(1, "caf\u{E9}"), StoreFixture.sum(2, "cafe\u{301}")]
        #expect(await store.commit(rows) == .committed)
        #expect(try store.restore().rows == rows)
    }

    @Test func aBatchIsAllOrNothing() async throws {
        let store = try self.fixture.open()
        // A name that is there twice is against the schema.
        let rows = [StoreFixture.sum(1, "a"), StoreFixture.sum(2, "a")]
        guard case .unknown = await store.commit(rows) else { throw StoreError.cannotOpen(path: "", reason: "stored") }
        #expect(try store.restore().rows.isEmpty)
    }

    @Test func theEpochStaysWithTheStore() throws {
        let first = try self.fixture.open()
        let epoch = try first.restore().epoch
        first.close()
        #expect(try self.fixture.open().restore().epoch == epoch)
    }

    @Test func anotherStoreHasAnotherEpoch() throws {
        #expect(try self.fixture.open().restore().epoch != StoreFixture().open().restore().epoch)
    }

    @Test func forgottenTopicsAreGone() async throws {
        let store = try self.fixture.open()
        _ = await store.commit([StoreFixture.sum(1, "a/b"), StoreFixture.sum(2, "a"), StoreFixture.sum(3, "c")])
        #expect(try store.forget(TopicFilter("a/#")) == ["a/b", "a"])
        #expect(try store.restore().rows.map(\.id) == [3])
    }

    // MARK: Durability

    @Test(arguments: [
        ("journal_mode", "wal"), ("synchronous", "2"), ("locking_mode", "exclusive"), ("wal_autocheckpoint", "0"),
        ("application_id", "2004050539"), ("user_version", "5"),
    ])
    func thePragmasAreSet(pragma: String, value: String) throws {
        let store = try self.fixture.open()
        let found = try store.queue.read { try String.fetchOne($0, sql: "PRAGMA \(pragma)") }
        #expect(found == value)
    }

    @Test func thereIsNoSharedMemoryFile() async throws {
        let store = try self.fixture.open()
        _ = await store.commit([StoreFixture.sum(1, "a")])
        #expect(FileManager.default.fileExists(atPath: self.fixture.path + "-wal"))
        #expect(!FileManager.default.fileExists(atPath: self.fixture.path + "-shm"))
    }

    @Test func aStoreThatWasOpenedBeforeHasNoSharedMemoryFileEither() async throws {
        let first = try self.fixture.open()
        _ = await first.commit([StoreFixture.sum(1, "a")])
        first.close()
        let store = try self.fixture.open()
        _ = await store.commit([StoreFixture.sum(1, "a", offset: 2)])
        #expect(!FileManager.default.fileExists(atPath: self.fixture.path + "-shm"))
    }

    @Test func theLogIsWrittenBackOnClose() async throws {
        let store = try self.fixture.open()
        _ = await store.commit([StoreFixture.sum(1, "a")])
        store.close()
        let size = try? FileManager.default.attributesOfItem(atPath: self.fixture.path + "-wal")[.size] as? Int
        #expect((size ?? 0) == 0)
    }

    /// Without a checkpoint it would be near 40 MiB.
    @Test func theLogStaysBounded() async throws {
        let store = try self.fixture.open()
        let state = [UInt8](repeating: 7, count: 3000)
        for round in UInt64(1)...50 {
            let rows = (1...100).map { StoreFixture.sum($0, "t/\($0)", offset: round, state: state) }
            #expect(await store.commit(rows) == .committed)
        }
        // The checkpoint comes after the answer, so wait for the queue.
        try await store.queue.read { _ in }
        let attributes = try FileManager.default.attributesOfItem(atPath: self.fixture.path + "-wal")
        #expect(attributes[.size] as? Int ?? 0 < 10 * 1024 * 1024)
    }

    @Test func aCheckpointIsDueEveryThousandPages() {
        let policy = CheckpointPolicy()
        let due = (1...1000).filter { _ in policy.isDue(afterRows: 8) }
        #expect(due == Array(stride(from: 100, through: 1000, by: 100)))
    }

    // MARK: A full disk

    @Test func aFullDiskIsACleanFailure() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit([StoreFixture.sum(1, "a")]) == .committed)
        try await store.queue.writeWithoutTransaction { database in
            let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
            try database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        let big = StoreFixture.sum(2, "b", state: [UInt8](repeating: 1, count: 100_000))
        guard case .full = await store.commit([StoreFixture.sum(1, "a", offset: 2), big]) else {
            throw StoreError.cannotOpen(path: self.fixture.path, reason: "the disk was not full")
        }
        #expect(try store.restore().rows == [StoreFixture.sum(1, "a")])
        // A change that needs no room still goes, and with room everything does.
        #expect(await store.commit([StoreFixture.sum(1, "a", offset: 2)]) == .committed)
        try await store.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        #expect(await store.commit([big]) == .committed)
    }

    // MARK: Who else holds it

    @Test func aSecondOpenerLearnsWhoHoldsTheStore() throws {
        let store = try self.fixture.open()
        let holder = "process \(ProcessInfo.processInfo.processIdentifier)"
        #expect(throws: StoreError.inUse(path: self.fixture.path, holder: holder)) { try self.fixture.open() }
        _ = try store.restore()
    }

    @Test func aClosedStoreCanBeOpenedAgain() throws {
        do { try self.fixture.open().close() }
        #expect(throws: Never.self) { try self.fixture.open() }
    }

    /// `flock(1)` stands in for another broker.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")))
    func anotherProcessKeepsTheStore() async throws {
        do { try self.fixture.open().close() }
        let arguments = [self.fixture.path + "-lock", "sh", "-c", "echo held; read line"]
        let process = try ChildProcess("/usr/bin/flock", arguments)
        // Returns once the other process says that it holds the lock.
        _ = await process.readLine()
        #expect {
            try self.fixture.open()
        } throws: { error in
            guard case .inUse? = error as? StoreError else { return false }
            return true
        }
        try process.closeInput()
        _ = await process.wait()
    }
}
