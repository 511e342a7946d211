import BrokerWire

@testable import BrokerAggregation

/// Windows and samples for the tests of them; numbers are whole.
enum Windows {
    static func make(
        _ aggregator: String,
        _ shape: WindowShape,
        grace: UInt64 = 0,
        late: WindowedAccumulator.Plan.Late = .drop,
        empty: WindowedAccumulator.Plan.Empty = .skip,
        tellsChanges: Bool = true
    ) throws(AggregatorError) -> WindowedAccumulator {
        WindowedAccumulator(
            try WindowedAccumulator.Plan(
                inner: try BuiltInRules.factory(aggregator),
                shape: shape,
                grace: grace,
                late: late,
                empty: empty,
                tellsChanges: tellsChanges
            )
        )
    }

    /// - `accepted`: As `time` where nothing is said.
    static func sample(_ number: Int128, _ time: UInt64, accepted: UInt64? = nil, offset: UInt64 = 1) -> Sample {
        Sample(
            number: ExactDecimal(units: number, scale: 0),
            timestamp: accepted ?? time,
            time: time,
            offset: offset
        )
    }

    /// The value of `samples` in one fold.
    static func fold(_ aggregator: String, _ samples: some Sequence<Sample>) throws -> AggregateValue {
        let accumulator = try BuiltInRules.factory(aggregator).makeAccumulator()
        for sample in samples { try accumulator.add(sample) }
        return accumulator.value
    }

    static func closed(_ number: Int128, _ start: UInt64, _ end: UInt64) -> WindowStep {
        .closed(
            WindowValue(value: .number(ExactDecimal(units: number, scale: 0)), start: start, end: end, isFinal: true)
        )
    }
}

extension WindowedAccumulator {
    /// All changes that are due.
    func steps(at now: UInt64) -> [WindowStep] {
        var steps: [WindowStep] = []
        while let step = self.step(at: now) { steps.append(step) }
        return steps
    }

    /// Another one, from the stored form of this.
    func restored() throws(AggregatorError) -> WindowedAccumulator {
        let other = WindowedAccumulator(self.plan)
        try other.restore(try self.encoded(), version: 1)
        return other
    }

    var number: Int? {
        guard case .number(let number) = self.value else { return nil }
        return Int(exactly: number.units)
    }

    /// Whether it takes `sample`; not if that is late or has no room.
    func takes(_ sample: Sample) -> Bool {
        do throws(AggregatorError) { try self.add(sample) } catch { return false }
        return true
    }
}
