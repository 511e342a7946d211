import BrokerStore
// Foundation to change modes of files.
import Foundation
import Testing

/// Whether others than the broker's user can get at a store.
@Suite("Permissions of the store")
struct StorePermissionTests {
    private let fixture: StoreFixture

    init() throws { self.fixture = try StoreFixture() }

    private func exposures(folder: Int, file: Int = 0o600) throws -> [String] {
        try self.fixture.open().close()
        let parent = URL(fileURLWithPath: self.fixture.path).deletingLastPathComponent().path
        for (path, mode) in [(parent, folder), (self.fixture.path, file)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        return StorePermission.exposures(path: self.fixture.path).map {
            $0.replacingOccurrences(of: parent, with: "data")
        }
    }

    @Test func theFolderIsMadeForItsUserAlone() throws {
        try self.fixture.open().close()
        let parent = URL(fileURLWithPath: self.fixture.path).deletingLastPathComponent().path
        let mode = try FileManager.default.attributesOfItem(atPath: parent)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test func aStoreOfItsUserAloneIsNotOpen() throws { #expect(try self.exposures(folder: 0o700).isEmpty) }

    @Test(arguments: [0o701, 0o710, 0o755, 0o777])
    func aFolderThatOthersMayUseIsNamed(mode: Int) throws {
        let digits = String(mode, radix: 8)
        #expect(try self.exposures(folder: mode) == ["data has mode 0\(digits): chmod 0700 data"])
    }

    @Test func aFileThatOthersMayReadIsNamed() throws {
        let wanted = ["data/store.db has mode 0644: chmod 0600 data/store.db"]
        #expect(try self.exposures(folder: 0o700, file: 0o644) == wanted)
    }
}
