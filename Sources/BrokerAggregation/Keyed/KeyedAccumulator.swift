public import BrokerWire

/// Two folds in one: the samples of each key over time, and the keys' values with each other.
///
/// `last` for each machine and `max` across them is the highest of what all machines draw now, which one fold over all
/// samples could never let go of again.
public final class KeyedAccumulator: Accumulator {
    /// What a rule says about keys.
    public struct Plan: Sendable {
        public var perKey: AggregatorRegistry.Factory
        public var across: AggregatorRegistry.Factory
        public var number: NumberFormat
        /// The most keys at a time.
        public var keysMax: Int

        public init(
            perKey: AggregatorRegistry.Factory,
            across: AggregatorRegistry.Factory,
            number: NumberFormat,
            keysMax: Int
        ) {
            self.perKey = perKey
            self.across = across
            self.number = number
            self.keysMax = keysMax
        }
    }

    /// The longest key, in bytes.
    public static let keyBytesMax = 256

    private struct Entry {
        var key: [UInt8]
        var fold: any Accumulator
        /// The offset and the time of the last sample, from which the leaf is made again after a restart.
        var offset: UInt64
        var timestamp: UInt64
    }

    private let plan: Plan
    private var entries: [Entry?] = []
    private var places: [[UInt8]: Int] = [:]
    private var freePlaces: [Int] = []
    private var tree: MergeTree

    init(_ plan: Plan) {
        self.plan = plan
        self.tree = MergeTree(make: plan.across.makeAccumulator)
    }

    public var descriptor: AggregatorDescriptor { Self.descriptor(of: self.plan) }

    static func descriptor(of plan: Plan) -> AggregatorDescriptor {
        var descriptor = plan.across.descriptor
        // What is stored is neither the one nor the other.
        descriptor.name = "\(plan.perKey.stateName)/\(plan.across.stateName)"
        descriptor.stateVersion = Self.stateVersion
        return descriptor
    }

    public var value: AggregateValue { self.tree.root?.value ?? .none }

    /// The keys in no order.
    public var keys: some Sequence<[UInt8]> { self.places.keys }

    /// The value of one key.
    public func value(of key: [UInt8]) -> AggregateValue? {
        self.places[key].flatMap { self.entries[$0]?.fold.value }
    }

    public var memory: Int {
        self.entries.reduce(self.tree.memory) { $0 + ($1.map { $0.fold.memory + $0.key.count } ?? 0) }
    }

    // MARK: Folding

    public func add(_ sample: Sample) throws(AggregatorError) {
        let place = self.places[sample.label]
        guard place != nil || self.places.count < self.plan.keysMax else {
            throw .input(why: "too_many_keys", reason: "there are \(self.plan.keysMax) keys already (maxKeys)")
        }
        guard sample.label.count <= Self.keyBytesMax else {
            throw .input(why: "key_too_long", reason: "a key has at most \(Self.keyBytesMax) bytes")
        }
        let fold = place.flatMap { self.entries[$0]?.fold } ?? self.plan.perKey.makeAccumulator()
        let undo = fold.undo(of: sample)
        try fold.add(sample)
        let entry = Entry(key: sample.label, fold: fold, offset: sample.offset, timestamp: sample.timestamp)
        let target = place ?? self.freePlaces.last ?? self.entries.count
        do throws(AggregatorError) {
            try self.tree.set(try self.leaf(entry), at: target)
        } catch {
            undo()
            throw error
        }
        self.put(entry, at: target)
    }

    private func put(_ entry: Entry, at place: Int) {
        if place == self.entries.count {
            self.entries.append(entry)
        } else {
            if self.freePlaces.last == place { self.freePlaces.removeLast() }
            self.entries[place] = entry
        }
        self.places[entry.key] = place
    }

    /// What one key brings to the whole: its value as a single sample.
    private func leaf(_ entry: Entry) throws(AggregatorError) -> (any Accumulator)? {
        guard let number = entry.fold.value.primaryNumber else { return nil }
        let leaf = self.plan.across.makeAccumulator()
        guard let fitting = number.converted(to: self.plan.number) else { throw .overflow }
        try leaf.add(
            Sample(number: fitting, timestamp: entry.timestamp, offset: entry.offset, label: entry.key)
        )
        return leaf
    }

    /// Takes a key out of the whole; returns whether it is gone.
    ///
    /// It stays if the others alone have no room, as a sum without its only negative part may have none.
    @discardableResult
    public func remove(_ key: [UInt8]) -> Bool {
        guard let place = self.places[key] else { return false }
        do throws(AggregatorError) { try self.tree.set(nil, at: place) } catch { return false }
        self.places[key] = nil
        self.entries[place] = nil
        self.freePlaces.append(place)
        return true
    }

    public func undo(of sample: Sample) -> () -> Void {
        var before = self.places[sample.label].flatMap { self.entries[$0] }
        // The fold itself goes on being changed.
        if let fold = before?.fold { before?.fold = fold.copy() }
        return { [self, before] in
            guard let before, let place = self.places[sample.label] else {
                self.remove(sample.label)
                return
            }
            // It was there before, so there is room for it.
            try? self.tree.set(try self.leaf(before), at: place)
            self.put(before, at: place)
        }
    }

    public func merge(_ other: any Accumulator) throws(AggregatorError) {
        // Keys belong to one topic; what combines topics is a view of them.
        throw .stateCorrupt("keyed states do not merge")
    }

    public func assign(_ other: any Accumulator) throws(AggregatorError) {
        try self.restore(try other.encoded(), version: other.descriptor.stateVersion)
    }

    /// Another one with the same state; it costs as much as reading it from the store, and is not on any hot path.
    public func copy() -> any Accumulator {
        let copy = KeyedAccumulator(self.plan)
        // What it has written itself it can read.
        try? copy.assign(self)
        return copy
    }

    public func reset() {
        self.entries = []
        self.places = [:]
        self.freePlaces = []
        self.tree = MergeTree(make: self.plan.across.makeAccumulator)
    }

    // MARK: Storage

    private static let stateVersion = 1

    public func encoded() throws(AggregatorError) -> [UInt8] {
        var writer = StateWriter()
        writer.writeVarint(UInt(self.places.count))
        for case let entry? in self.entries {
            let state = try entry.fold.encoded()
            writer.write(entry.key)
            writer.writeVarint(entry.offset)
            writer.writeVarint(entry.timestamp)
            writer.writeVarint(UInt(entry.fold.descriptor.stateVersion))
            writer.writeVarint(UInt(state.count))
            writer.write(bytes: state)
        }
        return writer.bytes
    }

    public func restore(_ bytes: [UInt8], version: Int) throws(AggregatorError) {
        guard version == Self.stateVersion else {
            throw .stateVersion(found: version, supported: Self.stateVersion)
        }
        self.reset()
        var reader = StateReader(bytes)
        let count = try reader.readVarint(UInt.self)
        guard count <= UInt(self.plan.keysMax) else { throw .stateCorrupt("\(count) keys, more than maxKeys") }
        for _ in 0..<count {
            let key = try reader.readText(bytesMax: Self.keyBytesMax)
            guard self.places[key] == nil else { throw .stateCorrupt("a key that stands twice") }
            let fold = self.plan.perKey.makeAccumulator()
            let offset = try reader.readVarint(UInt64.self)
            let timestamp = try reader.readVarint(UInt64.self)
            let version = try reader.readVarint(UInt.self)
            let size = try reader.readVarint(UInt.self)
            guard let version = Int(exactly: version), let size = Int(exactly: size) else {
                throw .stateCorrupt("a number out of range")
            }
            try fold.restore(try reader.readBytes(size), version: version)
            let entry = Entry(key: key, fold: fold, offset: offset, timestamp: timestamp)
            let place = self.entries.count
            try self.tree.set(try self.leaf(entry), at: place)
            self.put(entry, at: place)
        }
        try reader.finish()
    }
}
