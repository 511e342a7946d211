package import Logging

/// Writes log lines to standard error, one write(2) each, so that lines of several threads do not mix.
package struct BrokerLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    private let format: BrokerConfiguration.LogFormat
    private let threshold: LogThreshold
    private let write: @Sendable (String) -> Void
    /// For a copy that says less than the others.
    private var own: Logger.Level?

    package init(
        _ format: BrokerConfiguration.LogFormat,
        threshold: LogThreshold,
        write: @escaping @Sendable (String) -> Void = { BrokerOutput.errorLine($0) }
    ) {
        self.format = format
        self.threshold = threshold
        self.write = write
    }

    package var logLevel: Logger.Level {
        get { self.own ?? self.threshold.level }
        set { self.own = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = LogLine(
            time: ProcessResources.wallClock(),
            level: event.level.rawValue,
            message: "\(event.message)",
            metadata: self.metadata.merging(event.metadata ?? [:]) { $1 }.map { ($0, "\($1)") }
        )
        switch self.format {
        case .text: self.write(line.text)
        case .json: self.write(line.json)
        }
    }
}
