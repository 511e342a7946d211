import BrokerCore
import BrokerStore
import BrokerTestKit
// Foundation to write files and to look at them.
import Foundation
import Logging
import Testing

/// What is not opened, and that it is left alone.
@Suite struct StoreRefusalTests {
    private let fixture: StoreFixture

    init() throws {
        self.fixture = try StoreFixture()
        try FileManager.default.createDirectory(
            atPath: self.fixture.folder.file("data"),
            withIntermediateDirectories: true
        )
    }

    private var content: Data? { FileManager.default.contents(atPath: self.fixture.path) }

    /// Opens, and gives back what is in the way.
    private func refusal() -> StoreError? {
        do throws(StoreError) {
            _ = try self.fixture.open().restore()
            return nil
        } catch {
            return error
        }
    }

    @Test func aFileThatIsNoDatabaseIsLeftAlone() throws {
        let text = Data(String(repeating: "not a database\n", count: 400).utf8)
        try text.write(to: URL(fileURLWithPath: self.fixture.path))
        guard case .notAStore = self.refusal() else { throw StoreError.cannotOpen(path: "", reason: "opened") }
        #expect(self.content == text)
    }

    @Test func anotherProgramsDatabaseIsLeftAlone() throws {
        try self.fixture.edit("CREATE TABLE theirs (a); PRAGMA application_id = 42")
        let before = self.content
        #expect(
            self.refusal() == .notAStore(path: self.fixture.path, reason: "it is another program's database")
        )
        #expect(self.content == before)
    }

    @Test func aDatabaseOfNobodyWithTablesIsLeftAlone() throws {
        try self.fixture.edit("CREATE TABLE theirs (a)")
        let before = self.content
        #expect(self.refusal()?.exitCode == 65)
        #expect(self.content == before)
    }

    @Test func aNewerFormatIsLeftAlone() throws {
        do { try self.fixture.open().close() }
        try self.fixture.edit("PRAGMA user_version = 6")
        let before = self.content
        #expect(self.refusal() == .newerFormat(path: self.fixture.path, found: 6, supported: 5))
        #expect(self.content == before)
    }

    @Test(arguments: [
        "offset = offset + 1", "changedAt = 0", "name = 'other'", "content = x'00'",
        "content = NULL, aggregator = NULL, number = NULL, "
            + "stateVersion = NULL", "aggregator = 'max'", "stateVersion = 2", "checksum = checksum + 1",
    ])
    func aRowThatDoesNotFitItsChecksumIsCorrupt(change: String) async throws {
        let store = try self.fixture.open()
        #expect(await store.commit([StoreFixture.sum(1, "a"), StoreFixture.sum(2, "b")]) == .committed)
        store.close()
        try self.fixture.edit("UPDATE topic SET \(change) WHERE id = 2")
        guard case .corrupt = self.refusal() else { throw StoreError.cannotOpen(path: "", reason: "opened") }
    }

    @Test func aDamagedFileIsCorrupt() async throws {
        let store = try self.fixture.open()
        let rows = (1...200).map { StoreFixture.sum($0, "topic/\($0)", state: [UInt8](repeating: 1, count: 200)) }
        #expect(await store.commit(rows) == .committed)
        store.close()
        var bytes = try #require(self.content)
        for index in bytes.indices.dropFirst(4096) where index % 4096 < 64 { bytes[index] = 0xFF }
        try bytes.write(to: URL(fileURLWithPath: self.fixture.path))
        guard case .corrupt = self.refusal() else { throw StoreError.cannotOpen(path: "", reason: "opened") }
        #expect(self.content == bytes)
    }

    @Test(.enabled(if: NSUserName() != "root"))
    func aFolderThatCanNotBeWrittenIsNotPermitted() throws {
        let folder = self.fixture.folder.file("data")
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
        #expect(self.refusal()?.exitCode == 77)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
    }

    @Test func aFolderThatCanNotBeMadeIsNotPermitted() throws {
        try Data().write(to: URL(fileURLWithPath: self.fixture.folder.file("data/file")))
        #expect {
            _ = try SQLiteStore(path: self.fixture.folder.file("data/file/store.db"), logger: .init(label: "test"))
        } throws: { error in
            guard case .notPermitted? = error as? StoreError else { return false }
            return true
        }
    }

    @Test func theFolderIsForTheBrokerAlone() throws {
        let path = self.fixture.folder.file("new/store.db")
        _ = try SQLiteStore(path: path, logger: .init(label: "test"))
        let attributes = try FileManager.default.attributesOfItem(atPath: self.fixture.folder.file("new"))
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }
}
