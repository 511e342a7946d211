/// Finds the lines in blocks of input, wherever the blocks are cut.
///
/// A line that lies within one block is handed out as a part of it and copied nowhere; only what is left at the end
/// of a block is kept for the next.
struct LineSplitter {
    /// One line, without what ends it.
    struct Line: Hashable {
        /// Its number, from 1; empty lines count, whether they are passed over or not.
        var number: UInt64
        /// Its bytes; `nil` when there were more than the limit, which are not kept.
        var bytes: ArraySlice<UInt8>?
    }

    private let lineBytesMax: Int
    private let keepsEmpty: Bool
    private let separator: UInt8
    private var rest: [UInt8] = []
    private var isTooLong = false
    private var number: UInt64 = 0

    /// - `lineBytesMax`: The longest line that is kept, so that input without a newline does not fill memory.
    /// - `keepsEmpty`: Whether empty lines are handed out too.
    /// - `separator`: What ends a line; a carriage return before a newline goes too.
    init(lineBytesMax: Int, keepsEmpty: Bool = false, separator: UInt8 = UInt8(ascii: "\n")) {
        self.lineBytesMax = lineBytesMax
        self.separator = separator
        self.keepsEmpty = keepsEmpty
    }

    /// The next line of `block`, starting at `index`, which moves behind it; `nil` at its end.
    mutating func next(in block: [UInt8], at index: inout Int) -> Line? {
        while index < block.count {
            let tail = block[index...]
            guard let newline = tail.firstIndex(of: self.separator) else {
                self.keep(tail)
                index = block.count
                return nil
            }
            let piece = block[index..<newline]
            index = newline + 1
            if let line = self.endLine(piece) { return line }
        }
        return nil
    }

    /// The last line, if the input ended without a newline.
    mutating func finish() -> Line? {
        guard self.isTooLong || !self.rest.isEmpty else { return nil }
        return self.endLine([])
    }

    private mutating func keep(_ piece: ArraySlice<UInt8>) {
        guard !self.isTooLong, self.rest.count + piece.count <= self.lineBytesMax + 1 else {
            self.isTooLong = true
            self.rest = []
            return
        }
        self.rest += piece
    }

    private mutating func endLine(_ piece: ArraySlice<UInt8>) -> Line? {
        self.number += 1
        var bytes = piece
        if self.isTooLong || !self.rest.isEmpty {
            self.keep(piece)
            bytes = self.rest[...]
            self.rest = []
        }
        if bytes.last == UInt8(ascii: "\r"), self.separator == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
        let isTooLong = self.isTooLong || bytes.count > self.lineBytesMax
        self.isTooLong = false
        if isTooLong { return Line(number: self.number, bytes: nil) }
        return bytes.isEmpty && !self.keepsEmpty ? nil : Line(number: self.number, bytes: bytes)
    }
}
