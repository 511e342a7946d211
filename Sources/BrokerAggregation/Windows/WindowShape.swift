/// Which windows a rule folds over: valid by construction, in milliseconds.
///
/// All are made of panes, which lie side by side without a gap; a sample goes into one pane and is in every window that
/// the pane is in.
public struct WindowShape: Sendable {
    enum Kind {
        /// One pane after the other.
        case tumbling
        /// A window ends with every pane, and shares its other panes with those before.
        case hopping
        /// One window, which moves with time, a pane at a time.
        case sliding
    }

    let kind: Kind
    /// How long a window is.
    public let size: UInt64
    /// How long a pane is.
    let paneSize: UInt64
    /// The zone whose clocks the windows follow; `nil` is UTC.
    let alignment: WindowAlignment?

    static let sizeMax = 366 * dayMilliseconds
    /// The shortest time between two windows that close: each is a message.
    static let closingMin: UInt64 = 100
    static let resolutionMin: UInt64 = 10
    /// The most panes in a window: each is a state of its own.
    static let panesMax: UInt64 = 1000
    /// What a sliding window is divided into where nothing is said.
    private static let panesByDefault: UInt64 = 60
    private static let dayMilliseconds: UInt64 = 86_400_000
    /// The last instant that a window can hold, in the year 144,683: no sum with it overflows.
    static let timeMax: UInt64 = 1 << 52

    private init(_ kind: Kind, size: UInt64, paneSize: UInt64, alignment: WindowAlignment? = nil) {
        self.kind = kind
        self.size = size
        self.paneSize = paneSize
        self.alignment = alignment
    }

    /// Windows side by side. Without `alignment` they begin at multiples of `size` since 1970.
    public static func tumbling(
        size: UInt64,
        alignment: WindowAlignment? = nil
    ) throws(AggregatorError) -> Self {
        try Self.check(size, "size", least: Self.closingMin)
        if alignment != nil, Self.dayMilliseconds % size != 0 {
            throw .configuration(path: "zone", reason: "goes with a size that a day is a multiple of")
        }
        return Self(.tumbling, size: size, paneSize: size, alignment: alignment)
    }

    /// Windows that end at every multiple of `every` since 1970.
    public static func hopping(size: UInt64, every: UInt64) throws(AggregatorError) -> Self {
        try Self.check(size, "size", least: Self.closingMin)
        try Self.check(every, "every", least: Self.closingMin)
        try Self.check(every, "every", divides: size)
        return Self(.hopping, size: size, paneSize: every)
    }

    /// The last `size` milliseconds.
    ///
    /// - `resolution`: In which steps samples leave; without it, a sixtieth of the size, or as little more as divides
    /// it.
    public static func sliding(size: UInt64, resolution: UInt64? = nil) throws(AggregatorError) -> Self {
        try Self.check(size, "size", least: Self.resolutionMin)
        guard let resolution else {
            let panes = (1...Self.panesByDefault).last { size % $0 == 0 && size / $0 >= Self.resolutionMin }
            return Self(.sliding, size: size, paneSize: size / (panes ?? 1))
        }
        try Self.check(resolution, "resolution", least: Self.resolutionMin)
        try Self.check(resolution, "resolution", divides: size)
        return Self(.sliding, size: size, paneSize: resolution)
    }

    private static func check(_ length: UInt64, _ path: String, least: UInt64) throws(AggregatorError) {
        guard length >= least else {
            throw .configuration(path: path, reason: "has to be at least \(DurationText.text(of: least))")
        }
        guard length <= Self.sizeMax else {
            throw .configuration(path: path, reason: "has to be at most \(DurationText.text(of: Self.sizeMax))")
        }
    }

    private static func check(_ part: UInt64, _ path: String, divides size: UInt64) throws(AggregatorError) {
        guard size % part == 0 else { throw .configuration(path: path, reason: "has to divide the size") }
        guard size / part <= Self.panesMax else {
            throw .configuration(path: path, reason: "has to be at least a \(Self.panesMax)th of the size")
        }
    }
}

extension WindowShape {
    /// How many panes a window has.
    var panes: Int { Int(self.size / self.paneSize) }

    func pane(containing time: UInt64) -> Range<UInt64> {
        if let alignment = self.alignment { return alignment.window(containing: time, size: self.size) }
        let start = time - time % self.paneSize
        return start..<start + self.paneSize
    }

    /// Whether a pane can begin or end at `time`. In a zone it can anywhere: governments change their clocks, and what
    /// was stored before was right.
    func isEdge(_ time: UInt64) -> Bool {
        time <= Self.timeMax + Self.sizeMax && (self.alignment != nil || time % self.paneSize == 0)
    }

    /// Where the window begins that ends at `end`; none begins before 1970.
    func start(ofWindowEndingAt end: UInt64) -> UInt64 {
        if self.alignment != nil, end > 0 { return self.pane(containing: end - 1).lowerBound }
        return end > self.size ? end - self.size : 0
    }
}

extension WindowShape: CustomStringConvertible {
    /// As it stands in the name of a stored state: `hopping 5m every 1m`.
    public var description: String {
        let size = DurationText.text(of: self.size)
        let paneSize = DurationText.text(of: self.paneSize)
        return switch self.kind {
        case .tumbling: "tumbling \(size)" + (self.alignment.map { " in \($0.identifier)" } ?? "")
        case .hopping: "hopping \(size) every \(paneSize)"
        case .sliding: "sliding \(size) by \(paneSize)"
        }
    }
}

extension DurationText {
    /// In the largest unit of which it is a whole number.
    static func text(of milliseconds: UInt64) -> String {
        let units: [(String, UInt64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        let unit = units.first { milliseconds % $0.1 == 0 }
        return unit.map { "\(milliseconds / $0.1)\($0.0)" } ?? "\(milliseconds)ms"
    }
}
