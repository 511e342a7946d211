// Foundation to copy and move files.
import Foundation

/// Files of a store that nobody has open, taken as files.
enum PlainCopy {
    /// Copies a store with its log: what is in the log counts.
    static func copy(store path: String, to target: String) throws(StoreError) {
        do {
            try FileManager.default.copyItem(atPath: path, toPath: target)
            if FileIdentity(path: path + "-wal").map({ $0.bytes > 0 }) == true {
                try FileManager.default.copyItem(atPath: path + "-wal", toPath: target + "-wal")
            }
            for file in [target, target + "-wal"] where FileIdentity(path: file) != nil {
                // A backup may be write-protected; its copy is going to be used.
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            }
        } catch {
            throw .noCopy(path: target, reason: "\(path) can not be copied: \(error.localizedDescription)")
        }
    }

    /// Gives a file a second name, or another one where there are no second names.
    static func keep(_ path: String, as name: String) throws(StoreError) {
        do {
            try FileManager.default.linkItem(atPath: path, toPath: name)
        } catch {
            try Self.move(path, to: name)
        }
    }

    /// Renames a file, over another one if need be.
    static func move(_ path: String, to name: String) throws(StoreError) {
        guard rename(path, name) == 0 else {
            throw .noCopy(path: name, reason: "\(path) can not be renamed: \(String(cString: strerror(errno)))")
        }
    }
}
