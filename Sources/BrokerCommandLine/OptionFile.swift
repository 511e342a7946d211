/// The options that a user always wants: `~/.config/wspub`, one a line, as a command line has them.
///
/// ```
/// # where I work
/// -L wss://broker.example/
/// --token-file /home/me/.wsbroker-token
/// ```
enum OptionFile {
    /// Larger than any that a person writes.
    static let bytesMax = 64 * 1024

    /// Where the file of a tool is, if the user has a place for such files.
    static func path(of tool: String, environment: [String: String]) -> String? {
        if let folder = environment["XDG_CONFIG_HOME"], !folder.isEmpty { return "\(folder)/\(tool)" }
        guard let home = environment["HOME"], !home.isEmpty else { return nil }
        return "\(home)/.config/\(tool)"
    }

    /// The arguments that the file holds; they stand before those of the command line, which therefore win.
    static func arguments(in text: String, path: String) throws(InputError) -> [String] {
        var arguments: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0.isWhitespace }
            guard let first = words.first, first != "#" else { continue }
            guard first == "-", words.dropFirst().first != nil else {
                throw InputError(source: path, reason: "line \(index + 1) does not begin with an option")
            }
            let name = words.prefix { !$0.isWhitespace }
            var value = words.dropFirst(name.count).drop { $0.isWhitespace }
            while value.last?.isWhitespace == true { value.removeLast() }
            arguments.append(String(name))
            // The rest of the line is one value, whatever is in it; there is nothing to quote.
            if !value.isEmpty { arguments.append(String(value)) }
        }
        return arguments
    }

    /// Reads the file of `tool`; one that is not there holds nothing.
    static func load(_ tool: String) throws(InputError) -> [String] {
        let names = ["HOME", "XDG_CONFIG_HOME"]
        let environment = names.reduce(into: [String: String]()) { $0[$1] = SystemCall.environment($1) }
        guard let path = Self.path(of: tool, environment: environment), SystemCall.exists(path) else { return [] }
        let bytes = try SystemCall.readStart(of: path) { $0.count > Self.bytesMax }
        guard bytes.count <= Self.bytesMax else {
            throw InputError(source: path, reason: "it is longer than \(Self.bytesMax) bytes")
        }
        return try Self.arguments(in: String(decoding: bytes, as: UTF8.self), path: path)
    }
}
