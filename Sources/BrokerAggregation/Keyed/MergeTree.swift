/// The merged state of many leaves, kept up to date at the cost of one path: a tournament.
///
/// Nothing is ever taken out of a state, so it works for every aggregator, exact or not, and never drifts: the path
/// from a changed leaf to the root is merged anew, which is as many steps as the number of leaves has binary digits.
struct MergeTree {
    /// A complete binary tree in an array, the root at 1; an element without a leaf below it is `nil`.
    private var nodes: [(any Accumulator)?]
    private var capacity: Int

    init() {
        self.capacity = 1
        self.nodes = [nil, nil]
    }

    /// All leaves together, or `nil` if there are none.
    var root: (any Accumulator)? { self.nodes[1] }

    /// How many bytes the states take.
    var memory: Int { self.nodes.reduce(0) { $0 + ($1.map(\.memory) ?? 0) } }

    /// Puts `leaf` in its place, or takes it out; throws and changes nothing if the whole can not be merged.
    mutating func set(_ leaf: (any Accumulator)?, at index: Int) throws(AggregatorError) {
        if index >= self.capacity { try self.grow(to: index + 1) }
        let place = self.capacity + index
        let before = self.nodes[place]
        self.nodes[place] = leaf
        do throws(AggregatorError) {
            try self.mergePath(of: place)
        } catch {
            self.nodes[place] = before
            try self.mergePath(of: place)
            throw error
        }
    }

    private mutating func mergePath(of place: Int) throws(AggregatorError) {
        var node = place / 2
        while node >= 1 {
            self.nodes[node] = try self.merged(2 * node)
            node /= 2
        }
    }

    private func merged(_ left: Int) throws(AggregatorError) -> (any Accumulator)? {
        guard let first = self.nodes[left] else { return self.nodes[left + 1] }
        guard let second = self.nodes[left + 1] else { return first }
        let both = first.copy()
        try both.merge(second)
        return both
    }

    private mutating func grow(to count: Int) throws(AggregatorError) {
        var capacity = self.capacity
        while capacity < count { capacity *= 2 }
        var nodes: [(any Accumulator)?] = Array(repeating: nil, count: 2 * capacity)
        for index in 0..<self.capacity { nodes[capacity + index] = self.nodes[self.capacity + index] }
        self.nodes = nodes
        self.capacity = capacity
        for node in stride(from: capacity - 1, through: 1, by: -1) { self.nodes[node] = try self.merged(2 * node) }
    }
}
