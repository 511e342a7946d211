import BrokerWire
import Testing

@testable import BrokerAggregation

/// Folds per key and across keys.
@Suite("Keyed accumulator")
struct KeyedAccumulatorTests {
    private static func accumulator(
        _ perKey: String,
        _ across: String,
        keysMax: Int = 1000,
        number: NumberFormat = .int
    ) throws -> KeyedAccumulator {
        let context = AggregationContext(number: number)
        return KeyedAccumulator(
            KeyedAccumulator.Plan(
                perKey: try AggregatorRegistry.builtIn.factory(name: perKey, context: context),
                across: try AggregatorRegistry.builtIn.factory(name: across, context: context),
                number: number,
                keysMax: keysMax
            )
        )
    }

    private static func sample(_ key: String, _ number: Int, offset: UInt64 = 1, scale: Int = 0) -> Sample {
        Sample(number: ExactDecimal(units: Int128(number), scale: scale), offset: offset, label: Array(key.utf8))
    }

    private static func number(_ value: AggregateValue) -> Int? {
        guard case .number(let number) = value else { return nil }
        return Int(exactly: number.units)
    }

    @Test func theHighestOfTheLatestGoesDownAgain() throws {
        let power = try Self.accumulator("last", "max")
        try power.add(Self.sample("a", 300, offset: 1))
        try power.add(Self.sample("b", 700, offset: 2))
        #expect(Self.number(power.value) == 700)
        try power.add(Self.sample("b", 100, offset: 3))
        #expect(Self.number(power.value) == 300)
        #expect(power.value(of: Array("b".utf8)).flatMap(Self.number) == 100)
    }

    @Test func aKeyThatIsTakenOutNoLongerCounts() throws {
        let power = try Self.accumulator("last", "sum")
        for (offset, key) in ["a", "b", "c"].enumerated() {
            try power.add(Self.sample(key, 10, offset: UInt64(offset + 1)))
        }
        #expect(power.remove(Array("b".utf8)))
        #expect(!power.remove(Array("b".utf8)))
        #expect(Self.number(power.value) == 20)
        try power.add(Self.sample("d", 5, offset: 4))
        #expect(Self.number(power.value) == 25)
        for key in ["a", "c", "d"] { power.remove(Array(key.utf8)) }
        #expect(power.value == .none)
    }

    /// Against the same fold by hand, over random keys, values and removals, and a way to the store and back.
    @Test func itIsWhatAFoldByHandIs() throws {
        for seed in UInt64(0)..<50 {
            var random = SeededGenerator(seed: seed)
            var keyed = try Self.accumulator("sum", "max")
            var totals: [String: Int] = [:]
            for offset in 1...200 {
                let key = "k\(random.below(20))"
                if random.chance(10) {
                    keyed.remove(Array(key.utf8))
                    totals[key] = nil
                } else {
                    let number = random.below(2000) - 1000
                    try keyed.add(Self.sample(key, number, offset: UInt64(offset)))
                    totals[key, default: 0] += number
                }
                if random.chance(3) {
                    let copy = try Self.accumulator("sum", "max")
                    try copy.restore(try keyed.encoded(), version: 1)
                    keyed = copy
                }
                #expect(Self.number(keyed.value) == totals.values.max(), "seed \(seed)")
            }
        }
    }

    @Test func theKeyPastTheLimitIsRefusedAndTheOthersGoOn() throws {
        let keyed = try Self.accumulator("last", "sum", keysMax: 2)
        try keyed.add(Self.sample("a", 1))
        try keyed.add(Self.sample("b", 2))
        do {
            try keyed.add(Self.sample("c", 4))
            Issue.record("it was taken")
        } catch AggregatorError.input(let why, _) {
            #expect(why == "too_many_keys")
        }
        try keyed.add(Self.sample("a", 8))
        #expect(Self.number(keyed.value) == 10)
        keyed.remove(Array("a".utf8))
        try keyed.add(Self.sample("c", 4))
        #expect(Self.number(keyed.value) == 6)
    }

    @Test(arguments: [256, 257])
    func aKeyIsAsLongAsAllowedAndNotLonger(length: Int) throws {
        let keyed = try Self.accumulator("last", "sum")
        let sample = Self.sample(String(repeating: "k", count: length), 1)
        if length <= KeyedAccumulator.keyBytesMax {
            try keyed.add(sample)
        } else {
            #expect(throws: AggregatorError.self) { try keyed.add(sample) }
            #expect(keyed.value == .none)
        }
    }

    /// The sum across keys has no room, although each key has.
    @Test func anOverflowAcrossKeysChangesNothing() throws {
        let keyed = try Self.accumulator("last", "sum")
        let largest = Sample(number: ExactDecimal(units: .max, scale: 0), offset: 1, label: [1])
        try keyed.add(largest)
        var other = largest
        other.label = [2]
        #expect(throws: AggregatorError.overflow) { try keyed.add(other) }
        #expect(keyed.value(of: [2]) == nil)
        #expect(keyed.value == .number(largest.number))
    }

    /// The others alone have no room, so the key that makes up for them stays.
    @Test func aKeyWithoutWhichThereIsNoRoomStays() throws {
        let keyed = try Self.accumulator("last", "sum")
        try keyed.add(Sample(number: ExactDecimal(units: .max, scale: 0), offset: 1, label: [1]))
        try keyed.add(Sample(number: ExactDecimal(units: -.max, scale: 0), offset: 2, label: [2]))
        try keyed.add(Sample(number: ExactDecimal(units: 5, scale: 0), offset: 3, label: [3]))
        #expect(!keyed.remove([2]))
        #expect(Self.number(keyed.value) == 5)
        #expect(keyed.remove([1]))
        #expect(keyed.value == .number(ExactDecimal(units: 5 - .max, scale: 0)))
    }

    @Test func whatIsAddedCanBeTakenBack() throws {
        let keyed = try Self.accumulator("sum", "max")
        try keyed.add(Self.sample("a", 5, offset: 1))
        let before = try keyed.encoded()
        for key in ["a", "b"] {
            let sample = Self.sample(key, 50, offset: 2)
            let undo = keyed.undo(of: sample)
            try keyed.add(sample)
            #expect(Self.number(keyed.value) == (key == "a" ? 55 : 50))
            undo()
            #expect(Self.number(keyed.value) == 5)
            #expect(try keyed.encoded() == before)
        }
    }

    /// What brokers have stored is read for ever, so it is written down. A new key takes the place of one that went.
    @Test func theStoredFormStaysAsItIs() throws {
        let keyed = try Self.accumulator("last", "max")
        for key in ["a", "b", "cc"] { try keyed.add(Self.sample(key, 5, offset: 300)) }
        keyed.remove(Array("b".utf8))
        try keyed.add(Self.sample("d", -2, offset: 2))
        var bytes: [UInt8] = [3]
        for (key, number, offset) in [("a", 5, 300), ("d", -2, 2), ("cc", 5, 300)] {
            var state = StateWriter()
            state.write(Int128(number))
            state.write(UInt64(offset))
            bytes += [UInt8(key.utf8.count), 0] + Array(key.utf8)
            bytes += (offset == 300 ? [0xAC, 0x02] : [2]) + [0, 1, 24] + state.bytes
        }
        #expect(try keyed.encoded() == bytes)
    }

    /// An aggregator whose states share memory when they are copied, and one that depends on offsets.
    @Test(arguments: ["distinct", "first", "histogram"])
    func itIsWhatMergingAllKeysIs(across: String) throws {
        var random = SeededGenerator(seed: 11)
        let parameters = across == "histogram" ? #"{"bounds":[10,100]}"# : "{}"
        let context = AggregationContext(number: .int)
        let factory = try AggregatorRegistry.builtIn.factory(
            name: across,
            parameters: Array(parameters.utf8),
            context: context
        )
        let last = try AggregatorRegistry.builtIn.factory(name: "last", context: context)
        let keyed = KeyedAccumulator(.init(perKey: last, across: factory, number: .int, keysMax: 50))
        var samples: [String: Sample] = [:]
        for offset in UInt64(1)...300 {
            let key = "k\(random.below(40))"
            if random.chance(20) {
                keyed.remove(Array(key.utf8))
                samples[key] = nil
            } else {
                samples[key] = Self.sample(key, random.below(200), offset: offset)
                try keyed.add(Self.sample(key, 0, offset: offset))
                if let sample = samples[key] { try keyed.add(sample) }
            }
            let whole = factory.makeAccumulator()
            for sample in samples.values { try whole.add(sample) }
            #expect(keyed.value == (samples.isEmpty ? .none : whole.value))
        }
    }

    @Test func whatIsTakenOutTakesNoMemory() throws {
        let keyed = try Self.accumulator("last", "distinct")
        for key in ["a", "b", "c", "d"] { try keyed.add(Self.sample(key, 1)) }
        let full = keyed.memory
        for key in ["a", "b", "c", "d"] { keyed.remove(Array(key.utf8)) }
        let empty = keyed.memory
        #expect(empty < full)
        for key in ["e", "f", "g", "h"] { try keyed.add(Self.sample(key, 1)) }
        #expect(keyed.memory == full)
    }

    @Test func strangeBytesNeverTrap() throws {
        var random = SeededGenerator(seed: 3)
        let valid = try Self.accumulator("last", "max")
        for key in ["a", "bb", "ccc"] { try valid.add(Self.sample(key, 5)) }
        let bytes = try valid.encoded()
        for _ in 0..<5000 {
            var strange = random.chance(50) ? bytes : random.bytes(random.below(60))
            for _ in 0..<3 where !strange.isEmpty {
                strange[random.below(strange.count)] = random.pick([0, 1, 0x7F, 0x80, 0xFF])
            }
            let keyed = try Self.accumulator("last", "max")
            do throws(AggregatorError) { try keyed.restore(strange, version: 1) } catch { continue }
            _ = keyed.value
            try? keyed.add(Self.sample("a", 1))
        }
    }

    @Test func whatIsStoredNamesBothFolds() throws {
        #expect(try Self.accumulator("last", "max").descriptor.name == "last/max")
    }
}
