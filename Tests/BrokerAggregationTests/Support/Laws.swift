import BrokerAggregation
import BrokerWire

/// The laws that every aggregator keeps, checked over samples.
struct Laws<A: Aggregator> where A.State: Equatable {
    let aggregator: A

    init(number: NumberFormat) throws where A.Configuration == NoParameters {
        self.aggregator = try A(configuration: NoParameters(), number: number)
    }

    func fold(_ samples: some Sequence<Sample>) throws -> A.State {
        var state = self.aggregator.identity()
        for sample in samples { try self.aggregator.add(sample, to: &state) }
        return state
    }

    func merged(_ first: A.State, _ second: A.State) throws -> A.State {
        var state = first
        try self.aggregator.merge(second, into: &state)
        return state
    }

    /// The name of the first law that is broken for samples cut in three, if one is.
    func brokenLaw(_ samples: [Sample], cuts: (Int, Int)) throws -> String? {
        let one = try self.fold(samples[..<cuts.0])
        let two = try self.fold(samples[cuts.0..<cuts.1])
        let three = try self.fold(samples[cuts.1...])
        let identity = self.aggregator.identity()
        let left = try self.merged(self.merged(one, two), three)
        if try self.merged(identity, one) != one || self.merged(one, identity) != one { return "identity" }
        if try left != self.merged(one, self.merged(two, three)) { return "associativity" }
        if try self.merged(one, two) != self.merged(two, one) { return "commutativity" }
        if try left != self.fold(samples) { return "folding, then merging" }
        var bytes: [UInt8] = []
        try self.aggregator.encode(left, into: &bytes)
        let version = A.descriptor.stateVersion
        if try self.aggregator.decode(bytes, version: version) != left { return "the way through bytes" }
        return nil
    }
}
