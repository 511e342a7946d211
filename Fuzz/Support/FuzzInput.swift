/// What the fuzzer made up: a few bytes that choose, and behind them what the code under test is given.
struct FuzzInput {
    /// What was not taken yet.
    private(set) var rest: ArraySlice<UInt8>

    init(_ start: UnsafePointer<UInt8>?, count: Int) {
        self.rest = Array(UnsafeBufferPointer(start: start, count: count))[...]
    }

    /// The next byte, or 0 behind the end, so that every input means something.
    mutating func takeByte() -> UInt8 { self.rest.popFirst() ?? 0 }

    /// The lines of what was not taken yet; at least one.
    var lines: [[UInt8]] {
        self.rest.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
    }
}
