// Glibc for statvfs(3).
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The file system that a store is on.
package struct StoreVolume: Hashable, Sendable {
    /// What this process may still write.
    package var freeBytes: Int
    package var isReadOnly: Bool

    /// Asks; `nil` if the folder is not there.
    package init?(folder: String) {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let bytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        self.freeBytes = bytes.overflow ? .max : Int(clamping: bytes.partialValue)
        self.isReadOnly = UInt64(status.f_flag) & UInt64(ST_RDONLY) != 0
    }
}
