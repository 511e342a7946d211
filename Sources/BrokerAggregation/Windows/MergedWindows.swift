/// Windows whose panes were merged lately, so that what is asked after each sample is not merged each time.
///
/// Two: samples of this and of the next window may take turns.
struct MergedWindows {
    /// The window that was selected last.
    private(set) var state: any Accumulator
    private var end: UInt64?
    private var other: any Accumulator
    private var otherEnd: UInt64?

    init(make: () -> any Accumulator) {
        self.state = make()
        self.other = make()
    }

    /// Makes ``state`` that of the window that ends at `end`; returns whether it is merged already.
    mutating func select(_ end: UInt64) -> Bool {
        if self.end == end { return true }
        swap(&self.state, &self.other)
        swap(&self.end, &self.otherEnd)
        if self.end == end { return true }
        self.end = end
        return false
    }

    /// Lets go of the other window if it ends later than ``state``: what went into that is missing in it.
    mutating func forgetLater() {
        if let end = self.end, let otherEnd = self.otherEnd, otherEnd > end { self.otherEnd = nil }
    }

    mutating func forget() {
        self.end = nil
        self.otherEnd = nil
    }
}
