/// The merged state of many leaves, kept up to date at the cost of one path: a tournament.
///
/// Nothing is ever taken out of a state, so it works for every aggregator, exact or not, and never drifts: the path
/// from a changed leaf to the root is merged anew, which is as many steps as the number of leaves has binary digits.
struct MergeTree {
    private let make: () -> any Accumulator
    /// A complete binary tree in an array, the root at 1. An inner node is made once and then written over.
    private var nodes: [(any Accumulator)?] = [nil, nil]
    /// Whether there is a leaf below, or at, each node.
    private var isOccupied = [false, false]
    private var capacity = 1

    init(make: @escaping () -> any Accumulator) { self.make = make }

    /// All leaves together, or `nil` if there are none.
    var root: (any Accumulator)? { self.isOccupied[1] ? self.nodes[1] : nil }

    /// How many bytes the states take.
    var memory: Int { self.nodes.reduce(0) { $0 + ($1.map(\.memory) ?? 0) } }

    /// Puts `leaf` in its place, or takes it out; throws and changes nothing if the whole can not be merged.
    mutating func set(_ leaf: (any Accumulator)?, at index: Int) throws(AggregatorError) {
        if index >= self.capacity { try self.grow(to: index + 1) }
        let place = self.capacity + index
        let before = self.isOccupied[place] ? self.nodes[place] : nil
        self.put(leaf, at: place)
        do throws(AggregatorError) {
            try self.mergePath(of: place)
        } catch {
            self.put(before, at: place)
            try self.mergePath(of: place)
            throw error
        }
    }

    private mutating func put(_ leaf: (any Accumulator)?, at place: Int) {
        self.nodes[place] = leaf
        self.isOccupied[place] = leaf != nil
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
        self.isOccupied[node] = self.isOccupied[left] || self.isOccupied[right]
        guard self.isOccupied[node] else { return }
        let state = self.nodes[node] ?? self.make()
        self.nodes[node] = state
        guard let first = self.isOccupied[left] ? self.nodes[left] : self.nodes[right] else { return }
        try state.assign(first)
        guard self.isOccupied[left], self.isOccupied[right], let second = self.nodes[right] else { return }
        try state.merge(second)
    }

    private mutating func grow(to count: Int) throws(AggregatorError) {
        var capacity = self.capacity
        while capacity < count { capacity *= 2 }
        var larger = MergeTree(make: self.make)
        larger.capacity = capacity
        larger.nodes = Array(repeating: nil, count: 2 * capacity)
        larger.isOccupied = Array(repeating: false, count: 2 * capacity)
        for index in 0..<self.capacity where self.isOccupied[self.capacity + index] {
            larger.put(self.nodes[self.capacity + index], at: capacity + index)
        }
        for node in stride(from: capacity - 1, through: 1, by: -1) { try larger.merge(node) }
        self = larger
    }
}
