import ArgumentParser
import BrokerAggregation
import Synchronization

/// `wsbroker aggregators`
struct AggregatorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregators",
        abstract: "Lists the aggregators of this broker: what they do, their parameters, what comes out."
    )

    @Flag(help: "Print it as Markdown, as it stands in docs/aggregation.md.")
    var markdown = false

    func run() async throws {
        let descriptors = BrokerCommand.registry.withLock { $0.descriptors }
        BrokerOutput.line(
            self.markdown ? AggregatorReference.markdown(descriptors) : AggregatorReference.text(descriptors)
        )
    }
}
