import Logging

/// Writes what the client logs to where a tool reports its errors; for `-d`.
struct DebugLogHandler: LogHandler {
    private let name: String
    private let errors: OutputWriter

    var logLevel = Logger.Level.debug
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    static func logger(_ name: String, errors: OutputWriter) -> Logger {
        Logger(label: name, factory: { Self(name: $0, errors: errors) })
    }

    private init(name: String, errors: OutputWriter) {
        self.name = name
        self.errors = errors
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        self.errors.appendLine("\(self.name): \(event.level): \(event.message)\(fields)")
    }
}
