import BrokerCore
import BrokerTestKit
// Foundation to damage files.
import Foundation
import Logging
import Testing

@testable import BrokerStore

/// What a check finds in a damaged store, and what is saved from it.
@Suite struct SalvageTests {
    private let fixture: StoreFixture
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws { self.fixture = try StoreFixture() }

    private var target: String { self.fixture.folder.file("saved.db") }

    private static let rows = (1...400).map { number in
        StoreFixture.sum(Int64(number), "topic/\(number)", state: [UInt8](repeating: 7, count: 300))
    }

    private func write() async throws {
        let store = try self.fixture.open()
        #expect(await store.commit(Self.rows) == .committed)
        store.close()
    }

    private func findings(quick: Bool = false) throws -> StoreFindings {
        let store = try SQLiteStore(path: self.fixture.path, for: .inspection, logger: self.logger)
        defer { store.close() }
        return try store.check(isQuick: quick)
    }

    private func salvage() throws -> StoreSalvage {
        try StoreSalvage.salvage(from: self.fixture.path, to: self.target, logger: self.logger)
    }

    /// Changes bytes of the file; returns what it then is.
    private func damage(_ change: (inout Data) -> Void) throws -> Data {
        var bytes = try #require(FileManager.default.contents(atPath: self.fixture.path))
        change(&bytes)
        try bytes.write(to: URL(fileURLWithPath: self.fixture.path))
        return bytes
    }

    @Test func aSoundStoreHasNoProblems() async throws {
        try await self.write()
        for quick in [false, true] {
            let findings = try self.findings(quick: quick)
            #expect(findings.problems.isEmpty)
            #expect(findings.rows == ["topic": 400, "producer": 0, "once": 0])
        }
    }

    @Test func everyRowWithAWrongChecksumIsNamed() async throws {
        try await self.write()
        try self.fixture.edit("UPDATE topic SET offset = offset + 1 WHERE id IN (7, 300)")
        let problems = try self.findings().problems
        #expect(problems == ["topic 'topic/7': its checksum is wrong", "topic 'topic/300': its checksum is wrong"])
    }

    @Test func whatElseIsWrongWithATopicIsNamedToo() async throws {
        try await self.write()
        let store = try self.fixture.open()
        let findings = try store.check { $0.id == 5 ? "it is a five" : nil }
        #expect(findings.problems == ["topic 'topic/5': it is a five"])
    }

    @Test func aCheckOfNothingMakesNoStore() {
        #expect(throws: StoreError.cannotOpen(path: self.fixture.path, reason: "there is no such file")) {
            try self.findings()
        }
        #expect(FileIdentity(path: self.fixture.path + "-lock") == nil)
    }

    @Test func allOfASoundStoreIsSaved() async throws {
        try await self.write()
        let salvage = try self.salvage()
        #expect(salvage.saved == 400)
        #expect(salvage.lost.isEmpty)
        let saved = try SQLiteStore(path: self.target, logger: self.logger)
        #expect(try saved.restore().rows == Self.rows)
        #expect(try saved.statistics().restoreGeneration == 1)
    }

    @Test func rowsWithWrongChecksumsAreLostByName() async throws {
        try await self.write()
        try self.fixture.edit("UPDATE topic SET content = x'00' WHERE id = 9")
        let salvage = try self.salvage()
        #expect(salvage.saved == 399)
        #expect(salvage.lost == ["topic 'topic/9': its checksum is wrong"])
    }

    /// Pages of the table in the middle of the file: a scan comes to an end at the first of them.
    @Test func rowsBehindADamagedPageAreSaved() async throws {
        try await self.write()
        let pages = try Set(self.leafPages().dropFirst(3).prefix(1) + self.leafPages().dropLast(4).suffix(1))
        #expect(pages.count == 2)
        let damaged = try self.damage { bytes in
            for page in pages {
                let start = (page - 1) * 4096
                bytes.replaceSubrange(start..<start + 64, with: Data(repeating: 0xFF, count: 64))
            }
        }
        #expect(try !self.findings().problems.isEmpty)
        let salvage = try self.salvage()
        #expect(salvage.lost.count + salvage.saved == 400)
        #expect((1...60).contains(salvage.lost.count), "\(salvage.lost)")
        #expect(salvage.lost.allSatisfy { $0.hasPrefix("topic 'topic/") }, "\(salvage.lost)")
        #expect(FileManager.default.contents(atPath: self.fixture.path) == damaged, "the damaged one is left as it is")
        let saved = try SQLiteStore(path: self.target, logger: self.logger).restore().rows
        #expect(saved.allSatisfy(Self.rows.contains))
    }

    /// Any one flipped bit: never a crash, and what is saved is right.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func whateverBitIsFlippedWhatIsSavedIsRight(seed: UInt64) async throws {
        try await self.write()
        let sound = try #require(FileManager.default.contents(atPath: self.fixture.path))
        var generator = SeededGenerator(seed: seed)
        for round in 1...25 {
            // It computes for long, and others wait for its thread.
            await Task.yield()
            var bytes = sound
            // Not the header, which says what the file is.
            let place = Int.random(in: 100..<bytes.count, using: &generator)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            try bytes.write(to: URL(fileURLWithPath: self.fixture.path))
            let target = self.fixture.folder.file("saved\(round).db")
            do throws(StoreError) {
                _ = try StoreSalvage.salvage(from: self.fixture.path, to: target, logger: self.logger)
                let saved = try SQLiteStore(path: target, logger: self.logger)
                defer { saved.close() }
                // A row whose number has changed is still the row of its topic.
                let wrong = try saved.restore().rows.filter { row in
                    !Self.rows.contains { $0.name == row.name && $0.offset == row.offset && $0.content == row.content }
                }
                #expect(wrong.isEmpty, "bit at \(place)")
            } catch {
                #expect(error.exitCode == 65 || error.exitCode == 74, "bit at \(place): \(error)")
            }
        }
    }

    @Test func nothingIsOverwritten() async throws {
        try await self.write()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: self.target))
        #expect(throws: StoreError.self) { try self.salvage() }
        #expect(FileManager.default.contents(atPath: self.target) == Data("mine".utf8))
    }

    /// The numbers of the pages that hold rows of the table and nothing else.
    private func leafPages() throws -> [Int] {
        let bytes = try #require(FileManager.default.contents(atPath: self.fixture.path))
        // 0x0D is a leaf of a table; the first pages are the schema's and those of small tables.
        return (4..<bytes.count / 4096).filter { bytes[$0 * 4096] == 0x0D }.map { $0 + 1 }
    }
}
