public import ArgumentParser
public import BrokerAggregation
import Synchronization

/// The command line of a broker: `wsbroker`, and any broker of one's own with other aggregators.
///
/// ```swift
/// @main
/// enum MyBroker {
///     static func main() async {
///         var registry = AggregatorRegistry.builtIn
///         registry.register(MyAggregator.self)
///         await BrokerCommand.main(registry: registry)
///     }
/// }
/// ```
public struct BrokerCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "wsbroker",
        abstract: "A pub/sub broker that speaks WebSocket and does arithmetic.",
        discussion: """
            wsbroker                              run with the defaults on 127.0.0.1:8181
            wsbroker --config config.json         run with a configuration file
            wsbroker config check config.json     say everything that is wrong with one
            wsbroker topics 'clicks/#'            what a running broker holds

            Exit status: 0 stopped as asked, 64 wrong usage, 65 damaged or foreign store, 69 port in use,
            74 storage failed, 75 store in use by another process, 77 no permission, 78 wrong configuration.
            """,
        version: BrokerVersion.number,
        subcommands: [
            RunCommand.self, ConfigCommand.self, AggregatorsCommand.self, HealthcheckCommand.self, StoreCommand.self,
            TopicsCommand.self, ConnectionsCommand.self, ResetCommand.self, DeleteCommand.self, KickCommand.self,
            ReloadCommand.self, TokenCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )

    /// The aggregators of this executable. Commands are made by the argument parser, so they find it here.
    static let registry = Mutex(AggregatorRegistry.builtIn)

    public init() {}

    /// Runs the command line with these aggregators.
    public static func main(registry: AggregatorRegistry) async {
        Self.registry.withLock { $0 = registry }
        await Self.main()
    }
}

/// How to find the configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Sets a key, over environment and file.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: "The address that clients connect to (listen.host).")
    var host: String?

    @Option(name: .shortAndLong, help: "Its port (listen.port).")
    var port: Int?

    @Option(help: ArgumentHelp("The SQLite file (store.path).", valueName: "file"))
    var store: String?

    func load() throws(BrokerError) -> BrokerConfiguration {
        do throws(ConfigurationError) { return try self.reader() } catch { throw .configuration(error) }
    }

    /// Reads the configuration, now and whenever it is called.
    var reader: BrokerApplication.Reread {
        var assignments = self.set
        if let host = self.host { assignments.append("listen.host=\(host)") }
        if let port = self.port { assignments.append("listen.port=\(port)") }
        if let store = self.store { assignments.append("store.path=\(store)") }
        return Self.reader(file: self.config, assignments: assignments)
    }

    /// - `file`: The configuration file, or `nil` for the one that `WSBROKER_CONFIG` names, if any.
    static func reader(file: String?, assignments: [String] = []) -> BrokerApplication.Reread {
        let environment = ProcessEnvironment.variables
        return { () throws(ConfigurationError) in
            try BrokerConfiguration.load(
                file: file ?? environment["WSBROKER_CONFIG"],
                environment: environment,
                assignments: assignments,
                registry: BrokerCommand.registry.withLock { $0 }
            )
        }
    }

    static func load(file: String?) throws(BrokerError) -> BrokerConfiguration {
        do throws(ConfigurationError) { return try Self.reader(file: file)() } catch { throw .configuration(error) }
    }
}

/// Turns a broker's errors into a line and an exit status.
func reportingErrors(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as BrokerError {
        BrokerOutput.errorLine("wsbroker: \(error)")
        throw ExitCode(error.exitCode)
    }
}
