import Testing

@testable import BrokerCommandLine

@Suite("Line splitter")
struct LineSplitterTests {
    /// The lines of an input that arrives in `blocks`, as "number:text".
    private func lines(_ blocks: [String], lineBytesMax: Int = 100) -> [String] {
        var splitter = LineSplitter(lineBytesMax: lineBytesMax)
        var lines: [LineSplitter.Line] = []
        for block in blocks {
            let bytes = Array(block.utf8)
            var index = 0
            while let line = splitter.next(in: bytes, at: &index) { lines.append(line) }
            #expect(index == bytes.count)
        }
        if let line = splitter.finish() { lines.append(line) }
        #expect(splitter.finish() == nil)
        return lines.map { line in
            "\(line.number):" + (line.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "too long")
        }
    }

    @Test func nothingHasNoLines() {
        #expect(self.lines([]) == [])
        #expect(self.lines([""]) == [])
    }

    @Test func theLastLineNeedsNoNewline() {
        #expect(self.lines(["a\nb"]) == ["1:a", "2:b"])
        #expect(self.lines(["a\nb\n"]) == ["1:a", "2:b"])
    }

    @Test func emptyLinesArePassedOverAndCounted() {
        #expect(self.lines(["\n\na\n\r\n\nb\n\n"]) == ["3:a", "6:b"])
    }

    @Test func aCarriageReturnBeforeTheNewlineBelongsToIt() {
        #expect(self.lines(["a\r\nb\r"]) == ["1:a", "2:b"])
        #expect(self.lines(["a\r", "\nb\rc\r\n"]) == ["1:a", "2:b\rc"])
    }

    @Test func aLineMayLieInManyBlocks() {
        #expect(self.lines(["a", "b", "", "c\nd", "\n", "e"]) == ["1:abc", "2:d", "3:e"])
    }

    /// Wherever it is cut, the lines are the same.
    @Test func everyCutGivesTheSameLines() {
        let text = "one\r\n\ntwo\n3\nfour"
        let whole = self.lines([text])
        for cut in 0...text.utf8.count {
            let bytes = Array(text.utf8)
            let parts = [bytes[..<cut], bytes[cut...]].map { String(decoding: $0, as: UTF8.self) }
            #expect(self.lines(parts) == whole)
        }
    }

    @Test func aLineOneByteOverTheLimitIsNamedAndTheNextIsRead() {
        let fits = String(repeating: "x", count: 10)
        #expect(self.lines([fits + "\nb"], lineBytesMax: 10) == ["1:\(fits)", "2:b"])
        #expect(self.lines([fits + "\r\nb"], lineBytesMax: 10) == ["1:\(fits)", "2:b"])
        #expect(self.lines([fits + "x\nb"], lineBytesMax: 10) == ["1:too long", "2:b"])
        #expect(self.lines([fits, "x", fits, fits, "\nb"], lineBytesMax: 10) == ["1:too long", "2:b"])
        #expect(self.lines([fits, fits], lineBytesMax: 10) == ["1:too long"])
    }
}
