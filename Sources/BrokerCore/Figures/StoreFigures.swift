/// What the store has counted since it was opened.
package struct StoreFigures: Sendable {
    /// From the first statement to the commit's return, in nanoseconds.
    package var commits = Histogram.durations
    /// The commit alone, which is the fsync and the write of what it makes durable.
    package var fsyncs = Histogram.durations
    /// Rows of a batch.
    package var batches = Histogram.sizes
    package var failures: UInt64 = 0
    package var logBytes = 0
    package var fileBytes = 0
    /// When the last backup was made, in milliseconds since 1970, and how large it is.
    package var backup: Backup?

    package struct Backup: Hashable, Sendable {
        package var time: UInt64
        package var bytes: Int

        package init(time: UInt64, bytes: Int) {
            self.time = time
            self.bytes = bytes
        }
    }

    package init() {}
}
