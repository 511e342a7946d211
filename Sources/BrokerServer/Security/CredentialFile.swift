// FoundationEssentials for files.
import FoundationEssentials

// Glibc for stat(2).
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
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.problem(key, path, String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Self.problem(key, path, "it is a folder") }
        guard status.st_size <= Self.bytesMax else {
            throw Self.problem(key, path, "it has more than \(Self.bytesMax >> 20) MiB")
        }
        do {
            self.bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw Self.problem(key, path, "\(error)")
        }
        self.isReadableByOthers = status.st_mode & S_IROTH != 0
    }

    private static func problem(_ key: String, _ path: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(path: key, text: "\(path) can not be read: \(reason)")])
    }
}
