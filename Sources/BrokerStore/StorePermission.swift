// Glibc for stat(2) and whose process this is.
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Says why a store can not be written, or is open to others, in terms of what somebody can do about it.
package enum StorePermission {
    /// What others than the user of this process may do to the store at `path`, each in a line; empty if nothing.
    package static func exposures(path: String) -> [String] {
        let folder = FilePath.folder(of: path)
        return [(folder, "0700"), (path, "0600"), (path + "-wal", "0600")].compactMap { place, wanted in
            var status = stat()
            guard stat(place, &status) == 0, status.st_mode & 0o077 != 0 else { return nil }
            return "\(place) has mode \(Self.mode(status)): chmod \(wanted) \(place)"
        }
    }

    static func refusal(path: String, reason: String) -> StoreError {
        .notPermitted(path: path, reason: Self.advice(path: path).map { "\(reason); \($0)" } ?? reason)
    }

    private static func advice(path: String) -> String? {
        let folder = FilePath.folder(of: path)
        if StoreVolume(folder: folder)?.isReadOnly == true {
            return "the file system of \(folder) is mounted read-only: mount it read-write, or use another store.path"
        }
        // What is most likely to be in the way, before what contains it.
        for place in [path, path + "-wal", path + "-lock", folder] {
            var status = stat()
            guard stat(place, &status) == 0, access(place, R_OK | W_OK) != 0 else { continue }
            let ours = "\(geteuid()):\(getegid())"
            return """
                \(place) belongs to \(status.st_uid):\(status.st_gid) with mode \(Self.mode(status)), and this process \
                is \(ours): chown -R \(ours) \(folder), or run the broker as the owner
                """
        }
        return nil
    }

    private static func mode(_ status: stat) -> String {
        let digits = String(UInt32(status.st_mode) & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
