/// Which aggregators there are: the one place where plugins are named.
///
/// A broker of one's own registers its aggregators beside the built-in ones before it starts.
public struct AggregatorRegistry: Sendable {
    /// Makes accumulators of one aggregator with one set of parameters, both already checked.
    public struct Factory: Sendable {
        public let descriptor: AggregatorDescriptor
        /// What a sample has to carry.
        public let input: AggregatorDescriptor.Input
        /// What a stored state is known by: the name, and those parameters that the state depends on.
        public let stateName: String
        private let make: @Sendable () -> any Accumulator
        private var makeAcross: (@Sendable () -> AcrossFold)?

        init<A: Aggregator>(_ aggregator: A) {
            self.descriptor = A.descriptor
            self.input = aggregator.input
            self.stateName = A.descriptor.name + aggregator.stateParameters
            self.make = { TypedAccumulator(aggregator) }
            self.makeAcross = { AcrossFold(aggregator) }
        }

        /// Makes accumulators that fold per key and then across keys.
        public init(keyed plan: KeyedAccumulator.Plan) {
            self.descriptor = KeyedAccumulator.descriptor(of: plan)
            self.input = plan.perKey.input
            self.stateName = self.descriptor.name
            self.make = { KeyedAccumulator(plan) }
        }

        /// Makes accumulators that fold over windows of time.
        public init(windowed plan: WindowedAccumulator.Plan) {
            self.descriptor = plan.descriptor
            self.input = plan.inner.input
            self.stateName = plan.stateName
            self.make = { WindowedAccumulator(plan) }
        }

        /// A new accumulator at the identity.
        public func makeAccumulator() -> any Accumulator { self.make() }

        /// A new fold across keys at the identity.
        func makeAcrossFold() -> AcrossFold {
            guard let makeAcross = self.makeAcross else {
                preconditionFailure("what folds across keys has neither keys nor windows of its own")
            }
            return makeAcross()
        }
    }

    private struct Entry: Sendable {
        var descriptor: AggregatorDescriptor
        var configure: @Sendable ([UInt8], AggregationContext) -> Result<Factory, AggregatorError>
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
        registry.register(FirstAggregator.self)
        registry.register(RangeAggregator.self)
        registry.register(VarianceAggregator.self)
        registry.register(StandardDeviationAggregator.self)
        registry.register(StatsAggregator.self)
        registry.register(RateAggregator.self)
        registry.register(HistogramAggregator.self)
        registry.register(QuantileAggregator.self)
        registry.register(DistinctAggregator.self)
        registry.register(TopKAggregator.self)
        return registry
    }

    /// Adds an aggregator under the name in its descriptor; a name can be given once.
    public mutating func register<A: Aggregator>(_ type: A.Type) {
        let descriptor = A.descriptor
        precondition(self.entries[descriptor.name] == nil, "two aggregators are called '\(descriptor.name)'")
        self.entries[descriptor.name] = Entry(descriptor: descriptor) { parameters, context in
            do throws(AggregatorError) {
                return .success(Factory(try A.make(parameters: parameters, context: context)))
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
    public func factory(
        name: String,
        parameters: [UInt8] = Array("{}".utf8),
        context: AggregationContext
    ) throws(AggregatorError) -> Factory {
        guard let entry = self.entries[name] else {
            throw .unknown(name: name, known: Array(self.entries.keys))
        }
        return try entry.configure(parameters, context).get()
    }
}
