// Glibc for stat(2).
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Which file stands at a path, whatever its name: the device and the number that the file system gave it.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let number: UInt64
    package let bytes: Int

    /// Looks, without opening the file; `nil` if there is none.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.device = UInt64(truncatingIfNeeded: status.st_dev)
        self.number = UInt64(truncatingIfNeeded: status.st_ino)
        self.bytes = Int(status.st_size)
    }

    package func isSameFile(as other: Self?) -> Bool {
        self.device == other?.device && self.number == other?.number
    }
}
