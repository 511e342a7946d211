import AggregatorTestKit
import BrokerWire
import Testing

@testable import BrokerAggregation

@Suite struct TopKTests {
    private static func samples(_ labels: [String]) -> [Sample] { labels.map { Sample(label: $0) } }

    /// Labels of which few come often and many seldom.
    private static func skewed(_ count: Int, _ random: inout SeededGenerator, labels: Int = 1000) -> [Sample] {
        (0..<count).map { _ in Sample(label: "label-\(random.below(random.below(labels) + 1))") }
    }

    private static func value(_ parameters: String, _ samples: [Sample], _ number: NumberFormat = .int) throws -> String
    {
        let aggregator = try TopKAggregator.rule(parameters, number)
        return try aggregator.value(of: AggregatorLaws(aggregator).fold(samples)).json
    }

    // MARK: Values

    @Test func theHeaviestComeFirst() throws {
        let value = try Self.value(#"{"k":2}"#, Self.samples(["a", "b", "b", "c", "b", "c"]))
        #expect(value == #"{"items":[{"key":"b","count":3,"err":0},{"key":"c","count":2,"err":0}],"total":6}"#)
        #expect(try Self.value("{}", []) == #"{"items":[],"total":0}"#)
    }

    @Test func labelsThatWeighTheSameAreInTheOrderOfTheirBytes() throws {
        let value = try Self.value(#"{"k":3}"#, Self.samples(["label-b", "label-a", "", "label-ab", "label-"]))
        #expect(value.contains(#"{"key":"","count":1,"err":0},{"key":"label-","count":1,"err":0},{"key":"label-a","#))
    }

    @Test func aNewLabelTakesThePlaceOfTheLightestWithItsWeightAsError() throws {
        let value = try Self.value(#"{"k":2,"capacity":2}"#, Self.samples(["a", "a", "b", "c"]))
        #expect(value == #"{"items":[{"key":"a","count":2,"err":0},{"key":"c","count":2,"err":1}],"total":4}"#)
    }

    @Test func numbersWeighExactly() throws {
        let samples = (1...10).map { _ in Sample(label: "a", weight: 100_000_000_000_000_000, scale: 18) }
        let value = try Self.value(
            #"{"weight":"value"}"#,
            samples + [Sample(label: "b", weight: 1, scale: 18)],
            .decimal
        )
        let items = #"[{"key":"a","count":1,"err":0},{"key":"b","count":0.000000000000000001,"err":0}]"#
        #expect(value == #"{"items":\#(items),"total":1.000000000000000001}"#)
    }

    @Test func aFewOfManyAreTheSameAsTheFirstOfAll() throws {
        var random = SeededGenerator(seed: 47)
        let laws = AggregatorLaws(try TopKAggregator.rule(#"{"k":1,"capacity":500}"#))
        let state = try laws.fold(Self.skewed(5000, &random, labels: 2000))
        let all = state.heaviest(500)
        for count in [0, 1, 2, 10, 62, 63, 499, 501] { #expect(state.heaviest(count) == Array(all.prefix(count))) }
    }

    @Test func theInputFollowsTheWeight() throws {
        #expect(try TopKAggregator.rule().input == .label)
        #expect(try TopKAggregator.rule(#"{"weight":"value"}"#).input == .labelledNumber)
    }

    @Test func theTotalIsThePrimaryNumber() throws {
        let aggregator = try TopKAggregator.rule()
        let state = try AggregatorLaws(aggregator).fold(Self.samples(["a", "b"]))
        #expect(aggregator.value(of: state).primaryNumber?.units == 2)
    }

    // MARK: Error

    /// What the summary promises, held against the truth.
    private static func brokenPromise(_ state: SpaceSaving, _ samples: [Sample]) -> String? {
        let truth = Dictionary(samples.map { ($0.label, Int128(1)) }, uniquingKeysWith: +)
        guard state.total == Int128(samples.count) else { return "total" }
        for item in state.heaviest(state.count) {
            let weight = truth[item.label, default: 0]
            guard item.weight >= weight else { return "too low" }
            guard item.weight - item.error <= weight else { return "too high by more than its error" }
            guard item.error <= state.total / Int128(state.capacity) else { return "too large an error" }
        }
        for (label, weight) in truth where state.item(label) == nil {
            guard weight <= state.floor else { return "a heavy label is missing" }
        }
        return nil
    }

    @Test(arguments: [1, 10, 100, 2000])
    func noCountIsTooLowNorTooHighByMoreThanItsError(capacity: Int) throws {
        var random = SeededGenerator(seed: 41)
        let laws = AggregatorLaws(try TopKAggregator.rule(#"{"k":1,"capacity":\#(capacity)}"#))
        let samples = Self.skewed(10_000, &random)
        #expect(Self.brokenPromise(try laws.fold(samples), samples) == nil)
    }

    @Test(arguments: UInt64(0)..<20)
    func mergingKeepsThePromise(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let laws = AggregatorLaws(try TopKAggregator.rule(#"{"k":5,"capacity":\#(5 + random.below(30))}"#))
        let parts = (0..<4).map { _ in Self.skewed(random.below(400), &random, labels: 60) }
        var state = try laws.fold(parts[0])
        for part in parts[1...] { state = try laws.merged(state, laws.fold(part)) }
        let more = Self.skewed(100, &random, labels: 60)
        for sample in more { try laws.aggregator.add(sample, to: &state) }
        #expect(Self.brokenPromise(state, parts.flatMap { $0 } + more) == nil)
        #expect(try laws.recoded(state) == state)
    }

    /// A summary as simple as can be: it looks through everything each time.
    private static func simpleItems(_ samples: [Sample], capacity: Int) -> [SpaceSaving.Item] {
        var items: [SpaceSaving.Item] = []
        for sample in samples {
            let weight = max(1, sample.number.units)
            if let index = items.firstIndex(where: { $0.label == sample.label }) {
                items[index].weight += weight
            } else if items.count < capacity {
                items.append(.init(label: sample.label, weight: weight, error: 0))
            } else {
                let lightest = items.removeLast()
                items.append(.init(label: sample.label, weight: lightest.weight + weight, error: lightest.weight))
            }
            items.sort(by: SpaceSaving.Item.isHeavier)
        }
        return items
    }

    @Test(arguments: UInt64(0)..<20)
    func theHeapFindsWhatLookingThroughAllFinds(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = 1 + random.below(20)
        let laws = AggregatorLaws(try TopKAggregator.rule(#"{"k":1,"capacity":\#(capacity),"weight":"value"}"#, .int))
        let samples = (0..<300).map { _ in
            Sample(
                label: "\(random.pick(["", "page-", "long-label-"]))\(random.below(25))",
                weight: Int128(random.below(3) + 1)
            )
        }
        let state = try laws.fold(samples)
        #expect(state.heaviest(state.count) == Self.simpleItems(samples, capacity: capacity))
        // What went to the store and back goes on in the same way.
        var half = try laws.recoded(laws.fold(samples[..<150]))
        for sample in samples[150...] { try laws.aggregator.add(sample, to: &half) }
        #expect(half == state)
    }

    // MARK: Laws

    @Test(arguments: UInt64(0)..<30)
    func theLawsAreKeptExactlyWhileThereIsRoom(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let laws = AggregatorLaws(try TopKAggregator.rule(#"{"k":5,"capacity":40}"#))
        let samples = Self.skewed(random.below(150), &random, labels: 40)
        let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
        #expect(try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1])) == nil)
    }

    /// Two summaries tell the same if for each label there is a weight that both of them allow.
    private static func agree(_ one: SpaceSaving, _ two: SpaceSaving) -> Bool {
        func range(_ state: SpaceSaving, _ label: [UInt8]) -> ClosedRange<Int128> {
            guard let item = state.item(label) else { return 0...state.floor }
            return (item.weight - item.error)...item.weight
        }
        let labels = (one.heaviest(one.count) + two.heaviest(two.count)).map(\.label)
        return one.total == two.total && labels.allSatisfy { range(one, $0).overlaps(range(two, $0)) }
    }

    @Test(arguments: UInt64(0)..<30)
    func theLawsAreKeptUpToTheErrorBeyond(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let aggregator = try TopKAggregator.rule(#"{"k":5,"capacity":8}"#)
        let laws = AggregatorLaws(aggregator, areEqual: Self.agree)
        let samples = Self.skewed(200, &random, labels: 60)
        let cuts = [random.below(samples.count + 1), random.below(samples.count + 1)].sorted()
        #expect(try laws.brokenLaw(samples, cuts: (cuts[0], cuts[1])) == nil)
        let (one, two) = (try laws.fold(samples[..<cuts[0]]), try laws.fold(samples[cuts[0]...]))
        #expect(try laws.merged(one, two) == laws.merged(two, one))
    }

    // MARK: Refusals

    @Test func aLabelHasAtMost256Bytes() throws {
        let aggregator = try TopKAggregator.rule()
        var state = aggregator.identity()
        try aggregator.add(Sample(label: String(repeating: "x", count: 256)), to: &state)
        let before = state
        #expect(throws: AggregatorError.input(why: "label_too_long", reason: "a label has at most 256 bytes")) {
            try aggregator.add(Sample(label: String(repeating: "x", count: 257)), to: &state)
        }
        #expect(state == before)
    }

    @Test func aWeightBelowZeroIsRefusedAndNoneChangesNothing() throws {
        let aggregator = try TopKAggregator.rule(#"{"weight":"value"}"#, .int)
        var state = aggregator.identity()
        #expect(throws: AggregatorError.input(why: "negative_weight", reason: "a weight is not below zero")) {
            try aggregator.add(Sample(label: "a", weight: -1), to: &state)
        }
        try aggregator.add(Sample(label: "a", weight: 0), to: &state)
        #expect(state == aggregator.identity())
    }

    @Test func anOverflowingSummaryIsLeftAlone() throws {
        let aggregator = try TopKAggregator.rule(#"{"weight":"value"}"#, .int)
        let before = try AggregatorLaws(aggregator).fold([Sample(label: "a", weight: .max)])
        var state = before
        #expect(throws: AggregatorError.overflow) { try aggregator.add(Sample(label: "b", weight: 1), to: &state) }
        #expect(throws: AggregatorError.overflow) { try aggregator.merge(before, into: &state) }
        #expect(state == before)
    }

    @Test(arguments: [
        (#"{"k":0}"#, "k"), (#"{"k":1001}"#, "k"), (#"{"k":5,"capacity":4}"#, "capacity"), (#"{"k":2.5}"#, "k"),
        (#"{"capacity":10001}"#, "capacity"), (#"{"weight":"two"}"#, "weight"), (#"{"weight":1}"#, "weight"),
        (#"{"n":3}"#, "n"),
    ])
    func aWrongParameterIsNamed(parameters: String, path: String) {
        #expect {
            try TopKAggregator.rule(parameters)
        } throws: {
            guard case .configuration(path, _)? = $0 as? AggregatorError else { return false }
            return true
        }
    }

    @Test(arguments: [#"{"k":1,"capacity":1}"#, #"{"k":1000}"#, #"{"k":7,"capacity":7}"#, #"{"capacity":10000}"#])
    func theLimitsThemselvesAreTaken(parameters: String) throws { _ = try TopKAggregator.rule(parameters) }

    @Test func aSummaryOfOtherParametersIsRefused() throws {
        let aggregator = try TopKAggregator.rule(#"{"weight":"value"}"#, .int)
        for (parameters, number) in [("{}", NumberFormat.int), (#"{"weight":"value"}"#, .decimal)] {
            let other = try TopKAggregator.rule(parameters, number)
            let bytes = try other.bytes(of: other.identity())
            #expect(throws: AggregatorError.stateCorrupt("weights of another kind")) { try aggregator.stored(bytes) }
        }
        let large = try TopKAggregator.rule(#"{"weight":"value","capacity":101}"#, .int)
        let bytes = try large.bytes(of: large.identity())
        var state = aggregator.identity()
        #expect(throws: AggregatorError.self) { try aggregator.stored(bytes) }
        #expect(throws: AggregatorError.self) { try aggregator.merge(large.identity(), into: &state) }
    }

    @Test(arguments: [3, 40])
    func damagedStatesNeverTrap(labels: Int) throws {
        let aggregator = try TopKAggregator.rule(#"{"k":5,"capacity":8}"#)
        var random = SeededGenerator(seed: 43)
        let laws = AggregatorLaws(aggregator)
        laws.decodeStrangeBytes(Sample(label: "x"), rounds: 1000, using: &random)
        let state = try laws.fold(Self.skewed(100, &random, labels: labels))
        #expect(try aggregator.bytesWithATwin(of: state, Sample(label: "x"), rounds: 2000, seed: 44) == nil)
    }

    @Test func itsMemoryIsThatOfTheLabelsThatAreKept() throws {
        let aggregator = try TopKAggregator.rule(#"{"k":10,"capacity":100}"#)
        let tail = String(repeating: "x", count: 90)
        let samples = (0..<5000).map { Sample(label: "\($0)-\(tail)") }
        let memory = try aggregator.memoryAfterAMillion(samples)
        #expect(memory >= 100 * 92)
        #expect(memory <= 100 * 512)
    }
}
