// Glibc for link(2) and fsync(2).
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file that gets its name only when it is complete and on the disk, and never takes another file's name.
struct NewFile {
    let path: String
    let temporaryPath: String

    init(path: String) {
        self.path = path
        self.temporaryPath = path + ".partial"
    }

    /// Makes it, empty, under its temporary name.
    func create() throws(StoreError) {
        let descriptor = open(self.temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            let reason = String(cString: strerror(errno))
            let hint = isThere ? "; if nobody is making it now, it was left by one that was cut off: delete it" : ""
            throw .noCopy(path: self.path, reason: "\(self.temporaryPath): \(reason)\(hint)")
        }
        close(descriptor)
    }

    /// Writes it to the disk.
    func sync() throws(StoreError) { try Self.sync(self.temporaryPath) }

    /// Gives it its name, if nobody else has it.
    func giveName() throws(StoreError) {
        if link(self.temporaryPath, self.path) == 0 {
            unlink(self.temporaryPath)
        } else {
            // Some file systems have no second names. There the look and the renaming are two steps.
            guard errno != EEXIST, FileIdentity(path: self.path) == nil else {
                throw .noCopy(path: self.path, reason: "there is something of this name now")
            }
            guard rename(self.temporaryPath, self.path) == 0 else {
                throw .noCopy(path: self.path, reason: String(cString: strerror(errno)))
            }
        }
        try Self.sync(FilePath.folder(of: self.path))
    }

    /// Removes what is not finished; not what somebody else has under the temporary name.
    func remove() {
        for suffix in ["", "-wal", "-journal", "-shm"] { unlink(self.temporaryPath + suffix) }
    }

    /// Writes a file or a folder to the disk.
    static func sync(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .noCopy(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .noCopy(path: path, reason: String(cString: strerror(errno))) }
    }
}
