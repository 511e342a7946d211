import ArgumentParser
import NIOCore

/// `wsbroker healthcheck`, for images that have no curl.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Asks the running broker's admin listener whether it lives; exits with 0 or 1."
    )

    @OptionGroup var options: ConfigurationOptions

    /// A broker that takes longer than this to say that it lives does not.
    private static let timeout = TimeAmount.seconds(3)

    func run() async throws {
        try await reportingErrors {
            let client = AdminClient(try self.options.load(), token: nil)
            let answer = await client.ask("GET", "/healthz", timeout: Self.timeout)
            guard answer?.status == 200 else {
                BrokerOutput.errorLine("wsbroker: no healthy broker at \(client.url)/healthz")
                throw ExitCode(1)
            }
        }
    }
}
