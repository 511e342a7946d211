// Glibc for stat(2).
#if canImport(Glibc)
package import Glibc
#else
package import Darwin
#endif

/// What a file is and whom it is for. Of a symbolic link, what it leads to.
package struct FileStatus: Hashable, Sendable {
    package let isFolder: Bool
    package let bytes: Int
    package let isReadableByOthers: Bool
    /// Numbers of the user and of the group.
    package let owner: UInt32
    package let group: UInt32
    /// Who may do what with it, as chmod(2) takes it.
    package let permissions: mode_t

    /// Looks, without opening the file; `nil` if there is none, and `errno` says why.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.isFolder = status.st_mode & S_IFMT == S_IFDIR
        self.bytes = Int(status.st_size)
        self.isReadableByOthers = status.st_mode & S_IROTH != 0
        self.owner = status.st_uid
        self.group = status.st_gid
        self.permissions = status.st_mode & 0o7777
    }
}
