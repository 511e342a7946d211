public import BrokerWire

/// An aggregator together with the state of one topic, its type forgotten.
///
/// The broker holds one per topic. It is confined to whoever holds it and is not `Sendable`.
public protocol Accumulator: AnyObject {
    var descriptor: AggregatorDescriptor { get }
    /// The running value.
    var value: AggregateValue { get }

    /// Takes one sample into account, or throws and changes nothing.
    func add(_ sample: Sample) throws(AggregatorError)
    /// Takes one sample into account and gives the number that comes of it to `use`; if either throws, nothing has
    /// changed.
    func add(_ sample: Sample, use: (ExactDecimal?) throws(AggregatorError) -> Void) throws(AggregatorError)
    /// Takes the samples of `other`, an accumulator of the same rule, into account too, or throws and changes nothing.
    func merge(_ other: any Accumulator) throws(AggregatorError)
    /// What takes back the adding of `sample`, which comes next.
    func undo(of sample: Sample) -> () -> Void
    /// Takes over the state of `other`, an accumulator of the same rule.
    func assign(_ other: any Accumulator) throws(AggregatorError)
    /// Another one with the same state.
    func copy() -> any Accumulator
    /// How many bytes the state takes.
    var memory: Int { get }
    /// Goes back to the identity.
    func reset()
    /// The state for the store, in the current version.
    func encoded() throws(AggregatorError) -> [UInt8]
    /// Takes over a stored state.
    func restore(_ bytes: [UInt8], version: Int) throws(AggregatorError)
}

extension Accumulator {
    public func add(
        _ sample: Sample,
        use: (ExactDecimal?) throws(AggregatorError) -> Void
    ) throws(AggregatorError) {
        let undo = self.undo(of: sample)
        try self.add(sample)
        do throws(AggregatorError) {
            try use(self.value.primaryNumber)
        } catch {
            undo()
            throw error
        }
    }
}

/// The one implementation: joins an ``Aggregator`` and its state.
final class TypedAccumulator<A: Aggregator>: Accumulator {
    private let aggregator: A
    /// Unchecked, which halves the time of an addition: an aggregator is `Sendable` and an accumulator is not, so it
    /// has no way back here while it changes the state.
    @exclusivity(unchecked) private var state: A.State

    init(_ aggregator: A) {
        self.aggregator = aggregator
        self.state = aggregator.identity()
    }

    var descriptor: AggregatorDescriptor { A.descriptor }

    var value: AggregateValue { self.aggregator.value(of: self.state) }

    func add(_ sample: Sample) throws(AggregatorError) {
        try self.aggregator.add(sample, to: &self.state)
    }

    /// Cheaper than by an ``undo(of:)``: nothing is allocated.
    func add(
        _ sample: Sample,
        use: (ExactDecimal?) throws(AggregatorError) -> Void
    ) throws(AggregatorError) {
        let before = self.state
        try self.aggregator.add(sample, to: &self.state)
        do throws(AggregatorError) {
            try use(self.value.primaryNumber)
        } catch {
            self.state = before
            throw error
        }
    }

    func merge(_ other: any Accumulator) throws(AggregatorError) {
        try self.aggregator.merge(try Self.state(of: other), into: &self.state)
    }

    func assign(_ other: any Accumulator) throws(AggregatorError) { self.state = try Self.state(of: other) }

    private static func state(of other: any Accumulator) throws(AggregatorError) -> A.State {
        guard let other = other as? TypedAccumulator<A> else {
            let names = "'\(other.descriptor.name)' and '\(A.descriptor.name)'"
            throw .stateCorrupt("states of \(names) do not merge")
        }
        return other.state
    }

    func undo(of sample: Sample) -> () -> Void {
        let before = self.state
        return { self.state = before }
    }

    func copy() -> any Accumulator {
        let copy = TypedAccumulator(self.aggregator)
        copy.state = self.state
        return copy
    }

    var memory: Int { self.aggregator.memory(of: self.state) }

    func reset() { self.state = self.aggregator.identity() }

    func encoded() throws(AggregatorError) -> [UInt8] {
        var bytes: [UInt8] = []
        try self.aggregator.encode(self.state, into: &bytes)
        return bytes
    }

    func restore(_ bytes: [UInt8], version: Int) throws(AggregatorError) {
        guard version <= A.descriptor.stateVersion else {
            throw .stateVersion(found: version, supported: A.descriptor.stateVersion)
        }
        self.state = try self.aggregator.decode(bytes, version: version)
    }
}
