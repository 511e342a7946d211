/// The Space-Saving summary: the weights of so many labels, and for each how much of it may be another's.
///
/// A label that is not kept when there is no room takes the place of the lightest one, and its weight and error begin
/// with that one's weight. So no weight is too low, none is too high by more than its error, and no error is above the
/// total divided by the capacity.
public struct SpaceSaving: Sendable {
    static let capacityRange = 1...10_000

    /// A label that is kept.
    struct Item: Hashable, Sendable {
        var label: [UInt8]
        var weight: Int128
        /// How much of the weight may be that of labels that had this place before.
        var error: Int128
    }

    /// What the heap orders, with all that ordering mostly needs.
    private struct Node: Sendable {
        var weight: Int128
        /// The first eight bytes of the label.
        var prefix: UInt64
        var place: Int
    }

    let capacity: Int
    /// The weight of all samples.
    private(set) var total: Int128 = 0
    private var labels: [[UInt8]] = []
    private var errors: [Int128] = []
    /// Where each place is in the heap.
    private var positions: [Int] = []
    /// The lightest on top.
    private var heap: [Node] = []
    private var table = LabelTable()
    private var labelBytes = 0

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { self.labels.count }

    /// No label that is not kept weighs more.
    var floor: Int128 { self.count < self.capacity ? 0 : self.heap.first?.weight ?? 0 }

    var memory: Int {
        MemoryLayout<Self>.size + HeapSize.array(self.labels) + HeapSize.array(self.errors) + self.table.memory
            + HeapSize.array(self.positions) + HeapSize.array(self.heap) + self.labelBytes
    }

    /// Adds a weight above zero.
    mutating func add(_ weight: Int128, of label: [UInt8]) throws(AggregatorError) {
        let (total, overflow) = self.total.addingReportingOverflow(weight)
        // No weight is above the total, so that none overflows after this.
        guard !overflow else { throw .overflow }
        self.total = total
        let hash = XXHash64.hash(label)
        if let place = self.table.place(of: hash, where: { self.labels[$0] == label }) {
            let position = self.positions[place]
            self.heap[position].weight &+= weight
            self.siftDown(position)
        } else if self.count < self.capacity {
            self.append(Item(label: label, weight: weight, error: 0), hash)
        } else {
            let lightest = self.heap[0]
            self.labelBytes += HeapSize.array(label) - HeapSize.array(self.labels[lightest.place])
            self.labels[lightest.place] = label
            self.errors[lightest.place] = lightest.weight
            self.table.replace(lightest.place, with: hash)
            self.heap[0].weight = lightest.weight &+ weight
            self.heap[0].prefix = Self.prefix(label)
            self.siftDown(0)
        }
    }

    private mutating func append(_ item: Item, _ hash: UInt64) {
        let place = self.count
        self.labels.append(item.label)
        self.errors.append(item.error)
        self.positions.append(place)
        self.heap.append(Node(weight: item.weight, prefix: Self.prefix(item.label), place: place))
        self.table.append(hash)
        self.labelBytes += HeapSize.array(item.label)
        self.siftUp(place)
    }

    /// Takes over the items of `other`: a label that only one of them keeps may weigh up to the other's floor there.
    ///
    /// The heaviest stay. Which comes first does not matter.
    mutating func merge(_ other: Self) throws(AggregatorError) {
        guard other.capacity == self.capacity else { throw .stateCorrupt("a summary of another capacity") }
        let (total, overflow) = self.total.addingReportingOverflow(other.total)
        guard !overflow else { throw .overflow }
        let (floor, otherFloor) = (self.floor, other.floor)
        var items: [Item] = []
        items.reserveCapacity(self.count + other.count)
        for mine in self.unorderedItems {
            let theirs = other.item(mine.label)
            items.append(mine.adding(theirs?.weight ?? otherFloor, error: theirs?.error ?? otherFloor))
        }
        for theirs in other.unorderedItems where self.item(theirs.label) == nil {
            items.append(theirs.adding(floor, error: floor))
        }
        items.sort(by: Item.isHeavier)
        var merged = Self(capacity: self.capacity)
        merged.total = total
        for item in items.prefix(self.capacity) { merged.append(item, XXHash64.hash(item.label)) }
        self = merged
    }

    func item(_ label: [UInt8]) -> Item? {
        self.table.place(of: XXHash64.hash(label), where: { self.labels[$0] == label }).map(self.item(at:))
    }

    private func item(at place: Int) -> Item {
        Item(label: self.labels[place], weight: self.heap[self.positions[place]].weight, error: self.errors[place])
    }

    private var unorderedItems: some Sequence<Item> { self.labels.indices.lazy.map(self.item(at:)) }

    /// The heaviest first; of two that weigh the same, the one whose label is lower.
    func heaviest(_ count: Int) -> [Item] {
        // A few of many are not worth sorting all.
        let nodes = count <= self.count / 8 ? self.selected(count) : self.heap
        return nodes.sorted { Self.isLighter($1, $0, self.labels) }.prefix(count).map { self.item(at: $0.place) }
    }

    /// The `count` heaviest and a few more, in no order.
    private func selected(_ count: Int) -> [Node] {
        var nodes: [Node] = []
        var lightest: Node?
        for node in self.heap {
            if let lightest, Self.isLighter(node, lightest, self.labels) { continue }
            nodes.append(node)
            guard nodes.count == 2 * count else { continue }
            nodes.sort { Self.isLighter($1, $0, self.labels) }
            nodes.removeLast(count)
            lightest = nodes.last
        }
        return nodes
    }

    // MARK: The heap

    private static func prefix(_ label: [UInt8]) -> UInt64 {
        guard label.count < 8 else {
            return label.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        }
        return label.reduce(0) { $0 << 8 | UInt64($1) } << UInt64(8 * (8 - label.count))
    }

    /// Whether `left` gives way before `right`. No two nodes are equal, so that the order never depends on the past.
    private static func isLighter(_ left: Node, _ right: Node, _ labels: [[UInt8]]) -> Bool {
        if left.weight != right.weight { return left.weight < right.weight }
        if left.prefix != right.prefix { return left.prefix > right.prefix }
        return labels[right.place].lexicographicallyPrecedes(labels[left.place])
    }

    private mutating func siftDown(_ start: Int) { Self.siftDown(start, &self.heap, &self.positions, self.labels) }

    /// In place and by pointer: most of the time of an addition is spent here.
    private static func siftDown(_ start: Int, _ heap: inout [Node], _ positions: inout [Int], _ labels: [[UInt8]]) {
        heap.withUnsafeMutableBufferPointer { heap in
            positions.withUnsafeMutableBufferPointer { positions in
                var position = start
                let node = heap[start]
                while true {
                    var child = 2 * position + 1
                    guard child < heap.count else { break }
                    if child + 1 < heap.count, Self.isLighter(heap[child + 1], heap[child], labels) { child += 1 }
                    guard Self.isLighter(heap[child], node, labels) else { break }
                    heap[position] = heap[child]
                    positions[heap[position].place] = position
                    position = child
                }
                heap[position] = node
                positions[node.place] = position
            }
        }
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        let node = self.heap[start]
        while position > 0 {
            let parent = (position - 1) / 2
            guard Self.isLighter(node, self.heap[parent], self.labels) else { break }
            self.heap[position] = self.heap[parent]
            self.positions[self.heap[position].place] = position
            position = parent
        }
        self.heap[position] = node
        self.positions[node.place] = position
    }
}

extension SpaceSaving.Item {
    func adding(_ weight: Int128, error: Int128) -> Self {
        Self(label: self.label, weight: self.weight &+ weight, error: self.error &+ error)
    }

    static func isHeavier(_ left: Self, _ right: Self) -> Bool {
        left.weight == right.weight
            ? left.label.lexicographicallyPrecedes(right.label)
            : left.weight > right.weight
    }
}

extension SpaceSaving: Hashable {
    public static func == (left: Self, right: Self) -> Bool {
        left.capacity == right.capacity && left.total == right.total
            && left.heaviest(left.count) == right.heaviest(right.count)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.capacity)
        hasher.combine(self.total)
    }
}

extension SpaceSaving: CompactState {
    /// The longest label, in bytes.
    static let labelBytesMax = 256

    public init(reading reader: inout StateReader) throws(AggregatorError) {
        let capacity = Int(try reader.readVarint(UInt32.self))
        guard Self.capacityRange.contains(capacity) else { throw .stateCorrupt("a capacity that there is not") }
        self.init(capacity: capacity)
        self.total = try reader.readUnits()
        let count = Int(try reader.readVarint(UInt32.self))
        guard count <= capacity, self.total >= 0 else { throw .stateCorrupt("too many labels") }
        var sum: Int128 = 0
        var last: Item?
        for _ in 0..<count {
            let item = try Self.readItem(&reader)
            if let last, !Item.isHeavier(last, item) { throw .stateCorrupt("labels out of order") }
            guard item.weight <= self.total - sum else { throw .stateCorrupt("weights above their total") }
            guard self.item(item.label) == nil else { throw .stateCorrupt("a label twice") }
            sum += item.weight
            last = item
            self.append(item, XXHash64.hash(item.label))
        }
        // As long as there is room, nothing is ever mistaken.
        let floor = self.floor
        guard count == capacity || sum == self.total, self.errors.allSatisfy({ $0 <= floor }) else {
            throw .stateCorrupt("weights that are not those of the total")
        }
    }

    private static func readItem(_ reader: inout StateReader) throws(AggregatorError) -> Item {
        let length = Int(try reader.readVarint(UInt16.self))
        guard length <= Self.labelBytesMax else { throw .stateCorrupt("a label that is too long") }
        let label = try reader.readBytes(length)
        let weight = Int128(exactly: try reader.readVarint(UInt128.self))
        let error = Int128(exactly: try reader.readVarint(UInt128.self))
        guard let weight, let error, weight > 0, error < weight else { throw .stateCorrupt("a weight out of range") }
        return Item(label: label, weight: weight, error: error)
    }

    public func write(to writer: inout StateWriter) {
        writer.writeVarint(UInt32(self.capacity))
        writer.write(self.total)
        writer.writeVarint(UInt32(self.count))
        for item in self.heaviest(self.count) {
            writer.writeVarint(UInt16(item.label.count))
            writer.write(bytes: item.label)
            writer.writeVarint(item.weight.magnitude)
            writer.writeVarint(item.error.magnitude)
        }
    }
}
