// Glibc for posix_fallocate(3).
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Room on the disk that nobody uses, until somebody needs it to make room.
package struct SpareFile: Sendable {
    package let path: String
    package let bytes: Int

    package init(store path: String, bytes: Int) {
        self.path = path + "-spare"
        self.bytes = bytes
    }

    package var exists: Bool { FileIdentity(path: self.path)?.bytes == self.bytes }

    /// Takes the room; the reason if there is none.
    package func make() -> String? {
        if self.exists { return nil }
        self.remove()
        let descriptor = open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        #if canImport(Glibc)
        let code = posix_fallocate(descriptor, 0, off_t(self.bytes))
        #else
        let code = ftruncate(descriptor, off_t(self.bytes)) == 0 ? 0 : errno
        #endif
        guard code != 0 else { return nil }
        self.remove()
        return String(cString: strerror(code))
    }

    /// Gives the room away.
    package func remove() { unlink(self.path) }
}
