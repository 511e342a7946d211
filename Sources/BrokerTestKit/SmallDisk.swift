package import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// A file system of a few MiB for tests of a full disk. Only root may mount one.
package final class SmallDisk: Sendable {
    package let folder: URL

    /// Whether this process may; where not, tests that need it are skipped.
    package static var isPossible: Bool {
        #if os(Linux)
        geteuid() == 0 && (try? SmallDisk(megabytes: 1)) != nil
        #else
        false
        #endif
    }

    package init(megabytes: Int) throws {
        self.folder = try TestBroker.makeFolder()
        try Self.run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", self.folder.path])
    }

    deinit {
        try? Self.run("/bin/umount", ["-l", self.folder.path])
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// From now on it can only be read.
    package func makeReadOnly() throws { try Self.run("/bin/mount", ["-o", "remount,ro", self.folder.path]) }

    /// What anybody may still write.
    package var freeBytes: Int {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: self.folder.path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue ?? 0
    }

    /// A neighbour's file that leaves so much.
    package func fill(leaving bytes: Int) throws -> URL {
        let file = self.folder.appendingPathComponent("neighbour")
        let count = max(0, self.freeBytes - bytes)
        try Data(count: count).write(to: file)
        return file
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        guard try ChildProcess.status(of: program, arguments) == 0 else {
            throw SmallDiskError.failed(program, arguments)
        }
    }
}

package enum SmallDiskError: Error {
    case failed(String, [String])
}
