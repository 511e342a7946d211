import BrokerWire
import Testing

@testable import BrokerAggregation

/// The two stacks of closed panes.
@Suite("Queue of panes") struct WindowPaneQueueTests {
    private static func merged(_ queue: PaneQueue, from start: UInt64) throws -> AggregateValue {
        let total = try BuiltInRules.factory("sum").makeAccumulator()
        do throws(AggregatorError) { try total.merge(all: queue.parts(from: start)) } catch { return .none }
        return total.value
    }

    /// Also with numbers that have no room together, or not in every order.
    @Test(arguments: [false, true])
    func itIsWhatMergingEveryPaneIs(hasLargeNumbers: Bool) throws {
        let factory = try BuiltInRules.factory("sum")
        for seed in UInt64(0)..<100 {
            var random = SeededGenerator(seed: seed)
            var queue = PaneQueue(make: factory.makeAccumulator)
            var panes: [(start: UInt64, number: Int128)] = []
            var next: UInt64 = 0
            for _ in 0..<150 {
                if random.chance(60) {
                    next += UInt64(1 + random.below(3))
                    let number = hasLargeNumbers ? random.pick([.max, -.max, 5, -5]) : Int128(random.below(100))
                    let state = factory.makeAccumulator()
                    try state.add(Windows.sample(number, next))
                    queue.push(Pane(next..<next + 1, state))
                    panes.append((next, number))
                } else {
                    let start = next - min(next, UInt64(random.below(30)))
                    let count = panes.count
                    panes.removeAll { $0.start < start }
                    #expect(queue.drop(before: start) == (panes.count < count))
                }
                let start = random.chance(50) ? 0 : next - min(next, UInt64(random.below(20)))
                #expect(queue.start == panes.first?.start)
                #expect(queue.isEmpty == panes.isEmpty)
                let found = try Self.merged(queue, from: start)
                let expected = Self.sum(panes.filter { $0.start >= start }.map(\.number))
                #expect(found == expected, "seed \(seed)")
            }
        }
    }

    /// In halves, which leave their range only where the sum does.
    private static func sum(_ numbers: [Int128]) -> AggregateValue {
        let high = numbers.reduce(0) { $0 + ($1 >> 64) }
        let low = numbers.reduce(0) { $0 + ($1 & 0xFFFF_FFFF_FFFF_FFFF) }
        let total = high + (low >> 64)
        guard let top = Int64(exactly: total) else { return .none }
        let units = Int128(top) << 64 | (low & 0xFFFF_FFFF_FFFF_FFFF)
        return units == .min ? .none : .number(ExactDecimal(units: units, scale: 0))
    }

    @Test func aCopyGoesItsOwnWay() throws {
        let factory = try BuiltInRules.factory("sum")
        var queue = PaneQueue(make: factory.makeAccumulator)
        for start in UInt64(0)..<6 {
            let state = factory.makeAccumulator()
            try state.add(Windows.sample(1, start))
            queue.push(Pane(start..<start + 1, state))
            if start == 3 { queue.drop(before: 1) }
        }
        let copy = queue.copy()
        let state = factory.makeAccumulator()
        try state.add(Windows.sample(100, 6))
        queue.push(Pane(6..<7, state))
        queue.drop(before: 5)
        #expect(try Self.merged(copy, from: 0) == .number(ExactDecimal(units: 5, scale: 0)))
        #expect(try Self.merged(queue, from: 0) == .number(ExactDecimal(units: 101, scale: 0)))
    }
}
