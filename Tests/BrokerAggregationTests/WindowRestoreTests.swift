import BrokerWire
import Testing

@testable import BrokerAggregation

/// Stored windows that were not written like this.
@Suite("Damaged windows") struct WindowRestoreTests {
    /// What a state is made of; panes by where they begin, each with a sum of 1.
    private struct State {
        var closedUntil: UInt64?
        var position: UInt64?
        /// The kind and the start.
        var closed: (UInt8, UInt64)?
        var front: [UInt64] = []
        var back: [UInt64] = []
        var open: [UInt64] = []

        var bytes: [UInt8] {
            var writer = StateWriter()
            writer.writeVarint(self.closedUntil.map { $0 + 1 } ?? 0)
            writer.writeVarint(self.position.map { $0 + 1 } ?? 0)
            writer.write(self.closed?.0 ?? 0)
            if let (kind, start) = self.closed {
                writer.writeVarint(start)
                if kind == 1 { Self.writeSum(to: &writer) }
            }
            for panes in [self.front, self.back, self.open] {
                writer.writeVarint(UInt(panes.count))
                for start in panes {
                    writer.writeVarint(start)
                    Self.writeSum(to: &writer)
                }
            }
            return writer.bytes
        }

        private static func writeSum(to writer: inout StateWriter) {
            writer.writeVarint(UInt(1))
            writer.writeVarint(UInt(16))
            writer.write(Int128(1))
        }

        func isTaken(_ shape: WindowShape, grace: UInt64 = 0) throws -> Bool {
            let window = try Windows.make("sum", shape, grace: grace)
            do throws(AggregatorError) {
                try window.restore(self.bytes, version: 1)
            } catch .stateCorrupt {
                return false
            }
            return true
        }
    }

    @Test func aTumblingStateIsTakenAsItIsWrittenAndNotOtherwise() throws {
        let shape = try WindowShape.tumbling(size: 1000)
        let taken = [
            State(), State(open: [3000, 5000]), State(closedUntil: 3000, open: [3000]),
            State(closedUntil: 3000, closed: (1, 2000)), State(closedUntil: 3000, closed: (2, 2000)),
            State(closedUntil: 3000, closed: (3, 2000)), State(closedUntil: 3000),
        ]
        for state in taken { #expect(try state.isTaken(shape), "\(state)") }
        let refused = [
            State(open: [5000, 3000]), State(open: [3000, 3000]), State(open: [3500]),
            State(open: [WindowShape.timeMax * 2 / 1000 * 1000]), State(closedUntil: 3000, open: [2000]),
            State(closedUntil: 3500), State(closedUntil: 1 << 60), State(position: 3000), State(closed: (1, 2000)),
            State(closedUntil: 3000, closed: (1, 1000)), State(closedUntil: 3000, closed: (4, 2000)),
            State(closedUntil: 0, closed: (2, 0)), State(closedUntil: 3000, front: [2000]),
            State(closedUntil: 3000, back: [2000]),
        ]
        for state in refused { #expect(!(try state.isTaken(shape)), "\(state)") }
    }

    @Test func aHoppingStateIsTakenAsItIsWrittenAndNotOtherwise() throws {
        let shape = try WindowShape.hopping(size: 3000, every: 1000)
        let taken = [
            State(closedUntil: 5000, closed: (1, 2000), front: [3000], back: [4000], open: [5000]),
            State(closedUntil: 5000, back: [3000, 4000]), State(closedUntil: 5000, front: [3000, 4000]),
            State(closedUntil: 1000, closed: (1, 0), back: [0]),
        ]
        for state in taken { #expect(try state.isTaken(shape), "\(state)") }
        let refused = [
            State(closedUntil: 5000, back: [2000]), State(closedUntil: 5000, back: [5000]),
            State(closedUntil: 5000, front: [4000], back: [3000]), State(closedUntil: 5000, open: [4000]),
            State(closedUntil: 5000, front: [4000, 3000]), State(back: [3000]), State(position: 5000),
            State(closedUntil: 5000, closed: (1, 3000)),
        ]
        for state in refused { #expect(!(try state.isTaken(shape)), "\(state)") }
    }

    @Test func aSlidingStateIsTakenAsItIsWrittenAndNotOtherwise() throws {
        let shape = try WindowShape.sliding(size: 3000, resolution: 1000)
        let taken = [
            State(closedUntil: 5000, position: 6000, front: [2000, 3000], back: [4000], open: [5000]),
            State(closedUntil: 5000, position: 9000), State(closedUntil: 5000), State(position: 2000, open: [1000]),
        ]
        for state in taken { #expect(try state.isTaken(shape), "\(state)") }
        let refused = [
            State(closedUntil: 5000, position: 5000, open: [5000]), State(open: [5000]),
            State(closedUntil: 5000, position: 5000, back: [5000]), State(closedUntil: 5000, closed: (1, 2000)),
            State(closedUntil: 5000, position: 6500), State(closedUntil: 5000, back: [4000]),
            State(closedUntil: 5000, position: 5000, front: [1000, 2000], back: [3000, 4000]),
            State(closedUntil: 5000, position: 5000, front: [1000, 2000, 3000, 4000]),
        ]
        for state in refused { #expect(!(try state.isTaken(shape)), "\(state)") }
    }

    /// As many as there can be with any grace: the rule may have had a longer one when they were stored.
    @Test(arguments: [1003, 1004])
    func asManyOpenWindowsAreTakenAsThereCanBeAndNotMore(count: UInt64) throws {
        let state = State(open: (0..<count).map { $0 * 100 })
        #expect(try state.isTaken(try .tumbling(size: 100)) == (count == 1003))
    }

    /// A zone whose clocks got other rules since: what is stored was right and still closes, and nothing opens again.
    @Test(arguments: [Int64(1_800_000), -1_800_000, 3_600_000, -3_600_000])
    func aZoneMayChangeItsRules(shift: Int64) throws {
        let (hour, day) = (UInt64(3_600_000), UInt64(86_400_000))
        let before = WindowAlignment(identifier: "Zone") { _ in 7_200_000 }
        let behind = WindowAlignment(identifier: "Zone") { _ in 7_200_000 + shift }
        let old = try Windows.make("count", try .tumbling(size: day, alignment: before), grace: hour)
        try old.add(Windows.sample(1, 22 * hour))
        #expect(old.steps(at: 22 * hour + day + hour).count == 1)
        for time in [22 * hour + day, 22 * hour + 2 * day] { try old.add(Windows.sample(1, time)) }
        let new = try Windows.make("count", try .tumbling(size: day, alignment: behind), grace: hour)
        try new.restore(try old.encoded(), version: 1)
        #expect(new.closed?.value == old.closed?.value)
        #expect(new.number == 1)
        try new.add(Windows.sample(1, 22 * hour + 2 * day + hour))
        var counted: Int128 = 0
        for case .closed(let window) in new.steps(at: 100 * day) {
            counted += window.value.primaryNumber?.units ?? 0
            #expect(try new.restored().closedUntil == new.closedUntil)
        }
        #expect(counted == 3)
        #expect(new.deadline == nil)
        #expect(throws: AggregatorError.late) { try new.add(Windows.sample(1, 22 * hour)) }
    }
}
