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
        /// What becomes of a sample of one key more.
        public var onFull: OnFull

        public init(
            perKey: AggregatorRegistry.Factory,
            across: AggregatorRegistry.Factory,
            number: NumberFormat,
            keysMax: Int,
            onFull: OnFull = .reject
        ) {
            self.perKey = perKey
            self.across = across
            self.number = number
            self.keysMax = keysMax
            self.onFull = onFull
        }
    }

    /// What becomes of a sample whose key would be one too many.
    public enum OnFull: String, Sendable, CaseIterable {
        /// It is refused.
        case reject
        /// The key whose last sample is the oldest leaves to make room.
        case evict
        /// It goes to a key for all such samples, ``KeyedAccumulator/otherKey``, which does not count as one of them.
        case other
    }

    /// The longest key, in bytes.
    public static let keyBytesMax = 256
    /// The key of all samples that have no other, where that is asked for.
    public static let otherKey = Array("other".utf8)

    private let plan: Plan
    private var table = KeyTable()
    private var across: AcrossFold

    init(_ plan: Plan) {
        self.plan = plan
        self.across = plan.across.makeAcrossFold()
    }

    public var descriptor: AggregatorDescriptor { Self.descriptor(of: self.plan) }

    static func descriptor(of plan: Plan) -> AggregatorDescriptor {
        var descriptor = plan.across.descriptor
        // What is stored is neither the one nor the other.
        descriptor.name = "\(plan.perKey.stateName)/\(plan.across.stateName)"
        descriptor.stateVersion = Self.stateVersion
        return descriptor
    }

    public var value: AggregateValue { self.across.value() }

    /// The keys in no order.
    public var keys: some Sequence<[UInt8]> { self.table.keys }

    /// The value of one key.
    public func value(of key: [UInt8]) -> AggregateValue? {
        self.table.place(of: key).flatMap { self.table[$0]?.fold.value }
    }

    public var memory: Int {
        self.table.entries.reduce(self.across.memory()) { $0 + $1.fold.memory + $1.key.count }
    }

    /// The key that a sample with this label counts for.
    public func key(for label: [UInt8]) -> [UInt8] {
        guard self.plan.onFull == .other, self.table.place(of: label) == nil, self.isFull(for: label) else {
            return label
        }
        return Self.otherKey
    }

    /// Whether `key`, which is not there yet, would be one too many.
    private func isFull(for key: [UInt8]) -> Bool {
        guard self.plan.onFull == .other else { return self.table.count >= self.plan.keysMax }
        let hasOther = self.table.place(of: Self.otherKey) != nil
        return key != Self.otherKey && self.table.count - (hasOther ? 1 : 0) >= self.plan.keysMax
    }

    /// The key that has to leave for a sample with this label, if one has to.
    public func keyToEvict(for label: [UInt8]) -> [UInt8]? {
        guard self.plan.onFull == .evict, self.table.place(of: label) == nil, self.isFull(for: label) else {
            return nil
        }
        return self.table.oldestPlace.flatMap { self.table[$0]?.key }
    }

    // MARK: Folding

    public func add(_ sample: Sample) throws(AggregatorError) {
        if let place = self.table.place(of: sample.label) {
            try self.add(sample, at: place)
        } else {
            try self.addWithNewKey(sample)
        }
    }

    private func add(_ sample: Sample, at place: Int) throws(AggregatorError) {
        guard let entry = self.table[place] else { return }
        let moment = KeyTable.Moment(sample)
        try entry.fold.add(sample) { number throws(AggregatorError) in
            try self.across.set(try self.leaf(of: entry.key, number, moment), at: place)
        }
        self.table.touch(place, moment)
    }

    private func addWithNewKey(_ sample: Sample) throws(AggregatorError) {
        var (key, place) = (sample.label, self.table.nextPlace)
        if self.isFull(for: key) {
            switch self.plan.onFull {
            case .reject:
                throw .input(why: "too_many_keys", reason: "there are \(self.plan.keysMax) keys already (maxKeys)")
            case .evict:
                place = self.table.oldestPlace ?? place
            case .other:
                key = Self.otherKey
            }
        }
        guard sample.label.count <= Self.keyBytesMax else {
            throw .input(why: "key_too_long", reason: "a key has at most \(Self.keyBytesMax) bytes")
        }
        if let known = self.table.place(of: key) { return try self.add(sample, at: known) }
        let fold = self.plan.perKey.makeAccumulator()
        try fold.add(sample)
        try self.put(KeyTable.Entry(key: key, fold: fold, last: KeyTable.Moment(sample)), at: place)
    }

    /// Puts a key in the whole, or throws and changes nothing.
    private func put(_ entry: KeyTable.Entry, at place: Int) throws(AggregatorError) {
        let leaf = try self.leaf(of: entry.key, entry.fold.value.primaryNumber, entry.last)
        try self.across.set(leaf, at: place)
        self.table.put(entry, at: place)
    }

    /// What one key brings to the whole: its value as a single sample.
    private func leaf(
        of key: [UInt8],
        _ number: ExactDecimal?,
        _ last: KeyTable.Moment
    ) throws(AggregatorError) -> Sample? {
        guard let number else { return nil }
        guard let fitting = number.converted(to: self.plan.number) else { throw .overflow }
        return Sample(number: fitting, timestamp: last.timestamp, offset: last.offset, label: key)
    }

    /// Takes a key out of the whole; returns whether it is gone.
    ///
    /// It stays if the others alone have no room, as a sum without its only negative part may have none.
    @discardableResult
    public func remove(_ key: [UInt8]) -> Bool {
        guard let place = self.table.place(of: key) else { return false }
        do throws(AggregatorError) { try self.across.set(nil, at: place) } catch { return false }
        self.table.remove(at: place)
        return true
    }

    public func undo(of sample: Sample) -> () -> Void {
        let key = self.key(for: sample.label)
        let isEvicting = self.plan.onFull == .evict && self.isFull(for: key)
        let place = self.table.place(of: key) ?? (isEvicting ? self.table.oldestPlace : nil)
        guard let place, var before = self.table[place] else { return { self.remove(key) } }
        // The fold itself goes on being changed.
        before.fold = before.fold.copy()
        return { [before] in
            // Where the key is that took its place, or itself if nothing was added after all.
            guard let place = self.table.place(of: key) ?? self.table.place(of: before.key) else { return }
            // It was there before, so there is room for it.
            try? self.put(before, at: place)
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
        self.table = KeyTable()
        self.across = self.plan.across.makeAcrossFold()
    }

    // MARK: Storage

    private static let stateVersion = 1

    public func encoded() throws(AggregatorError) -> [UInt8] {
        var writer = StateWriter()
        writer.writeVarint(UInt(self.table.count))
        for entry in self.table.entries {
            let state = try entry.fold.encoded()
            writer.write(entry.key)
            writer.writeVarint(entry.last.offset)
            writer.writeVarint(entry.last.timestamp)
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
        for _ in 0..<count {
            let entry = try self.readEntry(&reader)
            guard self.table.place(of: entry.key) == nil else { throw .stateCorrupt("a key that stands twice") }
            guard !self.isFull(for: entry.key) else { throw .stateCorrupt("\(count) keys, more than maxKeys") }
            try self.put(entry, at: self.table.nextPlace)
        }
        try reader.finish()
    }

    private func readEntry(_ reader: inout StateReader) throws(AggregatorError) -> KeyTable.Entry {
        let key = try reader.readText(bytesMax: Self.keyBytesMax)
        let offset = try reader.readVarint(UInt64.self)
        let timestamp = try reader.readVarint(UInt64.self)
        let version = try reader.readVarint(UInt.self)
        let size = try reader.readVarint(UInt.self)
        guard let version = Int(exactly: version), let size = Int(exactly: size) else {
            throw .stateCorrupt("a number out of range")
        }
        let fold = self.plan.perKey.makeAccumulator()
        try fold.restore(try reader.readBytes(size), version: version)
        return KeyTable.Entry(key: key, fold: fold, last: KeyTable.Moment(timestamp: timestamp, offset: offset))
    }
}
