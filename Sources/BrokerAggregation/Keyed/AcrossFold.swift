/// A fold across keys, the type of its states forgotten for all of them at once: an update is one call.
///
/// It is made of closures because these, and not the methods of a generic class behind a protocol, are compiled for
/// each aggregator by itself; a step of the tree is a few nanoseconds then.
struct AcrossFold {
    /// The value of all keys together.
    let value: () -> AggregateValue
    /// How many bytes the states take.
    let memory: () -> Int
    private let setLeaf: (Sample?, Int) throws(AggregatorError) -> Void

    init<A: Aggregator>(_ aggregator: A) {
        var tree = MergeTree(aggregator)
        self.value = { tree.value }
        self.memory = { tree.memory }
        self.setLeaf = { sample, place throws(AggregatorError) in try tree.set(sample, at: place) }
    }

    /// Makes `sample` what the key in this place brings to the whole, or takes the key out; throws and changes nothing
    /// if the whole can not be merged.
    func set(_ sample: Sample?, at place: Int) throws(AggregatorError) { try self.setLeaf(sample, place) }
}
