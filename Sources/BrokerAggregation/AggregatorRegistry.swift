public import BrokerWire

/// Which aggregators there are: the one place where plugins are named.
///
/// A broker of one's own registers its aggregators beside the built-in ones before it starts.
public struct AggregatorRegistry: Sendable {
    /// Makes accumulators of one aggregator with one set of parameters, both already checked.
    public struct Factory: Sendable {
        public let descriptor: AggregatorDescriptor
        private let make: @Sendable () -> any Accumulator

        init<A: Aggregator>(_ aggregator: A) {
            self.descriptor = A.descriptor
            self.make = { TypedAccumulator(aggregator) }
        }

        /// A new accumulator at the identity.
        public func makeAccumulator() -> any Accumulator { self.make() }
    }

    private struct Entry: Sendable {
        var descriptor: AggregatorDescriptor
        var configure: @Sendable ([UInt8], NumberFormat) -> Result<Factory, AggregatorError>
    }

    private var entries: [String: Entry] = [:]

    /// A registry without any aggregator.
    public init() {}

    /// The aggregators that come with the broker.
    public static var builtIn: Self {
        var registry = Self()
        registry.register(CountAggregator.self)
        registry.register(SumAggregator.self)
        registry.register(MinimumAggregator.self)
        registry.register(MaximumAggregator.self)
        registry.register(AverageAggregator.self)
        registry.register(LastAggregator.self)
        return registry
    }

    /// Adds an aggregator under the name in its descriptor; a name can be given once.
    public mutating func register<A: Aggregator>(_ type: A.Type) {
        let descriptor = A.descriptor
        precondition(self.entries[descriptor.name] == nil, "two aggregators are called '\(descriptor.name)'")
        self.entries[descriptor.name] = Entry(descriptor: descriptor) { parameters, number in
            do throws(AggregatorError) {
                return .success(Factory(try A.make(parameters: parameters, number: number)))
            } catch {
                return .failure(error)
            }
        }
    }

    /// All of them, by name.
    public var descriptors: [AggregatorDescriptor] {
        self.entries.values.map(\.descriptor).sorted { $0.name < $1.name }
    }

    /// Checks name and parameters of a rule.
    ///
    /// - `parameters`: A JSON object.
    public func factory(name: String, parameters: [UInt8], number: NumberFormat) throws(AggregatorError) -> Factory {
        guard let entry = self.entries[name] else {
            throw .unknown(name: name, known: Array(self.entries.keys))
        }
        return try entry.configure(parameters, number).get()
    }
}
