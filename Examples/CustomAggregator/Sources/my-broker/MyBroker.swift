import BrokerAggregation
import BrokerServer
import MyAggregators

/// wsbroker with one aggregator more; everything else, its command line too, is as it was:
///
///     swift run my-broker aggregators
///     swift run my-broker --config config.json
@main
enum MyBroker {
    static func main() async {
        var registry = AggregatorRegistry.builtIn
        registry.register(GeometricMean.self)
        await BrokerCommand.main(registry: registry)
    }
}
