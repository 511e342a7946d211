import Synchronization

/// The files that the connection has open, and whether they are still the ones that a restart would find.
///
/// They are only looked at, never opened: whoever opens and closes a database's file takes away the locks that his own
/// process has on it.
package final class StoreFiles: Sendable {
    private struct Known {
        var database: FileIdentity?
        var log: FileIdentity?
    }

    package let path: String
    private let known = Mutex(Known())

    init(path: String) { self.path = path }

    /// The file that everything is written to first.
    package var logPath: String { self.path + "-wal" }

    var isMissing: Bool { FileIdentity(path: self.path) == nil }

    package var folder: String { FilePath.folder(of: self.path) }

    package var logBytes: Int { FileIdentity(path: self.logPath)?.bytes ?? 0 }

    /// Notes which files the connection has opened.
    func note() {
        let files = Known(database: FileIdentity(path: self.path), log: FileIdentity(path: self.logPath))
        self.known.withLock { $0 = files }
    }

    /// Whether `path` is this store.
    package func isStore(_ path: String) -> Bool {
        let known = self.known.withLock(\.database)
        return known?.isSameFile(as: FileIdentity(path: path)) == true
    }

    /// What has become of them behind our back, if anything has: what is written now would not be found again.
    package var problem: String? {
        let known = self.known.withLock(\.self)
        return Self.problem(self.path, known.database) ?? Self.problem(self.logPath, known.log)
    }

    private static func problem(_ path: String, _ known: FileIdentity?) -> String? {
        guard let known else { return nil }
        guard let found = FileIdentity(path: path) else { return "the file \(path) was deleted or moved away" }
        return found.isSameFile(as: known) ? nil : "the file \(path) was replaced by another one"
    }
}
