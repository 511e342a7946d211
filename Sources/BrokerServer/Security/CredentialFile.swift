import BrokerStore
// FoundationEssentials for files.
import FoundationEssentials

// Glibc for errno.
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file that says which credentials are taken.
struct CredentialFile {
    var bytes: [UInt8]
    /// Whether any user of the machine can read it.
    var isReadableByOthers: Bool

    /// More than any such file has, so that a wrong path does not read a disk.
    private static let bytesMax = 8 << 20

    /// - `key`: The key of the configuration that names it.
    init(path: String, key: String) throws(ConfigurationError) {
        guard let status = FileStatus(path: path) else {
            throw Self.problem(key, path, String(cString: strerror(errno)))
        }
        guard !status.isFolder else { throw Self.problem(key, path, "it is a folder") }
        guard status.bytes <= Self.bytesMax else {
            throw Self.problem(key, path, "it has more than \(Self.bytesMax >> 20) MiB")
        }
        do {
            self.bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw Self.problem(key, path, "\(error)")
        }
        self.isReadableByOthers = status.isReadableByOthers
    }

    private static func problem(_ key: String, _ path: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(path: key, text: "\(path) can not be read: \(reason)")])
    }
}
