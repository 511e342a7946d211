import BrokerStore

// Glibc for open(2), fsync(2) and rename(2).
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The file of the broker's tokens, as the command line changes it.
struct TokenFile {
    let path: String
    /// Where it is, if `path` is a symbolic link.
    private let target: String
    /// What it is written as first. Who makes it has the file to himself until it gets its name.
    private var newPath: String { self.target + ".new" }

    private static let linkBytesMax = Int(PATH_MAX)

    init(path: String) {
        self.path = path
        self.target = Self.target(of: path)
    }

    /// Adds an entry. A reader finds the file of before or the file of after, and a file that is wrong stays as it is.
    ///
    /// A file that is there keeps its owner, group and mode; a new one is for its owner alone.
    func add(_ entry: TokenList.Entry) throws(BrokerError) {
        let descriptor = open(self.newPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let hint = errno == EEXIST ? "; if nobody is changing \(self.path) now, delete it" : ""
            throw Self.refusal("\(self.newPath) can not be made", hint)
        }
        do throws(BrokerError) {
            defer { close(descriptor) }
            let entries = try self.entries() + [entry.document]
            let text = JSONValue.object(["tokens": .array(entries)]).prettyText + "\n"
            try self.write(Array(text.utf8), descriptor)
        } catch {
            unlink(self.newPath)
            throw error
        }
        guard rename(self.newPath, self.target) == 0 else {
            let refusal = Self.refusal("\(self.newPath) can not be renamed to \(self.target)")
            unlink(self.newPath)
            throw refusal
        }
        try self.syncFolder()
    }

    /// Follows symbolic links to what they lead to, whether it is there or not: a rename would replace the link.
    private static func target(of path: String) -> String {
        var path = path
        // As many as the system follows.
        for _ in 0..<40 {
            var link = [CChar](repeating: 0, count: Self.linkBytesMax)
            let count = readlink(path, &link, Self.linkBytesMax)
            guard count > 0 else { break }
            let next = String(decoding: link.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
            path = next.hasPrefix("/") ? next : "\(Self.folder(of: path))/\(next)"
        }
        return path
    }

    private static func folder(of path: String) -> String {
        guard let end = path.lastIndex(of: "/") else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// The entries as they are written, after all of them were found right.
    private func entries() throws(BrokerError) -> [JSONValue] {
        guard access(self.path, F_OK) == 0 else { return [] }
        do throws(ConfigurationError) {
            let bytes = try OperatorFile(path: self.target, key: "--file").bytes
            _ = try TokenList(bytes, named: self.path)
            guard case .object(let members) = try JSONValue(document: bytes, named: self.path),
                case .array(let entries)? = members["tokens"]
            else { return [] }
            return entries
        } catch {
            throw .configuration(error)
        }
    }

    private func write(_ bytes: [UInt8], _ descriptor: Int32) throws(BrokerError) {
        if let status = FileStatus(path: self.target) {
            // Made by root, the broker's own user could not read it.
            guard fchown(descriptor, status.owner, status.group) == 0 else {
                let hint = "; do it as root, or as the user whose file it is"
                throw Self.refusal("\(self.newPath) can not have the owner and the group of \(self.path)", hint)
            }
            guard fchmod(descriptor, status.permissions) == 0 else {
                throw Self.refusal("\(self.newPath) can not have the mode of \(self.path)")
            }
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Self.refusal("\(self.newPath) can not be written") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw Self.refusal("\(self.newPath) can not be written") }
    }

    private func syncFolder() throws(BrokerError) {
        let folder = Self.folder(of: self.target)
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.refusal("\(folder) can not be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.refusal("\(folder) can not be written") }
    }

    private static func refusal(_ what: String, _ hint: String = "") -> BrokerError {
        .refused(reason: "\(what): \(String(cString: strerror(errno)))\(hint)")
    }
}

/// write(2), which has the name of a method here.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
