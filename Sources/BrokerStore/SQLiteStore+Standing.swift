package import BrokerCore
import Synchronization

/// Whether what is written can still be relied on.
extension SQLiteStore {
    /// Runs a commit, unless the store has failed, and looks after it whether the files are still there: an
    /// acknowledgement means that a restart finds the value at the store's path.
    ///
    /// The look costs a microsecond, a commit some hundred.
    func guarded(_ write: () -> CommitOutcome) -> CommitOutcome {
        if let failure = self.failure { return .unknown(reason: failure) }
        let outcome = write()
        if case .unknown(let reason) = outcome { self.fail(reason) }
        guard outcome == .committed, let problem = self.files.problem else { return outcome }
        self.fail(problem)
        return .unknown(reason: problem)
    }

    /// Stops for good: nothing is written any more, not even on close, and what is on the disk is left as it is.
    package func fail(_ reason: String) {
        self.standing.withLock { standing in
            if standing.failure == nil { standing.failure = reason }
        }
    }

    /// Ends without a word to the disk. Closing would write the log back, and delete whatever log has the name now.
    func abandon() {
        // The connection lives as long as the process, which is about to end.
        _ = Unmanaged.passRetained(self.queue)
    }

    /// Why the store has stopped, if it has.
    package var failure: String? { self.standing.withLock(\.failure) }

    /// Whether a commit found no room since this was asked last.
    package func takeFullness() -> Bool {
        self.standing.withLock { standing in
            defer { standing.wasFull = false }
            return standing.wasFull
        }
    }

    /// What has been counted since the store was opened, and how large it is now.
    package var figures: StoreFigures {
        var figures = self.standing.withLock { $0.figures }
        figures.logBytes = self.files.logBytes
        figures.fileBytes = FileIdentity(path: self.path)?.bytes ?? 0
        return figures
    }

    /// Notes that a backup was made.
    ///
    /// - `time`: When, in milliseconds since 1970.
    package func noteBackup(at time: UInt64, bytes: Int) {
        self.standing.withLock { $0.figures.backup = StoreFigures.Backup(time: time, bytes: bytes) }
    }

    func noteFullness() { self.standing.withLock { $0.wasFull = true } }
}

/// What the commits so far say about the store.
struct StoreStanding {
    var failure: String?
    var wasFull = false
    var figures = StoreFigures()
}
