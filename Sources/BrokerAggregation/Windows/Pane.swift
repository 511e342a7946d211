/// The samples of a stretch of time, folded. It is there once it has one.
struct Pane {
    let start: UInt64
    /// What begins there is not in it.
    let end: UInt64
    /// No longer changed once the pane is in a ``PaneQueue``, so that copies can share it.
    var state: any Accumulator {
        didSet { self.stored = nil }
    }
    /// The state's stored form, once it was asked for.
    private var stored: [UInt8]?

    init(_ range: Range<UInt64>, _ state: any Accumulator) {
        self.start = range.lowerBound
        self.end = range.upperBound
        self.state = state
    }

    var memory: Int { self.state.memory + (self.stored.map { HeapSize.array($0) } ?? 0) }

    /// Another one with a state of its own.
    func copy() -> Self {
        var copy = self
        copy.state = self.state.copy()
        copy.stored = self.stored
        return copy
    }

    /// Takes a sample into account, or throws and changes nothing.
    mutating func add(_ sample: Sample) throws(AggregatorError) {
        try self.state.add(sample)
        self.stored = nil
    }

    /// Call it when the state has changed otherwise.
    mutating func changed() { self.stored = nil }
}

extension Pane {
    /// Writes the start and the state. A state is encoded once for as long as it is not changed, because each commit
    /// writes all panes and most have not changed.
    mutating func write(to writer: inout StateWriter) throws(AggregatorError) {
        let bytes = if let stored = self.stored { stored } else { try self.state.encoded() }
        self.stored = bytes
        writer.writeVarint(self.start)
        writer.write(state: bytes, version: self.state.descriptor.stateVersion)
    }
}

extension StateWriter {
    mutating func write(state bytes: [UInt8], version: Int) {
        self.writeVarint(UInt(version.magnitude))
        self.writeVarint(UInt(bytes.count))
        self.write(bytes: bytes)
    }
}

extension StateReader {
    /// Reads what ``StateWriter/write(state:version:)`` wrote.
    mutating func readState(
        _ factory: AggregatorRegistry.Factory
    )
        throws(AggregatorError) -> any Accumulator
    {
        let version = try self.readVarint(UInt.self)
        let size = try self.readVarint(UInt.self)
        guard let version = Int(exactly: version), version > 0, let size = Int(exactly: size) else {
            throw .stateCorrupt("a number out of range")
        }
        let state = factory.makeAccumulator()
        try state.restore(try self.readBytes(size), version: version)
        return state
    }
}
