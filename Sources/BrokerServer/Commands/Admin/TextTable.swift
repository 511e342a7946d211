/// Columns that stand below each other.
struct TextTable {
    private var rows: [[String]]

    init(_ header: String...) { self.rows = [header] }

    mutating func add(_ row: String...) { self.rows.append(row) }

    /// The lines, without blanks at their ends.
    var text: String {
        let columns = self.rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in self.rows.map { $0[column].count }.max() ?? 0 }
        return self.rows.map { row in
            var line = ""
            for (cell, width) in zip(row.dropLast(), widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            line += row.last ?? ""
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// A text from outside, fit for a line: without what moves a terminal's cursor, and not longer than `most`.
    static func cell(_ text: String, most: Int = 80) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            scalars.append(isControl ? "?" : scalar)
        }
        let clean = String(scalars)
        return clean.count > most ? clean.prefix(most - 1) + "…" : clean
    }
}
