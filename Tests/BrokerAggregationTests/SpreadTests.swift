import BrokerWire
import Testing

@testable import BrokerAggregation

/// `range`, `variance`, `stddev` and `stats`: their values, and what has no room.
@Suite struct SpreadTests {
    private static func sample(_ units: Int128, _ offset: UInt64 = 1) -> Sample {
        Sample(number: ExactDecimal(units: units, scale: 0), offset: offset)
    }

    private static func moments(_ count: Int64, _ total: Int128, _ squares: UInt64) -> [UInt8] {
        var writer = StateWriter()
        writer.write(count)
        writer.write(total)
        writer.write(squares)
        return writer.bytes
    }

    /// That `samples` are taken, `last` is not, and that it leaves no trace, neither alone nor merged.
    private static func expectRefusal(_ name: String, _ samples: [Sample], _ last: Sample) throws {
        let factory = try BuiltInRules.factory(name)
        let (accumulator, other) = (factory.makeAccumulator(), factory.makeAccumulator())
        for sample in samples { try accumulator.add(sample) }
        let before = try accumulator.encoded()
        #expect(throws: AggregatorError.overflow) { try accumulator.add(last) }
        #expect(try accumulator.encoded() == before)
        try other.add(last)
        #expect(throws: AggregatorError.overflow) { try accumulator.merge(other) }
        #expect(try accumulator.encoded() == before)
    }

    // MARK: Values

    @Test(arguments: [
        ("sample", #"{"value":null,"mean":5,"count":1}"#), ("population", #"{"value":0,"mean":5,"count":1}"#),
    ])
    func oneNumberIsNoSample(kind: String, expected: String) throws {
        for name in ["variance", "stddev"] {
            #expect(try BuiltInRules.value(name, ["5"], #"{"kind":"\#(kind)"}"#) == expected)
        }
    }

    /// Subtracting squares of sums, as many do, gives a negative variance here.
    @Test(arguments: ["variance", "stddev"])
    func equalNumbersHaveNoSpread(name: String) throws {
        let numbers = Array(repeating: "4213.7", count: 1000)
        #expect(try BuiltInRules.value(name, numbers) == #"{"value":0,"mean":4213.7,"count":1000}"#)
    }

    @Test func theMeanIsExact() throws {
        let value = try BuiltInRules.value("variance", ["0.1", "0.2"], #"{"kind":"population"}"#)
        #expect(value.hasSuffix(#","mean":0.15,"count":2}"#))
    }

    @Test func theFarthestNumbersHaveASpread() throws {
        let accumulator = try BuiltInRules.factory("stddev", #"{"kind":"population"}"#).makeAccumulator()
        for units in [Int128.max, -.max] { try accumulator.add(Self.sample(units)) }
        #expect(accumulator.value.json == #"{"value":1.7014118346046923e+38,"mean":0,"count":2}"#)
    }

    /// To the last bit, so that nodes which exchange states show the same.
    @Test func mergingEitherWayGivesTheSameBits() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            let factory = try BuiltInRules.factory("variance", nil, .decimal)
            let pair = [factory.makeAccumulator(), factory.makeAccumulator()]
            for index in [0, 1] {
                for _ in 0..<random.below(5) {
                    let units = Int128(truncatingIfNeeded: random.next()) - Int128(random.next() >> 1)
                    try pair[index].add(Sample(number: ExactDecimal(units: units, scale: 18)))
                }
            }
            let copy = pair[0].copy()
            try pair[0].merge(pair[1])
            try pair[1].merge(copy)
            #expect(try pair[0].encoded() == pair[1].encoded())
        }
    }

    @Test(arguments: [
        (#"["max","avg","count"]"#, #"{"max":4,"avg":3,"count":3}"#, 3),
        (#"["max","count"]"#, #"{"max":4,"count":3}"#, 4), (#"["stddev"]"#, #"{"stddev":1}"#, 1),
        (
            #"["count","sum","min","max","avg","stddev","first","last"]"#,
            #"{"count":3,"sum":9,"min":2,"max":4,"avg":3,"stddev":1,"first":3,"last":2}"#, 3
        ),
    ])
    func statsShowTheFieldsThatAreAskedForInTheirOrder(fields: String, expected: String, primary: Int128) throws {
        let accumulator = try BuiltInRules.factory("stats", #"{"fields":\#(fields)}"#).makeAccumulator()
        for (offset, units) in [Int128(3), 4, 2].enumerated() {
            try accumulator.add(Self.sample(units, UInt64(offset + 1)))
        }
        #expect(accumulator.value.json == expected)
        #expect(accumulator.value.primaryNumber?.description == "\(primary)")
    }

    @Test func statsHaveAllFieldsByDefaultAndASampleDeviation() throws {
        #expect(
            try BuiltInRules.value("stats", ["1", "3"])
                == #"{"count":2,"sum":4,"min":1,"max":3,"avg":2,"stddev":1.4142135623730951,"first":1,"last":3}"#
        )
        let parameters = #"{"kind":"population","fields":["stddev"]}"#
        #expect(try BuiltInRules.value("stats", ["1", "3"], parameters) == #"{"stddev":1}"#)
    }

    @Test func firstAndLastGoByOffset() throws {
        for (name, expected) in [("first", "1"), ("last", "3")] {
            let accumulator = try BuiltInRules.factory(name).makeAccumulator()
            for offset in [2, 3, 1] as [UInt64] { try accumulator.add(Self.sample(Int128(offset), offset)) }
            #expect(accumulator.value.json == expected)
        }
    }

    // MARK: Overflow

    @Test func aRangeThatHasNoRoomIsRefused() throws {
        let accumulator = try BuiltInRules.factory("range").makeAccumulator()
        for units in [Int128.max - 1, -1] { try accumulator.add(Self.sample(units)) }
        #expect(accumulator.value["value"] == .number(ExactDecimal(units: .max, scale: 0)))
        try Self.expectRefusal("range", [Self.sample(.max - 1), Self.sample(-1)], Self.sample(.max))
        try Self.expectRefusal("range", [Self.sample(.max - 1), Self.sample(-1)], Self.sample(-2))
    }

    @Test(arguments: ["variance", "stddev", "stats"])
    func aSumThatHasNoRoomIsRefused(name: String) throws {
        try Self.expectRefusal(name, [Self.sample(.max - 1), Self.sample(1)], Self.sample(1))
    }

    @Test func aCountThatHasNoRoomIsRefused() throws {
        let accumulator = try BuiltInRules.factory("variance").makeAccumulator()
        let state = Self.moments(.max, 0, 0)
        try accumulator.restore(state, version: 1)
        #expect(throws: AggregatorError.overflow) { try accumulator.add(Self.sample(0)) }
        #expect(try accumulator.encoded() == state)
    }

    /// No numbers come to these squares, but stored bytes may.
    @Test func squaresThatHaveNoRoomAreRefused() throws {
        let accumulator = try BuiltInRules.factory("variance").makeAccumulator()
        let state = Self.moments(2, 0, Double.greatestFiniteMagnitude.bitPattern)
        try accumulator.restore(state, version: 1)
        #expect(throws: AggregatorError.overflow) { try accumulator.merge(accumulator.copy()) }
        #expect(try accumulator.encoded() == state)
    }

    // MARK: States

    @Test(
        arguments: [
            (-1, 0, 0), (0, 1, 0), (0, 0, 1.0), (1, 5, 1.0), (2, 5, -1.0), (2, 5, .nan), (2, 5, .infinity),
            (2, .min, 1.0),
        ] as [(Int64, Int128, Double)]
    )
    func momentsThatCanNotBeAreRefused(count: Int64, total: Int128, squares: Double) throws {
        let accumulator = try BuiltInRules.factory("variance").makeAccumulator()
        let bytes = Self.moments(count, total, squares.bitPattern)
        #expect(throws: AggregatorError.self) { try accumulator.restore(bytes, version: 1) }
    }

    @Test(arguments: ["variance", "stddev", "stats", "range", "first", "rate"])
    func aStateOfAnotherLengthIsRefused(name: String) throws {
        let accumulator = try BuiltInRules.factory(name).makeAccumulator()
        for units in 1...3 { try accumulator.add(Self.sample(Int128(units), UInt64(units))) }
        let bytes = try accumulator.encoded()
        for count in 1..<bytes.count {
            #expect(throws: AggregatorError.self) { try accumulator.restore(Array(bytes.prefix(count)), version: 1) }
        }
        #expect(throws: AggregatorError.self) { try accumulator.restore(bytes + [0], version: 1) }
    }

    @Test func boundsThatAreTheWrongWayRoundOrTooFarApartAreRefused() throws {
        let accumulator = try BuiltInRules.factory("range").makeAccumulator()
        for (lowest, highest) in [(2, 1), (-2, Int128.max)] as [(Int128, Int128)] {
            var writer = StateWriter()
            writer.write(lowest)
            writer.write(highest)
            #expect(throws: AggregatorError.self) { try accumulator.restore(writer.bytes, version: 1) }
        }
    }

    @Test func statsOfNoSampleHaveNoBytes() throws {
        let accumulator = try BuiltInRules.factory("stats").makeAccumulator()
        #expect(try accumulator.encoded() == [])
        let bytes = Self.moments(0, 0, 0) + [UInt8](repeating: 0, count: 80)
        #expect(throws: AggregatorError.stateCorrupt("numbers of no sample")) {
            try accumulator.restore(bytes, version: 1)
        }
    }
}
