/// An accumulator whose value changes with time alone, because it folds over a window.
///
/// It reads no clock: all times are milliseconds since 1970 on the host's window clock, which never goes back.
public protocol TimedAccumulator: Accumulator {
    /// When it changes next by itself, or `nil` if only another sample can change it.
    var deadline: UInt64? { get }

    /// Makes the earliest change that is due at `now`; `nil` if none is. Call it until it returns `nil`, and before a
    /// sample is added.
    func step(at now: UInt64) throws(AggregatorError) -> WindowStep?

    /// The open window that closes next of those that have samples, or `nil` if there is none.
    var running: WindowValue? { get }
    /// The window that closed last, or `nil` before the first.
    var closed: WindowValue? { get }
    /// What the topic says: the running value, or what closed last where that is what is told or nothing else is there.
    var told: WindowValue? { get }
}

/// A change that comes with time alone.
public enum WindowStep: Hashable, Sendable {
    /// A window has ended, and this is its value.
    case closed(WindowValue)
    /// Samples have left a sliding window.
    case moved
}

/// The value of one window.
public struct WindowValue: Hashable, Sendable {
    public var value: AggregateValue
    /// In milliseconds since 1970; the start belongs to the window, the end does not.
    public var start: UInt64
    public var end: UInt64
    /// Whether it can not change any more.
    public var isFinal: Bool

    public init(value: AggregateValue, start: UInt64, end: UInt64, isFinal: Bool) {
        self.value = value
        self.start = start
        self.end = end
        self.isFinal = isFinal
    }
}
