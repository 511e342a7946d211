public import BrokerAggregation

/// The laws that every aggregator keeps, checked over samples: for the built-in ones, and for anybody's own.
///
/// ```swift
/// let laws = AggregatorLaws(try MyAggregator(configuration: .init(), context: AggregationContext()))
/// let samples = (1...100).map { Sample(number: ExactDecimal(units: Int128($0), scale: 18), offset: UInt64($0)) }
/// #expect(try laws.brokenLaw(samples, cuts: (30, 60)) == nil)
/// ```
public struct AggregatorLaws<A: Aggregator> {
    public let aggregator: A
    /// Whether two states tell the same, where equal states are too much to ask.
    private let areEqual: (A.State, A.State) -> Bool

    /// - `areEqual`: Compares two states; of an aggregator that is not exact, up to the error that it states.
    public init(_ aggregator: A, areEqual: @escaping (A.State, A.State) -> Bool) {
        self.aggregator = aggregator
        self.areEqual = areEqual
    }

    public init(_ aggregator: A) where A.State: Equatable { self.init(aggregator) { $0 == $1 } }

    /// The state after `samples`.
    public func fold(_ samples: some Sequence<Sample>) throws(AggregatorError) -> A.State {
        var state = self.aggregator.identity()
        for sample in samples { try self.aggregator.add(sample, to: &state) }
        return state
    }

    /// The state that two states merge to.
    public func merged(_ first: A.State, _ second: A.State) throws(AggregatorError) -> A.State {
        var state = first
        try self.aggregator.merge(second, into: &state)
        return state
    }

    /// The name of the first law that is broken for samples cut in three, if one is.
    ///
    /// - `cuts`: Where the second and the third part begin.
    public func brokenLaw(_ samples: [Sample], cuts: (Int, Int)) throws(AggregatorError) -> String? {
        let one = try self.fold(samples[..<cuts.0])
        let two = try self.fold(samples[cuts.0..<cuts.1])
        let three = try self.fold(samples[cuts.1...])
        let identity = self.aggregator.identity()
        let (before, behind) = (try self.merged(identity, one), try self.merged(one, identity))
        guard self.areEqual(before, one), self.areEqual(behind, one) else { return "identity" }
        let left = try self.merged(self.merged(one, two), three)
        let right = try self.merged(one, self.merged(two, three))
        guard self.areEqual(left, right) else { return "associativity" }
        let (forward, backward) = (try self.merged(one, two), try self.merged(two, one))
        guard self.areEqual(forward, backward) else { return "commutativity" }
        let whole = try self.fold(samples)
        guard self.areEqual(left, whole) else { return "folding, then merging" }
        let recoded = try self.recoded(left)
        guard self.areEqual(recoded, left) else { return "the way through bytes" }
        return nil
    }

    /// The state after its way to the store and back.
    public func recoded(_ state: A.State) throws(AggregatorError) -> A.State {
        var bytes: [UInt8] = []
        try self.aggregator.encode(state, into: &bytes)
        return try self.aggregator.decode(bytes, version: A.descriptor.stateVersion)
    }

    /// Feeds strange bytes to the decoder; what it takes has to be a state that can be used. A trap ends the process.
    ///
    /// - `sample`: One that the aggregator takes; it is folded into what was decoded.
    /// - `random`: Where the bytes come from; seed it, so that a failure can be repeated.
    public func decodeStrangeBytes(_ sample: Sample, rounds: Int, using random: inout some RandomNumberGenerator) {
        var valid: [UInt8] = []
        try? self.aggregator.encode(self.aggregator.identity(), into: &valid)
        for round in 0..<rounds {
            var bytes =
                round % 2 == 0
                ? (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                : valid
            if let index = bytes.indices.randomElement(using: &random) {
                bytes[index] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            }
            guard var state = try? self.aggregator.decode(bytes, version: A.descriptor.stateVersion) else { continue }
            _ = self.aggregator.value(of: state)
            _ = self.aggregator.memory(of: state)
            let other = state
            try? self.aggregator.merge(other, into: &state)
            try? self.aggregator.add(sample, to: &state)
        }
    }

    /// The most bytes that the state took while `samples` were folded.
    public func largestMemory(_ samples: some Sequence<Sample>) throws(AggregatorError) -> Int {
        var state = self.aggregator.identity()
        var largest = self.aggregator.memory(of: state)
        for sample in samples {
            try self.aggregator.add(sample, to: &state)
            largest = max(largest, self.aggregator.memory(of: state))
        }
        return largest
    }
}
