public import BrokerAggregation
// Foundation for log and exp.
import Foundation

/// The geometric mean: the n-th root of the product of n positive numbers, such as growth rates.
///
/// It is the exponential of the mean of the logarithms, so two numbers are all that has to be remembered, and two states
/// merge by adding them up.
public struct GeometricMean: Aggregator {
    public struct State: Codable, Hashable, Sendable {
        public var logarithms = 0.0
        public var count: Int64 = 0
    }

    public static let descriptor = AggregatorDescriptor(
        name: "example.geometric_mean",
        summary: "The geometric mean of positive numbers, to about 15 digits.",
        output: #"{"value":1.05,"count":12}"#
    )

    public init(configuration: NoParameters, context: AggregationContext) {}

    public func identity() -> State { State() }

    public func add(_ sample: Sample, to state: inout State) throws(AggregatorError) {
        guard sample.number.units > 0 else {
            throw .input(why: "not_positive", reason: "a geometric mean takes positive numbers only")
        }
        try self.merge(State(logarithms: log(sample.number.double), count: 1), into: &state)
    }

    public func merge(_ other: State, into state: inout State) throws(AggregatorError) {
        let (count, overflow) = state.count.addingReportingOverflow(other.count)
        guard !overflow else { throw .overflow }
        state.logarithms += other.logarithms
        state.count = count
    }

    public func value(of state: State) -> AggregateValue {
        guard state.count > 0 else { return .none }
        let mean = exp(state.logarithms / Double(state.count))
        return .object([.init("value", .double(mean)), .init("count", .count(state.count))], primary: "value")
    }
}
