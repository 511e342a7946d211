import GRDB

/// What a backup has made.
package struct StoreBackup: Hashable, Sendable {
    package var path: String
    package var bytes: Int
    package var rows: Int
}

/// Copying a store while it is used.
extension SQLiteStore {
    /// How many pages are copied in one go; what waits for the store's queue then comes first. A quarter of a MiB.
    private static var pagesPerStep: Int32 { 64 }

    /// Copies the store as it is now to a new file, verifies the copy, and only then gives it its name.
    ///
    /// It blocks its thread for as long as that takes; commits go on between its steps.
    ///
    /// - `keepingFree`: How much has to be left on the copy's disk.
    package func backup(to path: String, keepingFree: Int = 0) throws(StoreError) -> StoreBackup {
        try self.checkPlace(path, keepingFree: keepingFree)
        let file = NewFile(path: path)
        try file.create()
        do {
            let counts = try self.copyPages(to: file.temporaryPath)
            try file.sync()
            try self.verify(file.temporaryPath, counts)
            try file.giveName()
            let bytes = FileIdentity(path: path)?.bytes ?? 0
            return StoreBackup(path: path, bytes: bytes, rows: counts.values.reduce(0, +))
        } catch {
            file.remove()
            throw Self.copyError(error, path: path)
        }
    }

    private func checkPlace(_ path: String, keepingFree: Int) throws(StoreError) {
        guard FileIdentity(path: path) == nil else {
            throw .noCopy(path: path, reason: "there is something already, and nothing is ever overwritten")
        }
        // Files with such names are SQLite's, or ours.
        let isOurs = FilePath.name(of: path).hasPrefix(FilePath.name(of: self.path) + "-")
        guard !isOurs || FilePath.folder(of: path) != FilePath.folder(of: self.path) else {
            throw .noCopy(path: path, reason: "a file of this name beside the store would be taken for a part of it")
        }
        guard let volume = StoreVolume(folder: FilePath.folder(of: path)) else {
            throw .noCopy(path: path, reason: "there is no folder \(FilePath.folder(of: path))")
        }
        let needed = (FileIdentity(path: self.path)?.bytes ?? 0) + self.files.logBytes
        guard volume.freeBytes - needed >= keepingFree else {
            let reason = "it takes up to \(needed >> 10) KiB, and the disk has \(volume.freeBytes >> 10) KiB left"
            throw .noCopy(path: path, reason: keepingFree > 0 ? reason + ", of which some is kept" : reason)
        }
    }

    /// Copies all pages; returns the numbers of rows at that moment.
    private func copyPages(to path: String) throws -> [String: Int] {
        guard self.backupSlot.enter() else {
            throw StoreError.noCopy(path: path, reason: "another backup is running, or the store is being closed")
        }
        defer { self.backupSlot.leave() }
        let copy = try PageCopy(to: path)
        var counts: [String: Int]?
        do {
            while counts == nil {
                guard !self.backupSlot.isClosed else { throw Self.closedMeanwhile(path) }
                counts = try self.queue.writeWithoutTransaction { database in
                    guard try copy.step(database, pages: Self.pagesPerStep) else { return nil }
                    copy.finish()
                    return try StoreCheck.countRows(database)
                }
            }
        } catch {
            self.queue.writeWithoutTransaction { _ in copy.finish() }
            throw error
        }
        try copy.close()
        return counts ?? [:]
    }

    /// Opens a copy that nobody else knows yet and reads all of it.
    private func verify(_ path: String, _ counts: [String: Int]) throws {
        let copy = try StoreCopy(path: path)
        let findings = try self.backupSlot.reading(copy.queue) {
            guard !self.backupSlot.isClosed else { throw Self.closedMeanwhile(path) }
            return try copy.check { self.backupSlot.isClosed }
        }
        try copy.close()
        guard !self.backupSlot.isClosed else { throw Self.closedMeanwhile(path) }
        if let problem = findings.problems.first {
            throw StoreError.noCopy(path: path, reason: "the copy is not sound: \(problem)")
        }
        guard findings.rows == counts || findings.olderFormat != nil else {
            let reason = "the copy has \(findings.rows) rows where the store has \(counts)"
            throw StoreError.noCopy(path: path, reason: reason)
        }
    }

    private static func closedMeanwhile(_ path: String) -> StoreError {
        .noCopy(path: path, reason: "the store is being closed")
    }

    /// Ends a running backup, and lets no other begin: it must not hold up a broker that stops.
    package func endBackups() { self.backupSlot.close() }

    private static func copyError(_ error: any Error, path: String) -> StoreError {
        switch error {
        case let error as StoreError:
            if case .noCopy(_, let reason) = error { return .noCopy(path: path, reason: reason) }
            return .noCopy(path: path, reason: "\(error)")
        case let error as DatabaseError: return .noCopy(path: path, reason: error.message ?? "\(error)")
        default: return .noCopy(path: path, reason: "\(error)")
        }
    }
}
