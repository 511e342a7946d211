import BrokerWire
import Testing

@testable import BrokerAggregation

/// What becomes of the sample of a key that is one too many.
@Suite("Keyed accumulator that is full")
struct KeyedOnFullTests {
    private static func accumulator(
        _ onFull: KeyedAccumulator.OnFull,
        keysMax: Int = 2,
        _ perKey: String = "last",
        _ across: String = "sum"
    ) throws -> KeyedAccumulator {
        let context = AggregationContext(number: .int)
        return KeyedAccumulator(
            KeyedAccumulator.Plan(
                perKey: try AggregatorRegistry.builtIn.factory(name: perKey, context: context),
                across: try AggregatorRegistry.builtIn.factory(name: across, context: context),
                number: .int,
                keysMax: keysMax,
                onFull: onFull
            )
        )
    }

    private static func sample(
        _ key: String,
        _ number: Int128,
        at timestamp: UInt64 = 0,
        offset: UInt64 = 1
    ) -> Sample {
        Sample(
            number: ExactDecimal(units: number, scale: 0),
            timestamp: timestamp,
            offset: offset,
            label: Array(key.utf8)
        )
    }

    private static func keys(_ keyed: KeyedAccumulator) -> Set<String> {
        Set(keyed.keys.map { String(decoding: $0, as: UTF8.self) })
    }

    private static func number(_ value: AggregateValue?) -> Int? {
        guard case .number(let number)? = value else { return nil }
        return Int(exactly: number.units)
    }

    private static func key(_ label: String, in keyed: KeyedAccumulator) -> String {
        String(decoding: keyed.key(for: Array(label.utf8)), as: UTF8.self)
    }

    // MARK: Evict

    @Test func theKeyHeardLongestAgoMakesRoom() throws {
        let keyed = try Self.accumulator(.evict)
        try keyed.add(Self.sample("a", 1, at: 10))
        try keyed.add(Self.sample("b", 2, at: 20))
        #expect(Self.keys(keyed) == ["a", "b"])
        try keyed.add(Self.sample("a", 4, at: 30))
        try keyed.add(Self.sample("c", 8, at: 40))
        #expect(Self.keys(keyed) == ["a", "c"])
        #expect(Self.number(keyed.value) == 12)
        #expect(keyed.value(of: Array("b".utf8)) == nil)
    }

    /// One that comes back begins anew.
    @Test func whatLeftIsForgotten() throws {
        let keyed = try Self.accumulator(.evict, keysMax: 1, "sum")
        try keyed.add(Self.sample("a", 5, at: 1))
        try keyed.add(Self.sample("b", 7, at: 2))
        try keyed.add(Self.sample("a", 1, at: 3))
        #expect(Self.number(keyed.value) == 1)
    }

    @Test(arguments: [
        // Of one time the lower offset leaves, of one offset the lower key.
        (a: (at: UInt64(5), offset: UInt64(9)), b: (at: UInt64(5), offset: UInt64(8)), left: "a"),
        (a: (at: UInt64(5), offset: UInt64(8)), b: (at: UInt64(5), offset: UInt64(9)), left: "b"),
        (a: (at: UInt64(5), offset: UInt64(8)), b: (at: UInt64(5), offset: UInt64(8)), left: "b"),
        (a: (at: UInt64(6), offset: UInt64(8)), b: (at: UInt64(5), offset: UInt64(9)), left: "a"),
    ])
    func tiesAreDecided(
        a: (at: UInt64, offset: UInt64),
        b: (at: UInt64, offset: UInt64),
        left: String
    ) throws {
        let keyed = try Self.accumulator(.evict)
        try keyed.add(Self.sample("b", 1, at: b.at, offset: b.offset))
        try keyed.add(Self.sample("a", 1, at: a.at, offset: a.offset))
        try keyed.add(Self.sample("c", 1, at: 9, offset: 10))
        #expect(Self.keys(keyed) == [left, "c"])
    }

    @Test func theKeyThatLeavesIsBackIfTheOtherDoesNotFit() throws {
        let keyed = try Self.accumulator(.evict)
        try keyed.add(Self.sample("a", 5, at: 1))
        try keyed.add(Self.sample("b", 7, at: 2))
        let before = try keyed.encoded()
        #expect(throws: AggregatorError.overflow) { try keyed.add(Self.sample("c", .max, at: 3)) }
        #expect(try keyed.encoded() == before)
        #expect(Self.number(keyed.value) == 12)
        #expect(throws: AggregatorError.self) {
            try keyed.add(Self.sample(String(repeating: "k", count: KeyedAccumulator.keyBytesMax + 1), 1, at: 3))
        }
        #expect(try keyed.encoded() == before)
    }

    /// The sum without either has no room, and is never taken.
    @Test func oneKeyIsPutInThePlaceOfTheOther() throws {
        let keyed = try Self.accumulator(.evict, keysMax: 3)
        try keyed.add(Self.sample("a", -10, at: 1))
        try keyed.add(Self.sample("b", .max, at: 2))
        try keyed.add(Self.sample("c", 10, at: 3))
        try keyed.add(Self.sample("d", -10, at: 4))
        #expect(Self.keys(keyed) == ["b", "c", "d"])
        #expect(keyed.value == .number(ExactDecimal(units: .max, scale: 0)))
    }

    @Test func anUndoBringsTheKeyBack() throws {
        let keyed = try Self.accumulator(.evict)
        try keyed.add(Self.sample("a", 5, at: 1))
        try keyed.add(Self.sample("b", 7, at: 2))
        let before = try keyed.encoded()
        let first = keyed.undo(of: Self.sample("c", 1, at: 3))
        try keyed.add(Self.sample("c", 1, at: 3))
        let second = keyed.undo(of: Self.sample("a", 2, at: 4))
        try keyed.add(Self.sample("a", 2, at: 4))
        #expect(Self.keys(keyed) == ["a", "c"])
        second()
        #expect(Self.keys(keyed) == ["b", "c"])
        #expect(Self.number(keyed.value) == 8)
        first()
        #expect(try keyed.encoded() == before)
        #expect(Self.number(keyed.value) == 12)
    }

    /// The host takes back what it could not add, too.
    @Test(arguments: KeyedAccumulator.OnFull.allCases)
    func anUndoOfWhatWasRefusedChangesNothing(onFull: KeyedAccumulator.OnFull) throws {
        let keyed = try Self.accumulator(onFull)
        try keyed.add(Self.sample("a", 5, at: 1))
        try keyed.add(Self.sample("b", 7, at: 2))
        let before = try keyed.encoded()
        for key in ["a", "c", "other"] {
            let sample = Self.sample(key, .max, at: 3)
            let undo = keyed.undo(of: sample)
            #expect(throws: AggregatorError.self) { try keyed.add(sample) }
            undo()
            #expect(try keyed.encoded() == before)
            #expect(Self.number(keyed.value) == 12)
        }
    }

    // MARK: Other

    @Test func theKeysPastTheLimitShareOne() throws {
        let keyed = try Self.accumulator(.other, "sum")
        try keyed.add(Self.sample("a", 1))
        #expect(Self.key("b", in: keyed) == "b")
        try keyed.add(Self.sample("b", 2))
        #expect(Self.key("a", in: keyed) == "a")
        #expect(Self.key("c", in: keyed) == "other")
        try keyed.add(Self.sample("c", 4))
        try keyed.add(Self.sample("d", 8))
        try keyed.add(Self.sample("a", 16))
        #expect(Self.keys(keyed) == ["a", "b", "other"])
        #expect(Self.number(keyed.value(of: KeyedAccumulator.otherKey)) == 12)
        #expect(Self.number(keyed.value) == 31)
    }

    /// It does not count, whoever made it.
    @Test func aPublishedKeyOfThatNameIsTheSame() throws {
        let keyed = try Self.accumulator(.other, "sum")
        try keyed.add(Self.sample("other", 1))
        try keyed.add(Self.sample("a", 2))
        try keyed.add(Self.sample("b", 4))
        #expect(Self.keys(keyed) == ["a", "b", "other"])
        try keyed.add(Self.sample("c", 8))
        #expect(Self.number(keyed.value(of: KeyedAccumulator.otherKey)) == 9)
    }

    @Test func itGoesLikeAnyKeyAndComesAgain() throws {
        let keyed = try Self.accumulator(.other, "sum")
        for key in ["a", "b", "c"] { try keyed.add(Self.sample(key, 1)) }
        #expect(keyed.remove(KeyedAccumulator.otherKey))
        #expect(Self.number(keyed.value) == 2)
        try keyed.add(Self.sample("d", 5))
        #expect(Self.number(keyed.value(of: KeyedAccumulator.otherKey)) == 5)
        keyed.remove(Array("a".utf8))
        #expect(Self.key("e", in: keyed) == "e")
        try keyed.add(Self.sample("e", 1))
        #expect(Self.keys(keyed) == ["b", "e", "other"])
    }

    @Test func aSampleUnderItIsTakenBack() throws {
        let keyed = try Self.accumulator(.other, "sum")
        for key in ["a", "b"] { try keyed.add(Self.sample(key, 1)) }
        for key in ["c", "d"] {
            let before = try keyed.encoded()
            let undo = keyed.undo(of: Self.sample(key, 4))
            try keyed.add(Self.sample(key, 4))
            #expect(Self.keys(keyed) == ["a", "b", "other"])
            undo()
            #expect(try keyed.encoded() == before)
            try keyed.add(Self.sample(key, 4))
        }
    }

    @Test func itIsStoredLikeTheRest() throws {
        let keyed = try Self.accumulator(.other)
        for key in ["a", "b", "c"] { try keyed.add(Self.sample(key, 1)) }
        let copy = try Self.accumulator(.other)
        try copy.restore(try keyed.encoded(), version: 1)
        #expect(try copy.encoded() == (try keyed.encoded()))
        #expect(Self.keys(copy) == ["a", "b", "other"])
        #expect(Self.number(copy.value) == 3)
    }

    /// At the limit it is read, and one past it is not; what shares a key does not count where it is asked for.
    @Test(arguments: [
        (KeyedAccumulator.OnFull.reject, ["a", "b"], true), (.reject, ["a", "other", "b"], false),
        (.evict, ["a", "b"], true), (.evict, ["a", "b", "c"], false),
        (.other, ["a", "other", "b"], true), (.other, ["a", "b", "c"], false),
    ])
    func asManyKeysAreReadAsThereMayBe(onFull: KeyedAccumulator.OnFull, keys: [String], isRead: Bool) throws {
        let stored = try Self.accumulator(.reject, keysMax: keys.count)
        for key in keys { try stored.add(Self.sample(key, 1)) }
        let keyed = try Self.accumulator(onFull)
        if isRead {
            try keyed.restore(try stored.encoded(), version: 1)
            #expect(Self.keys(keyed) == Set(keys))
        } else {
            #expect(throws: AggregatorError.stateCorrupt("3 keys, more than maxKeys")) {
                try keyed.restore(try stored.encoded(), version: 1)
            }
        }
    }

    // MARK: All

    @Test(arguments: [KeyedAccumulator.OnFull.reject, .evict])
    func elsewhereOtherIsAKeyLikeAnyOther(onFull: KeyedAccumulator.OnFull) throws {
        let keyed = try Self.accumulator(onFull)
        for key in ["a", "b"] { try keyed.add(Self.sample(key, 1)) }
        #expect(Self.key("c", in: keyed) == "c")
        if onFull == .reject {
            #expect(throws: AggregatorError.self) { try keyed.add(Self.sample("other", 1)) }
        } else {
            try keyed.add(Self.sample("other", 1))
        }
        #expect(Self.keys(keyed).count == 2)
    }

    /// Against the same by hand, over random keys, numbers that have no room, and undos.
    @Test(arguments: UInt64(0)..<30)
    func evictingIsWhatItIsByHand(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let keyed = try Self.accumulator(.evict, keysMax: 5, "sum")
        var totals: [String: (total: Int128, at: UInt64)] = [:]
        for time in UInt64(1)...300 {
            let (key, number) = ("k\(random.below(9))", random.chance(10) ? .max : Int128(random.below(100)))
            var next = totals
            if next[key] == nil, next.count == 5, let oldest = next.min(by: { $0.value.at < $1.value.at })?.key {
                next[oldest] = nil
            }
            let (total, overflow) = number.addingReportingOverflow(next[key]?.total ?? 0)
            next[key] = (total, time)
            let fits = !overflow && Self.sum(next.values.map(\.total)) != nil

            let undo = keyed.undo(of: Self.sample(key, number, at: time))
            #expect(((try? keyed.add(Self.sample(key, number, at: time))) != nil) == fits)
            if !fits || random.chance(30) { undo() } else { totals = next }
            #expect(Self.keys(keyed) == Set(totals.keys))
            let sum = try #require(Self.sum(totals.values.map(\.total)))
            let value = totals.isEmpty ? AggregateValue.none : .number(ExactDecimal(units: sum, scale: 0))
            #expect(keyed.value == value)
        }
    }

    /// `nil` if there is no room for it.
    private static func sum(_ numbers: [Int128]) -> Int128? {
        numbers.reduce(Int128?(0)) { sum, number in
            guard let (sum, overflow) = sum?.addingReportingOverflow(number), !overflow else { return nil }
            return sum
        }
    }
}
