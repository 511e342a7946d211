import ArgumentParser

/// What `wspub` publishes.
struct SourceOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        parsing: .unconditional,
        help: "The message; what is not JSON is sent as a JSON string."
    )
    var message: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("All of a file as one message.", valueName: "path"))
    var file: String?

    @Flag(name: [.customShort("s"), .customLong("stdin-file")], help: "All of standard input as one message.")
    var standardInput = false

    @Flag(
        name: [.customShort("l"), .customLong("stdin-line")],
        help: "A message for each line of standard input, or of the file."
    )
    var lines = false

    @Flag(
        name: [.customShort("0"), .customLong("null-separated")],
        help: "A message for each piece that ends with a zero byte, as find -print0 writes them."
    )
    var nulSeparated = false

    @Flag(help: ArgumentHelp(#"A message for each line, which is {"topic":"a","data":1}; -t for those without topic."#))
    var jsonLines = false

    @Flag(
        name: [.customShort("n"), .customLong("null-message")],
        help: "The message null; with -r it clears what is kept."
    )
    var null = false

    @Option(name: .customLong("repeat"), help: ArgumentHelp("Publish the message so many times.", valueName: "count"))
    var repeatCount: Int?

    @Option(help: ArgumentHelp("How long to wait between two of them.", valueName: "seconds"))
    var repeatDelay: Double?

    /// The most repetitions; it is what one producer can number.
    static let repeatMax = 1 << 53

    var isRecords: Bool { self.lines || self.nulSeparated || self.jsonLines }

    /// - `path`: The file behind the options.
    func check(path: String?) throws {
        let sources = [
            self.message != nil, self.file != nil, self.standardInput, self.lines, self.nulSeparated, self.jsonLines,
            self.null,
        ]
        guard sources.count(where: { $0 }) == 1 else {
            throw ValidationError("Say what to publish with one of -m, -f, -s, -l, -0, --json-lines and -n.")
        }
        guard path == nil || self.isRecords else { throw ValidationError("A file needs -l, -0 or --json-lines.") }
        if let count = self.repeatCount {
            guard !self.isRecords else { throw ValidationError("--repeat is for one message.") }
            guard (1...Self.repeatMax).contains(count) else { throw ValidationError("--repeat is a positive number.") }
        }
        if let delay = self.repeatDelay {
            guard self.repeatCount != nil else { throw ValidationError("--repeat-delay needs --repeat.") }
            guard delay >= 0, delay <= Validation.secondsMax else {
                throw ValidationError("--repeat-delay is a number of seconds.")
            }
        }
    }

    /// - `path`: The file behind the options; `nil` is standard input.
    func source(path: String?) -> PublishSource {
        let path = path == "-" ? nil : path
        if let message = self.message { return .message(Array(message.utf8)) }
        if let file = self.file { return .whole(path: file == "-" ? nil : file) }
        if self.standardInput { return .whole(path: nil) }
        if self.lines { return .records(.lines, path: path) }
        if self.nulSeparated { return .records(.nulSeparated, path: path) }
        if self.jsonLines { return .records(.jsonLines, path: path) }
        return .message(Array("null".utf8))
    }
}
