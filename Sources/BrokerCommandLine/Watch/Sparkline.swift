/// The course of a number in a line of text.
enum Sparkline {
    private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// One bar for each sample, between the lowest and the highest of them; blanks before the first.
    static func text(_ samples: some BidirectionalCollection<Double>, columns: Int) -> String {
        let shown = samples.suffix(columns)
        guard let lowest = shown.min(), let highest = shown.max(), columns > 0 else {
            return String(repeating: " ", count: max(columns, 0))
        }
        let span = highest - lowest
        let line = shown.map { sample -> Character in
            // What never moves is neither high nor low.
            guard span > 0, span.isFinite else { return Self.bars[3] }
            return Self.bars[Int(((sample - lowest) / span * 7).rounded())]
        }
        return String(repeating: " ", count: columns - line.count) + String(line)
    }
}
