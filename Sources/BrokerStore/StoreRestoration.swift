// Foundation to copy files and for the date in a name.
package import Foundation
import GRDB

/// What a restoration has done.
package struct StoreRestoration: Hashable, Sendable {
    package var rows: Int
    /// Where the store is now that was there before; `nil` if there was none.
    package var formerPath: String?
    /// How many times this store was brought back.
    package var generation: Int

    /// Puts a copy of the backup at `source` in the place of the store at `path`.
    ///
    /// The copy is verified, and becomes a new life of the store, before anything of the old one is touched. No broker
    /// may be running on it.
    package static func restore(from source: String, to path: String, now: Date = Date()) throws(StoreError) -> Self {
        guard FileIdentity(path: source) != nil else {
            throw .cannotOpen(path: source, reason: "there is no such file")
        }
        guard FileIdentity(path: source)?.isSameFile(as: FileIdentity(path: path)) != true else {
            throw .cannotOpen(path: source, reason: "it is the store itself")
        }
        try SQLiteStore.makeFolder(of: path)
        let lock = try StoreLock(path: path)
        defer { lock.release() }
        let file = NewFile(path: path)
        file.remove()
        do {
            var restoration = try Self.prepare(source, file)
            restoration.formerPath = try Self.putInPlace(file, now)
            return restoration
        } catch {
            file.remove()
            throw error
        }
    }

    /// Copies the backup beside the store, verifies it and makes it a new life.
    private static func prepare(_ source: String, _ file: NewFile) throws(StoreError) -> Self {
        try PlainCopy.copy(store: source, to: file.temporaryPath)
        let copy: StoreCopy
        do throws(StoreError) {
            copy = try StoreCopy(path: file.temporaryPath, isUpdated: true)
        } catch {
            throw error.about(source)
        }
        let findings = try copy.check()
        if let problem = findings.problems.first { throw .corrupt(path: source, reason: problem) }
        let generation = try copy.beginNewLife()
        try copy.close()
        try file.sync()
        return Self(rows: findings.rowCount, formerPath: nil, generation: generation)
    }

    /// Swaps the files; the store's name always means one store or the other.
    private static func putInPlace(_ file: NewFile, _ now: Date) throws(StoreError) -> String? {
        var former: String?
        if FileIdentity(path: file.path) != nil {
            let kept = Self.formerPath(file.path, now)
            // The log has to go first: beside the new store it would be read as its own.
            try PlainCopy.keep(file.path, as: kept)
            if FileIdentity(path: file.path + "-wal") != nil {
                try PlainCopy.move(file.path + "-wal", to: kept + "-wal")
            }
            former = kept
        } else if FileIdentity(path: file.path + "-wal") != nil {
            try PlainCopy.move(file.path + "-wal", to: Self.formerPath(file.path, now) + "-wal")
        }
        try PlainCopy.move(file.temporaryPath, to: file.path)
        try NewFile.sync(FilePath.folder(of: file.path))
        return former
    }

    private static func formerPath(_ path: String, _ now: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        let base = "\(path).before-restore-\(formatter.string(from: now))"
        var name = base
        var number = 2
        while FileIdentity(path: name) != nil {
            name = "\(base)-\(number)"
            number += 1
        }
        return name
    }
}

extension StoreCopy {
    /// Draws a new epoch, so that nobody takes a position of before for one of after, and counts the restorations.
    func beginNewLife() throws(StoreError) -> Int {
        do {
            return try self.queue.write { database in
                let sql = "SELECT value FROM meta WHERE key = 'restoreGeneration'"
                let generation = (try String.fetchOne(database, sql: sql).flatMap { Int($0) } ?? 0) + 1
                for (key, value) in [("epoch", StoreSchema.newEpoch()), ("restoreGeneration", "\(generation)")] {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
                        arguments: [key, value]
                    )
                }
                return generation
            }
        } catch {
            throw SQLiteStore.translate(error, path: self.path)
        }
    }
}

extension StoreError {
    /// The same said about another path: what was copied from, instead of the copy.
    func about(_ path: String) -> Self {
        switch self {
        case .inUse(_, let holder): .inUse(path: path, holder: holder)
        case .cannotOpen(_, let reason): .cannotOpen(path: path, reason: reason)
        case .notPermitted(_, let reason): .notPermitted(path: path, reason: reason)
        case .notAStore(_, let reason): .notAStore(path: path, reason: reason)
        case .corrupt(_, let reason): .corrupt(path: path, reason: reason)
        case .noCopy(_, let reason): .noCopy(path: path, reason: reason)
        case .newerFormat(_, let found, let supported): .newerFormat(path: path, found: found, supported: supported)
        }
    }
}
