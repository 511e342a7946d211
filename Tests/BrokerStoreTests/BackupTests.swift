import BrokerCore
import BrokerTestKit
// Foundation to look at files.
import Foundation
import GRDB
import Logging
import Testing

@testable import BrokerStore

/// Copies of a store, and stores from copies.
@Suite struct BackupTests {
    private let fixture: StoreFixture

    init() throws { self.fixture = try StoreFixture() }

    private var copy: String { self.fixture.folder.file("copy.db") }

    private func rows(_ count: Int64, offset: UInt64 = 1) -> [TopicRow] {
        (1...count).map {
            StoreFixture.sum($0, "topic/\($0)", offset: offset, state: [UInt8](repeating: 7, count: 500))
        }
    }

    private func open(_ path: String) throws -> SQLiteStore {
        try SQLiteStore(path: path, logger: .init(label: "test"))
    }

    /// What a refusal says, or nothing.
    private func reason(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: Backup

    @Test func aBackupIsTheStoreAsItIs() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(300)) == .committed)
        let restored = try store.restore()
        let backup = try store.backup(to: self.copy)
        #expect(backup.rows == 300)
        #expect(backup.path == self.copy)
        let other = try self.open(self.copy)
        #expect(try other.restore().rows == restored.rows)
        #expect(try other.restore().epoch == restored.epoch)
    }

    @Test func aBackupIsOneFileForItsOwnerAlone() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(10)) == .committed)
        _ = try store.backup(to: self.copy)
        let files = try FileManager.default.contentsOfDirectory(atPath: self.fixture.folder.path).sorted()
        #expect(files == ["copy.db", "data"])
        let attributes = try FileManager.default.attributesOfItem(atPath: self.copy)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    /// Each commit changes every row, so a copy that mixed two of them would show it.
    @Test func commitsGoOnMeanwhileAndTheCopyIsOneMomentOfThem() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(2000)) == .committed)
        let copy = self.copy
        async let backup = Task.detached { try store.backup(to: copy) }.value
        var offset: UInt64 = 1
        while FileIdentity(path: copy) == nil, offset < 10_000 {
            offset += 1
            #expect(await store.commit(self.rows(2000, offset: offset)) == .committed)
        }
        #expect(try await backup.rows == 2000)
        #expect(offset > 1, "at least one commit came between")
        let offsets = Set(try self.open(copy).restore().rows.map(\.offset))
        #expect(offsets.count == 1)
        #expect(try Set(store.restore().rows.map(\.offset)) == [offset], "and the store is none the worse for it")
    }

    @Test func nothingIsEverOverwritten() async throws {
        let store = try self.fixture.open()
        let text = Data("mine".utf8)
        try text.write(to: URL(fileURLWithPath: self.copy))
        #expect(self.reason { _ = try store.backup(to: self.copy) }?.contains("nothing is ever overwritten") == true)
        #expect(FileManager.default.contents(atPath: self.copy) == text)
        for name in ["", "-wal", "-lock", "-journal", "-anything"] {
            #expect(self.reason { _ = try store.backup(to: self.fixture.path + name) } != nil)
        }
        #expect(FileIdentity(path: self.fixture.path + "-journal") == nil)
    }

    @Test func anUnfinishedBackupOfSomebodyElseIsLeftAlone() throws {
        let store = try self.fixture.open()
        try Data("theirs".utf8).write(to: URL(fileURLWithPath: self.copy + ".partial"))
        #expect(self.reason { _ = try store.backup(to: self.copy) }?.contains("delete it") == true)
        #expect(FileManager.default.contents(atPath: self.copy + ".partial") == Data("theirs".utf8))
    }

    @Test func whereThereIsNoFolderOrNoRoomNothingIsBegun() throws {
        let store = try self.fixture.open()
        let nowhere = self.fixture.folder.file("no/copy.db")
        #expect(self.reason { _ = try store.backup(to: nowhere) }?.contains("there is no folder") == true)
        let tooMuch = self.reason { _ = try store.backup(to: self.copy, keepingFree: .max / 2) }
        #expect(tooMuch?.contains("the disk has") == true)
        #expect(FileIdentity(path: self.copy + ".partial") == nil)
    }

    /// Backed up as it is, the damage would be found when it is too late.
    @Test func aDamagedStoreGivesNoBackup() async throws {
        let first = try self.fixture.open()
        #expect(await first.commit(self.rows(10)) == .committed)
        first.close()
        try self.fixture.edit("UPDATE topic SET offset = 99 WHERE id = 4")
        let store = try self.fixture.open()
        #expect(self.reason { _ = try store.backup(to: self.copy) }?.contains("topic 'topic/4'") == true)
        let files = try FileManager.default.contentsOfDirectory(atPath: self.fixture.folder.path)
        #expect(files == ["data"])
    }

    @Test func aStoreThatIsClosedMakesNoMoreBackups() async throws {
        let store = try self.fixture.open()
        store.close()
        #expect(self.reason { _ = try store.backup(to: self.copy) } != nil)
        #expect(FileIdentity(path: self.copy) == nil)
    }

    // MARK: Restoration

    @Test func aRestoredStoreIsTheBackupInANewLife() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(20)) == .committed)
        _ = try store.backup(to: self.copy)
        #expect(await store.commit(self.rows(20, offset: 2)) == .committed)
        let before = try store.restore()
        store.close()
        let restoration = try StoreRestoration.restore(from: self.copy, to: self.fixture.path)
        #expect(restoration.rows == 20)
        #expect(restoration.generation == 1)
        let after = try self.fixture.open().restore()
        #expect(after.rows == self.rows(20))
        #expect(after.epoch != before.epoch, "no position of before means anything now")
        let former = try #require(restoration.formerPath)
        #expect(FilePath.name(of: former).hasPrefix("store.db.before-restore-"))
        #expect(try self.open(former).restore().rows == before.rows, "the old one is whole")
    }

    @Test func everyRestorationIsCounted() async throws {
        do { try self.fixture.open().close() }
        for number in 1...3 {
            let source = self.fixture.folder.file("\(number).db")
            let store = try self.fixture.open()
            _ = try store.backup(to: source)
            store.close()
            #expect(try StoreRestoration.restore(from: source, to: self.fixture.path).generation == number)
        }
        #expect(try self.fixture.open().statistics().restoreGeneration == 3)
    }

    /// As `cp` of a killed broker's files gives it.
    @Test func theLogBesideABackupBelongsToIt() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(5)) == .committed)
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: self.fixture.path + suffix, toPath: self.copy + suffix)
        }
        let target = self.fixture.folder.file("new/store.db")
        #expect(try StoreRestoration.restore(from: self.copy, to: target).rows == 5)
        #expect(FileIdentity(path: self.copy + "-wal") != nil, "the backup is left as it is")
        #expect(try self.open(target).restore().rows == self.rows(5))
    }

    /// It would be read as the new one's.
    @Test func theLogOfTheOldStoreGoesWithIt() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(5)) == .committed)
        _ = try store.backup(to: self.copy)
        #expect(await store.commit(self.rows(5, offset: 2)) == .committed)
        let target = self.fixture.folder.file("killed.db")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: self.fixture.path + suffix, toPath: target + suffix)
        }
        let restoration = try StoreRestoration.restore(from: self.copy, to: target)
        #expect(FileIdentity(path: target + "-wal") == nil)
        #expect(try self.open(target).restore().rows == self.rows(5))
        let former = try #require(restoration.formerPath)
        #expect(try self.open(former).restore().rows == self.rows(5, offset: 2))
    }

    @Test func aStoreInUseIsNotRestored() async throws {
        let store = try self.fixture.open()
        _ = try store.backup(to: self.copy)
        let reason = self.reason { _ = try StoreRestoration.restore(from: self.copy, to: self.fixture.path) }
        #expect(reason?.contains("in use by process") == true)
    }

    @Test func aDamagedBackupChangesNothing() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(self.rows(200)) == .committed)
        _ = try store.backup(to: self.copy)
        store.close()
        var bytes = try #require(FileManager.default.contents(atPath: self.copy))
        for index in bytes.indices.dropFirst(8192) where index % 4096 == 3000 { bytes[index] ^= 0x10 }
        try bytes.write(to: URL(fileURLWithPath: self.copy))
        let before = FileManager.default.contents(atPath: self.fixture.path)
        let reason = self.reason { _ = try StoreRestoration.restore(from: self.copy, to: self.fixture.path) }
        #expect(reason?.contains("\(self.copy) is damaged") == true, "\(reason ?? "restored")")
        #expect(FileManager.default.contents(atPath: self.fixture.path) == before)
        let files = try FileManager.default.contentsOfDirectory(atPath: self.fixture.folder.file("data")).sorted()
        #expect(files == ["store.db", "store.db-lock"])
    }

    @Test func whatIsNoStoreIsNotRestored() throws {
        try Data(String(repeating: "no database\n", count: 400).utf8).write(to: URL(fileURLWithPath: self.copy))
        let reason = self.reason { _ = try StoreRestoration.restore(from: self.copy, to: self.fixture.path) }
        #expect(reason?.contains("\(self.copy) is not a store of wsbroker") == true, "\(reason ?? "restored")")
        #expect(FileIdentity(path: self.fixture.path) == nil)
    }
}
