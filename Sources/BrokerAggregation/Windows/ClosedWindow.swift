/// A window that has closed, with what its value is made from, so that it can be made again after a restart.
struct ClosedWindow {
    enum Content {
        /// What its samples were folded into; no longer changed, so that copies can share it.
        case state(any Accumulator)
        case zero
        /// No value: it had no samples, or they have no room together.
        case null
    }

    let content: Content
    let start: UInt64
    let end: UInt64
    /// The state's stored form, once it was asked for.
    private var stored: [UInt8]?

    init(_ content: Content, start: UInt64, end: UInt64) {
        self.content = content
        self.start = start
        self.end = end
    }

    var value: WindowValue {
        let value: AggregateValue =
            switch self.content {
            case .state(let state): state.value
            case .zero: .count(0)
            case .null: .none
            }
        return WindowValue(value: value, start: self.start, end: self.end, isFinal: true)
    }

    var memory: Int {
        guard case .state(let state) = self.content else { return 0 }
        return state.memory + (self.stored.map { HeapSize.array($0) } ?? 0)
    }
}

extension ClosedWindow {
    /// Writes one that there may be. Where it ends is where windows are closed until, and is not repeated.
    static func write(_ window: inout Self?, to writer: inout StateWriter) throws(AggregatorError) {
        guard let content = window?.content else { return writer.write(UInt8(0)) }
        switch content {
        case .state: writer.write(UInt8(1))
        case .zero: writer.write(UInt8(2))
        case .null: writer.write(UInt8(3))
        }
        writer.writeVarint(window?.start ?? 0)
        guard case .state(let state) = content else { return }
        let bytes = if let stored = window?.stored { stored } else { try state.encoded() }
        window?.stored = bytes
        writer.write(state: bytes, version: state.descriptor.stateVersion)
    }

    /// Reads what ``write(_:to:)`` wrote.
    static func read(
        _ reader: inout StateReader,
        end: UInt64?,
        _ plan: WindowedAccumulator.Plan
    ) throws(AggregatorError) -> Self? {
        let kind = try reader.read(UInt8.self)
        guard kind != 0 else { return nil }
        let start = try reader.readVarint(UInt64.self)
        guard let end, start < end, plan.shape.alignment != nil || start == plan.shape.start(ofWindowEndingAt: end)
        else { throw .stateCorrupt("a closed window where none was closed") }
        switch kind {
        case 1: return Self(.state(try reader.readState(plan.inner)), start: start, end: end)
        case 2: return Self(.zero, start: start, end: end)
        case 3: return Self(.null, start: start, end: end)
        default: throw .stateCorrupt("a closed window of no kind")
        }
    }
}
