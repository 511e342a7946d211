import ArgumentParser
import Logging
import Synchronization

/// `wsbroker [run]`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Runs the broker (the default).")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let configuration = try self.options.load()
            let logger = Self.logger(configuration)
            try await BrokerApplication(
                configuration: configuration,
                registry: BrokerCommand.registry.withLock { $0 },
                logger: logger
            ).run()
        }
    }

    private static func logger(_ configuration: BrokerConfiguration) -> Logger {
        var logger = Logger(label: "wsbroker") { label in
            switch configuration.logFormat {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler()
            }
        }
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
        return logger
    }
}
