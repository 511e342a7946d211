import BrokerStore

// Glibc for open(2), read(2) and errno.
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file of the operator's, read as a whole: a configuration, or which credentials are taken.
struct OperatorFile {
    var bytes: [UInt8] = []
    /// Whether any user of the machine can read it.
    var isReadableByOthers: Bool

    /// More than any such file has, so that a wrong path does not read a disk.
    private static let bytesMax = 8 << 20
    private static let partBytes = 64 << 10

    /// - `key`: The key of the configuration that names it, or an empty text.
    init(path: String, key: String) throws(ConfigurationError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.problem(key, path, Self.systemReason) }
        defer { close(descriptor) }
        guard let status = FileStatus(path: path) else { throw Self.problem(key, path, Self.systemReason) }
        guard !status.isFolder else { throw Self.problem(key, path, "it is a folder") }
        self.isReadableByOthers = status.isReadableByOthers
        var part = [UInt8](repeating: 0, count: Self.partBytes)
        while true {
            let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw Self.problem(key, path, Self.systemReason) }
            guard count > 0 else { return }
            self.bytes += part[..<count]
            guard self.bytes.count <= Self.bytesMax else {
                throw Self.problem(key, path, "it has more than \(Self.bytesMax >> 20) MiB")
            }
        }
    }

    private static var systemReason: String { String(cString: strerror(errno)) }

    private static func problem(_ key: String, _ path: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(problems: [ConfigurationProblem(path: key, text: "\(path) can not be read: \(reason)")])
    }
}
