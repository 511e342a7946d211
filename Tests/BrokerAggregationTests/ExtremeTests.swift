import BrokerWire
import Testing

@testable import BrokerAggregation

/// `min` and `max`, and the sample that they come from.
@Suite struct ExtremeTests {
    private static func sample(
        _ number: Int128,
        _ timestamp: UInt64,
        _ offset: UInt64,
        _ label: String = "press"
    ) -> Sample {
        Sample(
            number: ExactDecimal(units: number, scale: 0),
            timestamp: timestamp,
            offset: offset,
            label: Array(label.utf8)
        )
    }

    private static func accumulator(_ name: String, who: Bool) throws -> any Accumulator {
        try BuiltInRules.factory(name, #"{"who":\#(who)}"#).makeAccumulator()
    }

    private static func bytes(_ number: Int128) -> [UInt8] {
        var writer = StateWriter()
        writer.write(number)
        return writer.bytes
    }

    @Test(arguments: [
        ("max", #"{"value":7,"key":"press-4","ts":1795460000123,"offset":9}"#),
        ("min", #"{"value":-3,"key":"press \"2\"","ts":1795460000100,"offset":8}"#),
    ])
    func whoTellsTheSample(name: String, expected: String) throws {
        let accumulator = try Self.accumulator(name, who: true)
        #expect(accumulator.value == .none)
        for sample in [
            Self.sample(5, 1_795_460_000_050, 7, "press-1"), Self.sample(-3, 1_795_460_000_100, 8, "press \"2\""),
            Self.sample(7, 1_795_460_000_123, 9, "press-4"),
        ] { try accumulator.add(sample) }
        #expect(accumulator.value.json == expected)
        let other = try Self.accumulator(name, who: true)
        try other.restore(try accumulator.encoded(), version: 2)
        #expect(other.value.json == expected)
        #expect(other.value.primaryNumber == ExactDecimal(units: name == "max" ? 7 : -3, scale: 0))
    }

    @Test(arguments: ["min", "max"], [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
    func ofEqualNumbersTheEarliestIsTold(name: String, order: [Int]) throws {
        let samples = [
            Self.sample(5, 20, 1, "late"), Self.sample(5, 10, 3, "b"), Self.sample(5, 10, 2, "a"),
            Self.sample(5, 10, 4, "c"),
        ]
        let accumulator = try Self.accumulator(name, who: true)
        for index in order { try accumulator.add(samples[index]) }
        #expect(accumulator.value.json == #"{"value":5,"key":"a","ts":10,"offset":2}"#)
    }

    @Test(arguments: ["min", "max"])
    func withoutWhoTheStateIsOneNumber(name: String) throws {
        let accumulator = try Self.accumulator(name, who: false)
        #expect(try accumulator.encoded() == [])
        try accumulator.add(Self.sample(5, 1, 1, String(repeating: "x", count: 1000)))
        #expect(try accumulator.encoded() == Self.bytes(5))
        #expect(accumulator.value.json == "5")
    }

    @Test(arguments: ["min", "max"])
    func aStateOfVersionOneIsRead(name: String) throws {
        for who in [false, true] {
            let accumulator = try Self.accumulator(name, who: who)
            try accumulator.restore([], version: 1)
            #expect(accumulator.value == .none)
            try accumulator.restore(Self.bytes(5), version: 1)
            #expect(accumulator.value.json == (who ? #"{"value":5,"key":null,"ts":null,"offset":null}"# : "5"))
            // What was there before is earlier than anything that comes.
            try accumulator.add(Self.sample(5, 0, 0))
            #expect(try accumulator.encoded() == Self.bytes(5))
        }
    }

    @Test func aStateOfVersionOneHasNoSource() throws {
        let accumulator = try Self.accumulator("max", who: true)
        try accumulator.add(Self.sample(5, 1, 1))
        let bytes = try accumulator.encoded()
        #expect(throws: AggregatorError.stateCorrupt("it is too long")) { try accumulator.restore(bytes, version: 1) }
    }

    @Test func aSourceThatIsNoLongerAskedForIsLeftOut() throws {
        let (with, without) = (try Self.accumulator("max", who: true), try Self.accumulator("max", who: false))
        try with.add(Self.sample(5, 1, 1))
        try without.restore(try with.encoded(), version: 2)
        #expect(without.value.json == "5")
        #expect(try without.encoded() == Self.bytes(5))
    }

    @Test(arguments: ["min", "max"])
    func aKeyHasAtMost256Bytes(name: String) throws {
        let accumulator = try Self.accumulator(name, who: true)
        let longest = String(repeating: "x", count: 256)
        try accumulator.add(Self.sample(5, 9, 9, longest))
        let before = try accumulator.encoded()
        let error = AggregatorError.input(why: "key_too_long", reason: "the key has more than 256 bytes")
        #expect(throws: error) { try accumulator.add(Self.sample(5, 1, 1, longest + "x")) }
        #expect(try accumulator.encoded() == before)
        #expect(accumulator.value["key"] == .text(longest))
        #expect(accumulator.memory > 256)
    }

    @Test func aStateWithALongerKeyIsRefused() throws {
        let accumulator = try Self.accumulator("max", who: true)
        for (count, isTaken) in [(256, true), (257, false)] {
            var writer = StateWriter()
            writer.write(Int128(5))
            writer.write(UInt64(1))
            writer.write(UInt64(1))
            writer.write([UInt8](repeating: 0xFF, count: count))
            do throws(AggregatorError) {
                try accumulator.restore(writer.bytes, version: 2)
                #expect(isTaken)
            } catch {
                #expect(!isTaken)
            }
            #expect(throws: AggregatorError.self) {
                try accumulator.restore(writer.bytes.dropLast(), version: 2)
            }
        }
        // Bytes that are no text are no reason to fail: they are shown as such.
        #expect(accumulator.value["key"] == .text(String(repeating: "\u{FFFD}", count: 256)))
    }

    @Test func onlyWhoNeedsAKey() throws {
        #expect(try BuiltInRules.factory("max", #"{"who":true}"#).input == .labelledNumber)
        #expect(try BuiltInRules.factory("min", #"{"who":true}"#).input == .labelledNumber)
        #expect(try BuiltInRules.factory("max", #"{"who":false}"#).input == .number)
        #expect(try BuiltInRules.factory("max").input == .number)
    }
}
