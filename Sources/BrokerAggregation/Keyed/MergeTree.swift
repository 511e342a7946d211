/// The merged state of many leaves, kept up to date at the cost of one path: a tournament.
///
/// Nothing is ever taken out of a state, so it works for every aggregator, exact or not, and never drifts: the path
/// from a changed leaf to the root is merged anew, which is as many steps as the number of leaves has binary digits.
struct MergeTree<A: Aggregator> {
    private let aggregator: A
    /// A complete binary tree in an array, the root at 1. Where nothing is, there is the identity.
    private var nodes: [A.State]
    /// Whether there is a leaf below, or at, each node.
    private var isOccupied = [false, false]
    private var capacity = 1

    init(_ aggregator: A) {
        self.aggregator = aggregator
        self.nodes = [aggregator.identity(), aggregator.identity()]
    }

    /// The value of all leaves together.
    var value: AggregateValue { self.isOccupied[1] ? self.aggregator.value(of: self.nodes[1]) : .none }

    /// How many bytes the states take.
    var memory: Int { self.nodes.reduce(0) { $0 + self.aggregator.memory(of: $1) } }

    /// Makes `sample` the leaf in its place, or takes the leaf out; throws and changes nothing if the whole can not be
    /// merged.
    mutating func set(_ sample: Sample?, at index: Int) throws(AggregatorError) {
        var leaf = self.aggregator.identity()
        if let sample { try self.aggregator.add(sample, to: &leaf) }
        if index >= self.capacity { try self.grow(to: index + 1) }
        let place = self.capacity + index
        let (before, wasOccupied) = (self.nodes[place], self.isOccupied[place])
        self.nodes[place] = leaf
        self.isOccupied[place] = sample != nil
        do throws(AggregatorError) {
            try self.mergePath(of: place)
        } catch {
            self.nodes[place] = before
            self.isOccupied[place] = wasOccupied
            try self.mergePath(of: place)
            throw error
        }
    }

    private mutating func mergePath(of place: Int) throws(AggregatorError) {
        var node = place / 2
        while node >= 1 {
            try self.merge(node)
            node /= 2
        }
    }

    /// Writes what is below an inner node into it.
    private mutating func merge(_ node: Int) throws(AggregatorError) {
        let (left, right) = (2 * node, 2 * node + 1)
        let (hasLeft, hasRight) = (self.isOccupied[left], self.isOccupied[right])
        self.isOccupied[node] = hasLeft || hasRight
        let aggregator = self.aggregator
        // By pointer: half the time of a step would go into copying what is merged out of the array.
        try self.nodes.withUnsafeMutableBufferPointer { nodes throws(AggregatorError) in
            nodes[node] = nodes[hasLeft ? left : right]
            if hasLeft, hasRight { try aggregator.merge(nodes[right], into: &nodes[node]) }
        }
    }

    private mutating func grow(to count: Int) throws(AggregatorError) {
        var larger = MergeTree(self.aggregator)
        larger.capacity = self.capacity
        while larger.capacity < count { larger.capacity *= 2 }
        larger.nodes = Array(repeating: self.aggregator.identity(), count: 2 * larger.capacity)
        larger.isOccupied = Array(repeating: false, count: 2 * larger.capacity)
        for index in 0..<self.capacity where self.isOccupied[self.capacity + index] {
            larger.nodes[larger.capacity + index] = self.nodes[self.capacity + index]
            larger.isOccupied[larger.capacity + index] = true
        }
        for node in stride(from: larger.capacity - 1, through: 1, by: -1) { try larger.merge(node) }
        self = larger
    }
}
