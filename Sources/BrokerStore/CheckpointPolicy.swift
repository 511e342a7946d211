import Synchronization

/// When the log is written back into the file.
///
/// Between batches, by us: SQLite's own checkpoint would make some commit wait for it. A commit adds a page or two and
/// up to one page for each row, so the count of both bounds the log.
final class CheckpointPolicy: Sendable {
    /// About SQLite's own default, which keeps the log near 4 MiB.
    static let pagesMax = 1000

    private let pages = Mutex(0)

    /// Counts a commit of `rows`; whether a checkpoint is due after it.
    func isDue(afterRows rows: Int) -> Bool {
        self.pages.withLock { pages in
            pages += 2 + rows
            guard pages >= Self.pagesMax else { return false }
            pages = 0
            return true
        }
    }
}
