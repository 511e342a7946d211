// Glibc for flock(2): the lock has to go with the process, however that ends.
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Keeps a second broker away from a store and says who holds it.
///
/// SQLite's own exclusive lock keeps it out as well, but can not tell whose it is.
struct StoreLock: ~Copyable {
    private let descriptor: Int32

    /// Locks the file beside `path`.
    init(path: String) throws(StoreError) {
        let lockPath = path + "-lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw errno == EACCES || errno == EROFS
                ? StorePermission.refusal(path: path, reason: reason) : .cannotOpen(path: path, reason: reason)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.holder(descriptor)
            close(descriptor)
            throw .inUse(path: path, holder: holder)
        }
        let text = "\(getpid())\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        self.descriptor = descriptor
    }

    /// Lets the next one in.
    func release() { flock(self.descriptor, LOCK_UN) }

    deinit { close(self.descriptor) }

    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(count, 0)).prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return digits.isEmpty ? "another process" : "process \(String(decoding: digits, as: UTF8.self))"
    }
}
