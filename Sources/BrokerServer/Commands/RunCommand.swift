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
            // Here and not in the application: in a process of somebody else's it is not ours to decide.
            if !configuration.mayDumpCore { ProcessResources.preventCoreDumps() }
            let threshold = LogThreshold(Logger.Level(rawValue: configuration.logLevel) ?? .info)
            try await BrokerApplication(
                configuration: configuration,
                registry: BrokerCommand.registry.withLock { $0 },
                logger: Logger(label: "wsbroker") { _ in
                    BrokerLogHandler(configuration.logFormat, threshold: threshold)
                },
                threshold: threshold,
                reread: self.options.reader
            ).run()
        }
    }
}
