import BrokerAggregation
import BrokerServer

@main
enum WSBroker {
    static func main() async { await BrokerCommand.main(registry: .builtIn) }
}
